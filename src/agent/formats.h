// In which format this agent writes: the lowest that every live agent reads, so that a new binary
// can replace agents one by one and the former one can come back meanwhile (design.md, Versions).
#pragma once

#include <map>

#include "agent/agent.h"
#include "base/json.h"
#include "base/time.h"
#include "model/names.h"

namespace weir::agent {

// An agent publishes itself at least every sighting_every; one that has been silent for three of
// these is not counted any more.
constexpr Duration kAgentLives = 3 * Timings{}.sighting_every;

// Pure; one thread at a time.
class Formats {
 public:
  // What an agent tells of itself under host/H/agent, beside its life: what it reads.
  static Json own();
  // One that tells nothing of it is of the weir that knew only the formats before.
  void learn(const HostName& host, const Json& told, Instant now);
  // The format of journal lines; the one before, until somebody was heard.
  int journal(Instant now) const;

 private:
  struct Reader {
    int journal = 0;
    Instant heard{};
  };
  std::map<HostName, Reader> readers_;
};

}  // namespace weir::agent
