// The Store's calls over the Machine: who may change it when, and who is woken by what.
#include "store/kept.h"

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "store/turn.h"

namespace weir::store {
namespace {

struct Watcher {
  std::string prefix;
  std::unique_ptr<Alarm> alarm;
};
using Watchers = std::list<std::shared_ptr<Watcher>>;

class KeptStore final : public Store {
 public:
  KeptStore(Clock& clock, Workers& workers, Machine machine, std::unique_ptr<Keeper> keeper)
      : clock_(clock),
        workers_(workers),
        keeper_(std::move(keeper)),
        turn_(workers),
        machine_(std::move(machine)) {}

  Result<std::optional<Entry>> get(const std::string& key, Deadline deadline) override;
  Result<std::vector<Entry>> list(const std::string& prefix, Deadline deadline) override;
  Result<Revision> commit(const std::vector<Change>& changes, Deadline deadline) override;
  Result<Watched> watch(const std::string& prefix, Revision after, Deadline deadline) override;
  Result<LeaseId> grant(Duration ttl, Deadline deadline) override;
  Result<> renew(LeaseId lease, Deadline deadline) override;
  Result<> revoke(LeaseId lease, Deadline deadline) override;

 private:
  using Plan = std::function<Result<Delta>(const Machine&)>;
  class Registered;

  Result<Delta> change(Instant now, Deadline deadline, const Plan& plan);
  Result<Delta> change_in_turn(Instant now, const Plan& plan, Watchers& woken);
  Result<> keep(const Delta& delta, Instant now, Watchers& woken);
  Result<> settle(Instant now, Deadline deadline);
  Result<> usable() const;  // needs mutex_

  Clock& clock_;
  Workers& workers_;
  std::unique_ptr<Keeper> keeper_;
  Turn turn_;  // held while a change is planned, kept and installed; no port is called in it

