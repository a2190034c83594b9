// The leases of leaders that acknowledge alone (safety.md S2, S5, S8).
#include <algorithm>

#include "base/mutant.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

constexpr Duration kStartTakes = 500ms;  // of the deadline that has to be left before a start
constexpr Duration kAnswersWithin = 1s;  // an open round, before the end of the lease is the answer

}  // namespace

bool acknowledges_alone(const Record& record) { return record.mode == Durability::async; }

bool needs_deadline(const View& view) {
  return acknowledges_alone(view.record) && leads_by_record(view);
}

bool keeps_old_deadline(const View& view) {
  // One that leads by no record is fenced at its deadline, whatever else happens.
  const bool leads = view.own.server.life == ServerLife::running && !view.own.as_replica;
  return view.own.server.deadline != Instant{} && !needs_deadline(view) &&
         (!leads || leads_by_record(view));
}

// Its data is gone, or its server is down and it cannot write the promise that the others wait for:
// the disk may be what hangs.
bool gives_up_lease(const View& view) {
  const Record& record = view.record;
  const bool named = record.leader.member == view.self.name && record.leader_life == view.life;
  if (!named || !acknowledges_alone(record) || record.leader.incarnation.empty()) return false;
  if (view.own.server.life == ServerLife::running) return false;
  if (!leads_by_record(view)) return true;
  return record.round && view.own.promised < record.round->number &&
         view.now - view.memory.round_seen >= kAnswersWithin;
}

bool deadline_is_held(const View& view) {
  return view.own.server.deadline - view.now >= kStartTakes;
}

// Counted from the last change that was seen, and only if a read that began after it still shows
// that one.
bool lease_is_over(const View& view) {
  const Other* leader = find_other(view, view.record.leader.member);
  if (mutant("dead-taken-for-fenced") && leader != nullptr) {
    return leader->voice.server != ServerLife::running || suspicion(view).suspects;
  }
  const Memory& memory = view.memory;
  return memory.lease_read - std::max(memory.lease_from, memory.began) >= view.given.policy.lease;
}

bool wants_lease_read(const View& view) {
  if (!acknowledges_alone(view.record) || !view.record.round || lease_is_over(view)) return false;
  const Instant from = std::max(view.memory.lease_from, view.memory.began);
  const bool due = view.now - from >= view.given.policy.lease || mutant("store-ttl");
  return due && view.own.promised == view.record.round->number;
}

}  // namespace weir::failover
