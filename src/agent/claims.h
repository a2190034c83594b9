// The claims that this agent knows of and holds (safety.md S11): for its own capabilities, and for
// clients that hold theirs through it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/loop.h"
#include "model/claim.h"
#include "peer/peer.h"
#include "store/record_io.h"

namespace weir::agent {

struct Setting;

// Thread-safe; no lock is held over a port call.
class Claims {
 public:
  Claims(World& world, store::Store& store, const Setting& setting, AgentLife life);
  ~Claims() { join(); }

  // From the watcher; a claim that is gone is nullopt. A renewal counts when it changes (S2).
  void learn_claim(const ServiceName& service, const std::optional<store::HeldClaim>& claim);
  void learn_renewal(const HostName& host, const Json& renewal);
  void learn_grant(const HostName& host, const AgentLife& life);  // it counts as a renewal (S2)
  void learn_life(const AgentLife& life);  // our lease was lost: what we held ends with it

  // Takes the claim for a capability of this agent, or keeps it; also success where all agents may
  // act under the one that stands. held: somebody else has it, and the sentence says who.
  Result<> take(const ServiceName& service, Capability capability,
                const std::vector<MemberName>& silent);
  // Success while what was taken stands in the store as we know it, and no round has preempted it:
  // read afresh, before each effect of a step. Otherwise refused.
  Result<> check(const ServiceName& service);
  // Success without effect where this agent holds nothing of its own. What the store does not
  // confirm is given up again, once the watch shows that it stands.
  void give_up(const ServiceName& service);

  // The peer port: a client takes or keeps its claim by the same call, once a second; given up when
  // it is not heard for a lease, or when its duration is over.
  Result<Json> take_for(const Json& wanted);
  Result<Json> give_up_for(const Json& which);

  void stop();
  void join();

 private:
  struct Held {
    Claim claim;
    store::Revision revision = 0;
    Instant taken{};
    Instant heard{};  // a client's last call
  };
  struct Seen {
    store::HeldClaim held;
    Instant since{};  // when its id was first seen; zero: we gave it up, and the store did not hear
  };
  struct Renewal {
    std::string life;
    std::int64_t count = 0;
    Instant at{};     // of the last change seen here
    Instant since{};  // when this life was first seen here
  };
  // One consistent look at a service's record and claim.
  struct Present {
    std::optional<store::HeldClaim> claim;
    std::optional<Record> record;
  };
  Result<Present> look(const ServiceName& service);
  Result<Held> acquire(const ServiceName& service, Claim wanted);
  Result<> still_last(const ServiceName& service, const Claim& present);
  Instant renewed(const ServiceName& service, const Claim& claim) const;
  bool joins(const ServiceName& service, const Claim& present, Capability capability,
             const Record* record) const;
  bool is_ours(const Claim& claim) const;
  AgentLife life() const;
  bool was_ours(const Claim& claim) const;  // of a life that this process has or had
  void drop(const ServiceName& service, const Held& held);
  std::vector<std::pair<ServiceName, Held>> strays() const;
  bool acts_for(const ServiceName& service, const std::string& id) const;  // a client of ours
  void turn();

  World& world_;
  store::Store& store_;
  const Setting& setting_;
  mutable std::mutex life_mutex_;
  std::vector<AgentLife> lives_;  // of this process; the last one is its present one
  const Instant began_;
  mutable std::mutex mutex_;
  std::map<HostName, Renewal> renewals_;
  std::map<ServiceName, Seen> seen_;
  std::map<ServiceName, Held> own_;
  std::map<ServiceName, Held> clients_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace weir::agent
