// Test only: the store in memory, which goes away or forgets its past when it is told to.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/memory/memory.h"

namespace weir::agent {

class MoodyStore final : public store::Store {
 public:
  MoodyStore(Clock& clock, Workers& workers)
      : clock_(clock), store_(store::make_memory(clock, workers)) {}

  std::atomic<bool> away = false;                         // nothing of what is asked is done
  std::atomic<bool> forgetful = false;                    // every watch comes too late
  std::function<void(const std::string& key)> meanwhile;  // during each commit; set beforehand
  std::atomic<int> gets = 0;
  std::atomic<int> lists = 0;

  // The keys of all commits that were done, in their order.
  std::vector<std::string> committed() const {
    const std::lock_guard lock(mutex_);
    return committed_;
  }

  Result<std::optional<store::Entry>> get(const std::string& key, Deadline deadline) override {
    if (away) return gone();
    auto entry = store_->get(key, deadline);
    ++gets;
    return entry;
  }
  Result<std::vector<store::Entry>> list(const std::string& prefix, Deadline deadline) override {
    if (away) return gone();
    auto entries = store_->list(prefix, deadline);
    ++lists;
    return entries;
  }
  Result<store::Revision> commit(const std::vector<store::Change>& changes,
                                 Deadline deadline) override {
    if (away) return gone();
    if (meanwhile) meanwhile(changes.front().key);
    auto revision = store_->commit(changes, deadline);
    const std::lock_guard lock(mutex_);
    for (const store::Change& change : changes) {
      if (revision) committed_.push_back(change.key);
    }
    return revision;
  }
  // Short, so that a change of mood is met soon.
  Result<store::Watched> watch(const std::string& prefix, store::Revision after,
                               Deadline deadline) override {
    if (away) return gone();
    if (forgetful) return fail(Failure::conflict, "the events since then are no longer kept");
    return store_->watch(prefix, after, sooner(deadline, clock_.within(20ms)));
  }
  Result<store::LeaseId> grant(Duration ttl, Deadline deadline) override {
    return store_->grant(ttl, deadline);
  }
  Result<> renew(store::LeaseId lease, Deadline deadline) override {
    return store_->renew(lease, deadline);
  }
  Result<> revoke(store::LeaseId lease, Deadline deadline) override {
    return store_->revoke(lease, deadline);
  }

 private:
  static tl::unexpected<Error> gone() { return fail(Failure::unreachable, "the store is away"); }

  Clock& clock_;
  std::unique_ptr<store::Store> store_;
  mutable std::mutex mutex_;
  std::vector<std::string> committed_;
};

}  // namespace weir::agent
