// The store as a pure state machine: no clock, no disk, no threads. Both makers and the simulator
// share it, so what one of them proves about revisions, leases and watches holds for all.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

namespace weir::store {

// The limits of store.h, a key twice, and text that is not UTF-8 (it could not be carried as JSON).
// bad_data names the key.
Result<> check(const std::vector<Change>& changes);

struct Write {
  std::string key;
  std::optional<std::string> value;  // nullopt: gone
  LeaseId lease = 0;
};
struct Granted {
  LeaseId id = 0;
  Duration ttl{};
};

// What one transaction does, decided but not yet done. It is written to disk between the two.
struct Delta {
  Revision revision = 0;  // the store's, once it is installed
  std::vector<Write> writes;
  std::vector<LeaseId> ended;
  std::optional<Granted> granted;

  bool empty() const { return writes.empty() && ended.empty() && !granted; }
};

// The whole state, as it is read from disk at opening.
struct Snapshot {
  struct Kept {
    Entry entry;
    LeaseId lease = 0;
  };
  Revision revision = 0;
  LeaseId last_lease = 0;
  std::vector<Kept> entries;
  std::vector<Granted> leases;
};

// Past events kept for watchers that are a little behind.
struct Window {
  std::size_t events_max = 10'000;
  std::size_t bytes_max = 64u << 20;
};

// Not thread-safe. The `plan_` calls change nothing; a Delta is installed at most once, and before
// any other one is planned.
class Machine {
 public:
  explicit Machine(Window window = {}) : window_(window) {}
  // Every lease begins a full ttl at `now`; no event from before is known.
  Machine(Snapshot snapshot, Instant now, Window window = {});

  Result<Delta> plan_commit(const std::vector<Change>& changes) const;
  Result<Delta> plan_grant(Duration ttl) const;
  Result<Delta> plan_revoke(LeaseId lease) const;
  Delta plan_expiry(Instant now) const;  // of all leases that have ended by `now`
  void install(const Delta& delta, Instant now);
  Result<> renew(LeaseId lease, Instant now);

  std::optional<Entry> get(const std::string& key) const;
  std::vector<Entry> list(const std::string& prefix) const;
  // What is there already. An answer is cut, between two transactions, at about 4 MiB. conflict if
  // the events since `after` are not kept, or `after` is ahead of the store (another store's).
  Result<Watched> watch(const std::string& prefix, Revision after) const;
  Revision revision() const { return revision_; }
  std::optional<Instant> next_expiry() const;

 private:
  struct Lease {
    Duration ttl{};
    Instant ends;
    std::set<std::string> keys;
  };

  void put(const Write& write, Revision revision);
  void forget_oldest();

  Window window_;
  Revision revision_ = 0;
  LeaseId last_lease_ = 0;
  std::map<std::string, Snapshot::Kept> entries_;
  std::map<LeaseId, Lease> leases_;
  std::set<std::pair<Instant, LeaseId>> ends_;
  std::deque<Event> events_;
  std::size_t event_bytes_ = 0;
  Revision forgotten_ = 0;  // events up to this revision are no longer kept
};

}  // namespace weir::store
