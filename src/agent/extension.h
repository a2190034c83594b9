// This host's lease while the store is away (safety.md S2, S8): extended by the agents of all other
// recorded members together, and theirs by this one.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/agent.h"
#include "agent/claims.h"
#include "agent/remembering.h"
#include "agent/service_loop.h"

namespace weir::agent {

// Thread-safe; it has no state of its own.
class Extension {
 public:
  struct Ports {
    World& world;
    store::Store& store;
    peer::Caller& caller;
    const Setting& setting;
    const Engines& engines;
    Claims& claims;
    Remembering& remembering;
    std::function<std::vector<std::shared_ptr<ServiceLoop>>()> loops;
  };
  explicit Extension(Ports ports) : ports_(std::move(ports)) {}

  // Asks for every service that this host leads in this life under a guard's deadline; true only if
  // there is one and all answered yes. Takes at most 700 ms. The lease counts from before the call.
  bool ask(const AgentLife& life);
  // The same question from another host's agent, which its certificate names.
  Result<Json> answer(const peer::Request& request);

 private:
  std::optional<AgentLife> renewed(const HostName& host);
  failover::Grant grant(const ServiceName& service, const failover::Asking& asking,
                        const std::optional<AgentLife>& renewed);
  failover::Grant remembered(const ServiceName& service, const failover::Asking& asking,
                             const std::optional<AgentLife>& renewed);

  const Ports ports_;
};

}  // namespace weir::agent
