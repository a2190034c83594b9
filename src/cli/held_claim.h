// A claim that this command holds through an agent, for as long as the object lives.
#pragma once

#include <memory>
#include <string>

#include "cli/session.h"
#include "model/claim.h"

namespace weir::cli {

struct ClaimOrder {
  Service service;
  Capability capability = Capability::provision;
  std::string verb;      // "weir apply": who holds it, for whoever asks
  Duration lasts{};      // it is given up by then, whatever happens to us
  bool for_all = false;  // the agents act under it, each on its own members
  HostName last;         // whose agent is asked after all others: the one that may be killed
};

// Taken from the first agent of the service's hosts that answers, kept by one call a second, given
// up by the destructor; an agent that hears nothing of us for a lease gives it up by itself.
class HeldClaim {
 public:
  // What an agent holds for a step of its own is waited for; held when another command has it, and
  // the sentence says which, since when, and for how long. unreachable: no agent answers.
  static Result<std::unique_ptr<HeldClaim>> take(Session& session, const ClaimOrder& order);
  virtual ~HeldClaim() = default;
  // Success while it is held and no failover has preempted it since it was taken: asked afresh,
  // before each effect. refused or held otherwise.
  virtual Result<> check() = 0;
};

}  // namespace weir::cli