  mutable std::mutex mutex_;  // guards what follows; never held over a port call or the keeper
  Machine machine_;
  Watchers watchers_;
  std::optional<Error> broken_;
};

// A watcher's registration, given up on every way out, also when a wait is unwound.
class KeptStore::Registered {
 public:
  Registered(KeptStore& store, std::shared_ptr<Watcher> watcher)
      : store_(store), watcher_(std::move(watcher)) {
    const std::lock_guard lock(store_.mutex_);
    store_.watchers_.push_back(watcher_);
  }
  ~Registered() {
    const std::lock_guard lock(store_.mutex_);
    store_.watchers_.remove(watcher_);
  }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  KeptStore& store_;
  std::shared_ptr<Watcher> watcher_;
};

Result<> KeptStore::usable() const {
  if (broken_) return fail(*broken_);
  return {};
}

// The clock was read before the turn: a call of a port inside it would make everyone wait for the
// caller's process. A `now` that is a little old only lets a lease end a little later.
Result<Delta> KeptStore::change(Instant now, Deadline deadline, const Plan& plan) {
  if (now >= deadline.at)
    return fail(Failure::timed_out,
                "the deadline had passed before the store began, "
                "nothing was done");
  Watchers woken;
  WEIR_TRY_(turn_.enter(deadline));
  Result<Delta> delta = [&] {
    const InTurn in_turn(turn_);
    return change_in_turn(now, plan, woken);
  }();
  for (const auto& watcher : woken) watcher->alarm->ring();
  return delta;
}

Result<Delta> KeptStore::change_in_turn(Instant now, const Plan& plan, Watchers& woken) {
  Delta expiry;
  {
    const std::lock_guard lock(mutex_);
    WEIR_TRY_(usable());
    expiry = machine_.plan_expiry(now);
  }
  if (!expiry.empty()) WEIR_TRY_(keep(expiry, now, woken));
  Result<Delta> delta;
  {
    const std::lock_guard lock(mutex_);
    delta = plan(machine_);
  }
  if (!delta || delta->empty()) return delta;
  WEIR_TRY_(keep(*delta, now, woken));
  return delta;
}

// Reads go on beside the keeper's fsync and see the state before it, which is what is durable.
Result<> KeptStore::keep(const Delta& delta, Instant now, Watchers& woken) {
  const Result<> kept = keeper_->keep(delta);
  const std::lock_guard lock(mutex_);
  if (!kept) {
    if (kept.error().failure != Failure::outcome_unknown) return kept;
    // The disk may hold the change or not, and only opening it again tells. Until then any answer,
    // also to a read, could be contradicted by the next life of the store.
    broken_ = Error{Failure::unreachable,
                    "the store does not answer until it is started again, its disk failed: " +
                        kept.error().what,
                    kept.error().hint, Here::now()};
    woken.insert(woken.end(), watchers_.begin(), watchers_.end());
    return kept;
  }
  machine_.install(delta, now);
  for (const auto& watcher : watchers_) {
    const bool touched = std::ranges::any_of(
        delta.writes, [&](const Write& write) { return starts_with(write.key, watcher->prefix); });
    // A new lease may end before the instant for which a watcher waits.
    if (touched || delta.granted) woken.push_back(watcher);
  }
  return {};
}

// Removes the leases that have ended by `now`.
Result<> KeptStore::settle(Instant now, Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    WEIR_TRY_(usable());
    const auto next = machine_.next_expiry();
    if (!next || *next > now) return {};
  }
  const Result<Delta> done =
      change(now, deadline, [](const Machine& machine) { return machine.plan_commit({}); });
  if (!done && done.error().failure != Failure::io) return fail(done.error());
  return {};
}

Result<std::optional<Entry>> KeptStore::get(const std::string& key, Deadline deadline) {
  WEIR_TRY_(settle(clock_.now(), deadline));
  const std::lock_guard lock(mutex_);
  WEIR_TRY_(usable());
  return machine_.get(key);
}

Result<std::vector<Entry>> KeptStore::list(const std::string& prefix, Deadline deadline) {
  WEIR_TRY_(settle(clock_.now(), deadline));
  const std::lock_guard lock(mutex_);
  WEIR_TRY_(usable());
  return machine_.list(prefix);
}

Result<Revision> KeptStore::commit(const std::vector<Change>& changes, Deadline deadline) {
  WEIR_TRY(const Delta delta, change(clock_.now(), deadline, [&](const Machine& machine) {
             return machine.plan_commit(changes);
           }));
  return delta.revision;
}

Result<Watched> KeptStore::watch(const std::string& prefix, Revision after, Deadline deadline) {
  auto watcher = std::make_shared<Watcher>();
  watcher->prefix = prefix;
  watcher->alarm = workers_.make_alarm();
  const Registered registered(*this, watcher);
  while (true) {
    const Instant now = clock_.now();
    const bool last = now >= deadline.at;
    if (!last) WEIR_TRY_(settle(now, deadline));
    Instant until = deadline.at;
    {
      const std::lock_guard lock(mutex_);
      WEIR_TRY_(usable());
      WEIR_TRY(Watched seen, machine_.watch(prefix, after));
      if (!seen.events.empty() || last) return seen;
      after = seen.revision;
      // An ended lease that could not be removed must not make us spin.
      const auto next = machine_.next_expiry();
      if (next) until = std::min(until, std::max(*next, now + 50ms));
    }
    watcher->alarm->wait_until(until);
  }
}

Result<LeaseId> KeptStore::grant(Duration ttl, Deadline deadline) {
  WEIR_TRY(const Delta delta, change(clock_.now(), deadline, [&](const Machine& machine) {
             return machine.plan_grant(ttl);
           }));
  return delta.granted->id;
}

// In turn, so that a lease is never renewed while its end is being kept.
Result<> KeptStore::renew(LeaseId lease, Deadline deadline) {
  const Instant now = clock_.now();
  WEIR_TRY_(turn_.enter(deadline));
  const InTurn in_turn(turn_);
  const std::lock_guard lock(mutex_);
  WEIR_TRY_(usable());
  return machine_.renew(lease, now);
}

Result<> KeptStore::revoke(LeaseId lease, Deadline deadline) {
  WEIR_TRY_(change(clock_.now(), deadline,
                   [&](const Machine& machine) { return machine.plan_revoke(lease); }));
  return {};
}

}  // namespace

std::unique_ptr<Store> make_kept(Clock& clock, Workers& workers, Machine machine,
                                 std::unique_ptr<Keeper> keeper) {
  return std::make_unique<KeptStore>(clock, workers, std::move(machine), std::move(keeper));
}

}  // namespace weir::store
