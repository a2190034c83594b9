// What a leader does once another mode is declared (safety.md S7).
#include <fmt/format.h>
#include <algorithm>

#include "failover/rules.h"

namespace weir::failover {
namespace {

// The record first, then the guard's deadline, then the set: until that is loaded commits wait
// though nobody needs them to.
Decision let_nobody_wait(const View& view) {
  Record next = view.record;
  next.mode = Durability::async;
  next.set = {{}, 0};
  return {RecordSet{next}, "no commit is to wait from now on"};
}

// Load, confirm, then record: what is acknowledged before is not yet promised to anybody.
Decision let_all_wait(const View& view) {
  const int sync = view.given.policy.sync;
  SyncSet set{{}, sync};
  for (const Voter& voter : view.record.members) {
    if (streams(view, voter) && !silent(view, voter)) set.voters.push_back(voter);
  }
  if (std::ssize(set.voters) < std::max(sync, 1)) {
    return {std::nullopt,
            fmt::format("each commit is to wait for {}, and too few replicas stream", sync)};
  }
  const std::string because = fmt::format("each commit is to wait for {}", sync);
  if (view.memory.proven != set) return {LoadSet{set}, because};
  Record next = view.record;
  next.mode = Durability::required;
  next.set = set;
  return {RecordSet{next}, because};
}

}  // namespace

std::optional<Decision> decide_mode(const View& view) {
  const Durability wanted = view.given.policy.mode;
  if (wanted == view.record.mode) return std::nullopt;
  if (wanted == Durability::async) return let_nobody_wait(view);
  if (wanted == Durability::required) return let_all_wait(view);
  return std::nullopt;
}

}  // namespace weir::failover
