// The load: outside clients that write numbered rows through ordinary sessions.
#pragma once

#include <cstdint>

#include "sim/world.h"

namespace weir::sim {

struct LoadTally {
  std::uint64_t acknowledged = 0;
  std::uint64_t in_doubt = 0;
  Instant last_acknowledged{};
  Duration longest_gap{};  // between two acknowledgements of any writer
};

// Begins `writers` clients that write until `stop`; the tally is theirs.
class Load {
 public:
  Load(SimFleet& fleet, int writers, double rate);
  void begin();
  void stop() { stopping_ = true; }
  const LoadTally& tally() const { return tally_; }

 private:
  void write_on(int writer);

  SimFleet& fleet_;
  const int writers_;
  const Duration pause_;
  std::unique_ptr<engine::Engine> engine_;
  bool stopping_ = false;
  LoadTally tally_;
};

}  // namespace weir::sim
