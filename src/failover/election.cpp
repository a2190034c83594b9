// When promises suffice, and whom they choose (safety.md S5).
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

bool among(const std::vector<Voter>& voters, const Voter& voter) {
  const bool by_name = mutant("rebuilt-voter-counted");
  return std::ranges::any_of(voters, [&](const Voter& other) {
    return by_name ? other.member == voter.member : other == voter;
  });
}

// `promised > |set| - number`, at least one; the promise of the set's leader counts for all of it.
bool intersects(const SyncSet& set, const Voter& leader, const std::vector<Voter>& promised) {
  if (!leader.incarnation.empty() && among(promised, leader)) return true;
  const auto counted =
      std::ranges::count_if(set.voters, [&](const Voter& voter) { return among(promised, voter); });
  const std::int64_t spare = mutant("promise-too-few") ? 1 : 0;
  return counted >= 1 && counted > std::ssize(set.voters) - set.number - spare;
}

}  // namespace

bool promises_suffice(const Record& record, const std::vector<Voter>& promised) {
  // Nobody's acknowledgement counted, so nobody in particular is needed.
  if (acknowledges_alone(record)) return !promised.empty();
  if (!intersects(record.set, record.leader, promised)) return false;
  if (mutant("previous-set-ignored")) return true;
  return std::ranges::all_of(record.previous, [&](const PreviousSet& previous) {
    if (intersects(previous.set, previous.leader, promised)) return true;
    probe("failover.a_previous_set_is_not_met");
    return false;
  });
}

bool is_voter(const Record& record, const Voter& voter) {
  if (voter.incarnation.empty()) return false;
  if (acknowledges_alone(record) && among(record.members, voter)) return true;
  const auto counts = [&](const SyncSet& set, const Voter& leader) {
    return leader == voter || set.counts(voter);
  };
  return counts(record.set, record.leader) ||
         std::ranges::any_of(record.previous, [&](const PreviousSet& previous) {
           return counts(previous.set, previous.leader);
         });
}

const weir::Promise* freshest(const std::vector<weir::Promise>& promises,
                              const std::vector<MemberName>& leaving) {
  const auto rank = [&](const weir::Promise& promise) {
    const bool leaves = std::ranges::find(leaving, promise.voter.member) != leaving.end();
    return std::pair(leaves, promise.voter.member);
  };
  const weir::Promise* best = nullptr;
  for (const weir::Promise& promise : promises) {
    if (best == nullptr) {
      best = &promise;
      continue;
    }
    const bool newer_log = mutant("position-before-lineage")
                               ? promise.standing.at > best->standing.at
                               : promise.of > best->of || (promise.of == best->of &&
                                                           promise.standing.at > best->standing.at);
    if (promise.of != best->of &&
        (promise.of > best->of) != (promise.standing.at > best->standing.at)) {
      probe("failover.lineage_before_position");
    }
    const bool same = promise.of == best->of && promise.standing.at == best->standing.at;
    if (newer_log || (same && rank(promise) < rank(*best))) best = &promise;
  }
  if (best == nullptr) return nullptr;
  // Logs of one epoch are prefixes of one leader's log. If two contradict each other, somebody's
  // disk lies, and nobody may be chosen by us.
  for (const weir::Promise& promise : promises) {
    if (promise.of == best->of && !comparable(promise.standing.lineage, best->standing.lineage)) {
      return nullptr;
    }
  }
  return best;
}

}  // namespace weir::failover
