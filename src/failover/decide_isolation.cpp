// A `required` leader that has lost the store and those who could acknowledge (safety.md S8). Its
// commits would only wait, and somebody else may lead by now: its clients are to go on.
#include <fmt/format.h>

#include <algorithm>

#include "base/quantity.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

bool leads_now(const View& view) {
  return leads_by_record(view) && view.own.led == view.record.epoch && !view.own.as_replica &&
         view.own.server.life == ServerLife::running && view.own_seen.reach == Reach::serving &&
         view.own_seen.role == Role::leader;
}

// An agent that has only begun knows nothing of a whole lease.
bool is_alone(const View& view) {
  const Duration lease = view.given.policy.lease;
  const auto since = [&](Instant heard) { return view.now - std::max(heard, view.memory.began); };
  if (since(view.memory.store_heard) < lease) return false;
  const SyncSet& set = view.record.set;
  const auto acknowledging = std::ranges::count_if(set.voters, [&](const Voter& voter) {
    const Other* other = find_other(view, voter.member);
    return other != nullptr && since(other->acknowledged) < lease;
  });
  return acknowledging < std::max(set.number, 1);
}

}  // namespace

bool is_isolated(const View& view) { return leads_now(view) && !view.own_seen.writable; }

std::optional<Decision> decide_isolation(const View& view) {
  if (acknowledges_alone(view.record) || !leads_now(view) || !is_alone(view)) return std::nullopt;
  if (!view.own_seen.writable) {
    return Decision{std::nullopt, "takes no writes: neither the store nor enough voters answer it"};
  }
  return Decision{Isolate{true}, fmt::format("neither the store nor enough voters for {}: its "
                                             "clients are to go on to the next address",
                                             show(view.given.policy.lease))};
}

// Only the store says that the record still names it, so a voter that is back does not suffice. The
// record was read for this decision (`wants_fresh_record`).
std::optional<Decision> decide_writes_again(const View& view) {
  if (!is_isolated(view)) return std::nullopt;
  const Instant heard = view.memory.store_heard;
  if (heard > Instant{} && view.now - heard < view.given.policy.suspect_after) {
    return Decision{Isolate{false}, "the store answers, and the record still names it"};
  }
  return Decision{std::nullopt, "takes no writes until the store says that it still leads"};
}

}  // namespace weir::failover
