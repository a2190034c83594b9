// The store: compare-and-set, watch and TTL leases. One interface, one conformance suite
// (store/conformance.h), three makers: memory/, sqlite/ and remote/ (the client of `weir store`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::store {

// Grows by one with every transaction that changed something; 0: the empty store.
using Revision = std::int64_t;
using LeaseId = std::int64_t;

struct Entry {
  std::string key;
  std::string value;
  Revision revision = 0;  // of its last change
  bool operator==(const Entry&) const = default;
};

// One condition with its effect. The key must stand at `expected` (0: must be absent).
struct Change {
  std::string key;
  Revision expected = 0;
  std::optional<std::string> value;  // nullopt: delete
  LeaseId lease = 0;                 // 0: none; the key goes when the lease ends
};

struct Event {
  std::string key;
  std::optional<std::string> value;  // nullopt: deleted or expired
  Revision revision = 0;
  bool operator==(const Event&) const = default;
};

struct Watched {
  std::vector<Event> events;  // ordered, none missing, all of revision > `after`
  Revision revision = 0;      // give this as the next `after`
  bool operator==(const Watched&) const = default;
};

constexpr std::size_t kKeyBytesMax = 512;
constexpr std::size_t kValueBytesMax = 4u << 20;
constexpr std::size_t kChangesMax = 128;

// All calls are linearizable, return by their deadline and may be made from any thread. Errors:
// unreachable (nothing was done), timed_out, outcome_unknown (a change may have been made),
// conflict (see commit), bad_data (limits above), not_found (a lease that is gone).
class Store {
 public:
  virtual ~Store() = default;

  virtual Result<std::optional<Entry>> get(const std::string& key, Deadline deadline) = 0;
  // Entries whose key begins with `prefix`, sorted by key, all of one revision.
  virtual Result<std::vector<Entry>> list(const std::string& prefix, Deadline deadline) = 0;
  // All changes or none, and their revision. If any expectation fails: conflict, and nothing is
  // changed. A key may stand once in a transaction.
  virtual Result<Revision> commit(const std::vector<Change>& changes, Deadline deadline) = 0;
  // Waits until something under `prefix` has changed after revision `after`, or the deadline:
  // then `events` is empty, and that is success. If the events since `after` are no longer kept:
  // Failure::conflict; list again and watch from the newest revision seen.
  virtual Result<Watched> watch(const std::string& prefix, Revision after, Deadline deadline) = 0;

  // Leases end `ttl` after their last renewal, judged by the store's own CLOCK_BOOTTIME; a store
  // that starts gives each a full ttl again. Nothing of leadership hangs on one (safety.md S2).
  virtual Result<LeaseId> grant(Duration ttl, Deadline deadline) = 0;
  virtual Result<> renew(LeaseId lease, Deadline deadline) = 0;
  virtual Result<> revoke(LeaseId lease, Deadline deadline) = 0;
};

}  // namespace weir::store
