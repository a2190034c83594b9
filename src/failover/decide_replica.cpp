// A member that the record does not name: it follows, or comes back first (safety.md S9, S10).
#include <fmt/format.h>
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

constexpr int kRejoinsMax = 2;      // that did not make it receive: then the member is rebuilt
constexpr Duration kAlone = 10s;    // before a member comes back that still counts
constexpr Duration kUnheard = 10s;  // a serving leader that we receive nothing from

bool diverged(const View& view) {
  const bool former_leader = view.own.data && !view.own.as_replica;
  const bool found = view.memory.diverged && view.memory.diverged_from == view.record.epoch;
  return former_leader || found || view.own.half_rewound;
}

// Too few are left who could confirm a commit of the new leader's epoch: the other members are
// down, or left its history as we did. Without one of us coming back first it would wait for ever.
// Who leaves joins no set, and confirms nothing.
bool only_we_can_confirm(const View& view) {
  if (view.given.policy.self_leaves) return false;
  const auto receives = [](const Other& other) {
    return other.seen.reach == Reach::serving && !other.seen.receives_from.empty();
  };
  std::int64_t receiving = 0;
  std::int64_t before_us = 0;
  for (const Other& other : view.others) {
    if (other.member.name == view.record.leader.member || other.leaves) continue;
    if (receives(other)) {
      ++receiving;
      continue;
    }
    // One at a time, by name: a second copy that is given up may be the one that is missed.
    const bool speaks = other.voice.heard > Instant{} &&
                        view.now - other.voice.heard < view.given.policy.suspect_after;
    if (speaks && other.member.name < view.self.name) ++before_us;
  }
  const Instant since = std::max(view.memory.began, view.memory.epoch_seen);
  return receiving < std::max(view.record.set.number, 1) &&
         view.now - since >= kAlone * (1 + before_us);
}

// S10: nothing destroys the only copy.
Decision decide_rejoin(const View& view) {
  if (!mutant("rejoin-before-confirmation") && !view.record.confirmed) {
    if (view.own.led < view.record.epoch && only_we_can_confirm(view)) {
      probe("failover.copied_anew_to_confirm");
      return {Rejoin{upstream_of(view), engine::Rejoin::rebuild, view.given.fresh},
              "too few others can confirm the new epoch: its data is copied anew, the old kept"};
    }
    return {std::nullopt, "comes back once a commit of the new epoch is confirmed elsewhere"};
  }
  if (!mutant("rejoin-while-counted") && !view.own.half_rewound &&
      !view.record.counted_nowhere(view.self.name)) {
    probe("failover.still_counted_before_it_rejoins");
    return {std::nullopt, "comes back once the leader's set no longer counts it"};
  }
  if (view.own.led >= view.record.epoch && !mutant("rejoin-towards-a-lower-epoch")) {
    return {std::nullopt, "its data is of this epoch or a later one: it is kept as it is"};
  }
  // Also where each of them succeeded: the leader may no longer have the log that we go on from.
  const bool rebuild = view.memory.rejoins >= kRejoinsMax;
  if (view.own.half_rewound) probe("failover.half_rewound");
  return {Rejoin{upstream_of(view), rebuild ? engine::Rejoin::rebuild : engine::Rejoin::rewind,
                 view.given.fresh},
          rebuild ? "coming back failed twice: its data is copied anew, the old kept"
                  : "its log left the leader's history: it is exported and rewound"};
}

}  // namespace

bool follows(const View& view, const Other& leader) {
  return view.own.server.life == ServerLife::running && view.own.pointed &&
         view.own.follows == leader.member.name && view.own.follows_epoch == view.record.epoch;
}

Decision decide_as_replica(const View& view) {
  if (view.record.leader.incarnation.empty()) {
    return {std::nullopt, "the service has no leader yet"};
  }
  const Other* leader = find_other(view, view.record.leader.member);
  if (leader == nullptr) {
    const char* because = view.record.leader.member == view.self.name
                              ? "the record names this member with data that is gone"
                              : "the leader is not a declared member";
    return {std::nullopt, because};
  }
  const std::string& name = leader->member.name.text;
  if (!serves_as_leader(*leader)) {
    return {std::nullopt, fmt::format("waits for {} to serve as leader", name)};
  }
  if (!view.own.data) {
    return {Rejoin{upstream_of(view), engine::Rejoin::rebuild, view.given.fresh},
            fmt::format("has no data: it is copied from {}", name)};
  }
  if (diverged(view)) return decide_rejoin(view);
  if (!follows(view, *leader)) {
    return {Follow{upstream_of(view)},
            fmt::format("{} leads epoch {}", name, show(view.record.epoch))};
  }
  if (view.now - std::max(view.memory.receiving, view.memory.began) >= kUnheard) {
    probe("failover.follows_but_receives_nothing");
    return decide_rejoin(view);
  }
  return {std::nullopt, fmt::format("follows {} in epoch {}", name, show(view.record.epoch))};
}

// Nobody is stopped, nobody is promoted, nothing is rewound. A replica that lost its leader's
// address follows it again: that needs no record.
Decision decide_without_record(const View& view) {
  const std::string why = view.memory.store_lost + ": weir store rebuild";
  const Other* leader = find_other(view, view.record.leader.member);
  const bool free = view.own.data && !diverged(view) && view.own.as_replica &&
                    view.own.promised <= view.record.epoch.number && !view.record.round;
  if (!free || leader == nullptr || !serves_as_leader(*leader)) return {std::nullopt, why};
  if (follows(view, *leader)) return {std::nullopt, why};
  return {Follow{upstream_of(view)}, why};
}

Readiness readiness(const View& view) {
  if (!view.memory.store_lost.empty()) {
    return {false, view.memory.store_lost + ": weir store rebuild"};
  }
  if (view.record.leader.incarnation.empty()) return {false, "the service has no leader yet"};
  if (view.record.round) return {true, "a round is open"};
  const auto& voters =
      acknowledges_alone(view.record) ? view.record.members : view.record.set.voters;
  if (voters.empty()) return {false, "no replica is confirmed"};
  std::vector<Voter> ready;
  std::string missing;
  for (const Voter& voter : voters) {
    if (voter == view.record.leader) continue;
    const Other* other = find_other(view, voter.member);
    const bool speaks = other != nullptr && other->voice.heard > Instant{} &&
                        view.now - other->voice.heard < view.given.policy.suspect_after &&
                        other->voice.voter == voter && other->voice.knows_position;
    const bool self = voter == Voter{view.self.name, view.own.incarnation};
    if (self || speaks) {
      ready.push_back(voter);
    } else {
      missing += (missing.empty() ? "" : ", ") + voter.member.text;
    }
  }
  if (promises_suffice(view.record, ready)) return {true, "enough voters answer"};
  return {false, "too few voters answer: missing " + missing};
}

}  // namespace weir::failover
