// The store as an agent reaches it: the one in memory behind a network that takes time and a server
// that has bad days.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/net.h"
#include "store/store.h"

namespace weir::sim {

// The store's server and its bad days; one for all agents.
class StoreServer {
 public:
  StoreServer(SimRandom& random, std::unique_ptr<store::Store> kept)
      : random_(random), kept_(std::move(kept)) {}

  store::Store& kept() { return *kept_; }
  void set_down(bool down) { down_ = down; }
  // Requests of a frozen store arrive and are done at the thaw, when nobody waits for them any
  // more.
  void freeze(Instant now);
  void thaw(Instant now);
  // Of the answers to changes so many are lost: before the change, after it, or the change is done
  // late.
  void doubt(double share) { doubt_ = share; }
  // Watches tell what happened only so much later.
  void delay_watches(Duration delay) { watch_delay_ = delay; }
  // From now on lists and watches show what stands now, as those of a member of the store that lags
  // behind; `get` and `commit` stay linearizable.
  void fall_behind();
  void heal(Instant now);

 private:
  friend class SimStore;
  void revoke_renewals(Instant now);
  struct Behind {
    std::vector<store::Entry> entries;
    store::Revision revision = 0;
  };
  SimRandom& random_;
  std::unique_ptr<store::Store> kept_;
  bool down_ = false;
  bool frozen_ = false;
  Instant frozen_since_{};  // read by a mutant only
  double doubt_ = 0;
  Duration watch_delay_{};
  std::optional<Behind> behind_;
  std::vector<std::function<void()>> held_;  // while frozen
};

// One agent's client.
class SimStore : public store::Store {
 public:
  SimStore(StoreServer& server, SimNet& net, Fibers& fibers, Passage& passage, HostName host)
      : server_(server), net_(net), fibers_(fibers), passage_(passage), host_(std::move(host)) {}

  Result<std::optional<store::Entry>> get(const std::string& key, Deadline deadline) override;
  Result<std::vector<store::Entry>> list(const std::string& prefix, Deadline deadline) override;
  Result<store::Revision> commit(const std::vector<store::Change>& changes,
                                 Deadline deadline) override;
  Result<store::Watched> watch(const std::string& prefix, store::Revision after,
                               Deadline deadline) override;
  Result<store::LeaseId> grant(Duration ttl, Deadline deadline) override;
  Result<> renew(store::LeaseId lease, Deadline deadline) override;
  Result<> revoke(store::LeaseId lease, Deadline deadline) override;

 private:
  // One call to the store's server and back. `changes` says what a lost answer leaves open.
  template <class T>
  Result<T> ask(std::string_view call, std::string_view detail, Deadline deadline, bool changes,
                const std::function<Result<T>()>& effect);
  Result<> reach(std::string_view call, std::string_view detail, Deadline deadline, bool changes);
  Result<> come_back(Deadline deadline, bool changes);
  void drop_news(store::Watched& watched, store::Revision after, Deadline deadline);
  bool in_doubt(const std::function<void()>& effect);

  StoreServer& server_;
  SimNet& net_;
  Fibers& fibers_;
  Passage& passage_;
  const HostName host_;
};

}  // namespace weir::sim
