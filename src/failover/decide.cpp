// Who leads: rules in order, the first that applies answers.
#include "failover/failover.h"
#include "failover/rules.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"

namespace weir::failover {
namespace {

bool runs_as_leader(const View& view) {
  return view.own.server.life == ServerLife::running && !view.own.as_replica;
}

// S8: whoever learns of a higher epoch that does not name its member stops that server at once.
std::optional<Decision> decide_deposed(const View& view) {
  if (!runs_as_leader(view)) return std::nullopt;
  for (const Other& other : view.others) {
    if (other.voice.epoch > view.record.epoch && other.voice.leader != view.self.name) {
      probe("failover.deposed_by_a_voice");
      return Decision{Fence{},
                      fmt::format("{} knows epoch {}, which {} leads", other.member.name.text,
                                  show(other.voice.epoch), other.voice.leader.text)};
    }
  }
  if (view.own.promised > view.record.epoch.number) {
    probe("failover.start_came_up_after_a_promise");
    return Decision{Fence{}, fmt::format("it has promised round {}, and a start of before came up",
                                         view.own.promised)};
  }
  if (view.record.leader.incarnation.empty()) return std::nullopt;  // not made yet
  if (leads_by_record(view) && view.own.led == view.record.epoch) return std::nullopt;
  probe("failover.deposed_by_the_record");
  return Decision{Fence{}, fmt::format("the record names {} as leader of epoch {}",
                                       view.record.leader.member.text, show(view.record.epoch))};
}

bool has_left(const View& view) {
  return view.given.policy.self_leaves && view.record.leader.member != view.self.name &&
         view.record.counted_nowhere(view.self.name);
}

std::optional<Decision> decide_released(const View& view) {
  if (view.own.promised <= view.record.epoch.number) return std::nullopt;
  probe("failover.promise_given_back");
  Release release{view.own.promised, std::nullopt};
  if (find_other(view, view.record.leader.member) != nullptr) release.upstream = upstream_of(view);
  return Decision{release, fmt::format("round {} was closed without a leader", view.own.promised)};
}

}  // namespace

bool leads_by_record(const View& view) {
  return view.record.leader.member == view.self.name && !view.own.incarnation.empty() &&
         view.record.leader.incarnation == view.own.incarnation;
}

bool may_promise(const View& view) {
  const Voter self{view.self.name, view.own.incarnation};
  const Voter* recorded = view.record.find(view.self.name);
  const bool recorded_so = recorded != nullptr && *recorded == self;
  return view.own.data && !view.own.half_rewound &&
         (recorded_so || mutant("rebuilt-voter-counted")) && is_voter(view.record, self);
}

const Other* find_other(const View& view, const MemberName& member) {
  const auto found = std::ranges::find_if(
      view.others, [&](const Other& other) { return other.member.name == member; });
  return found == view.others.end() ? nullptr : &*found;
}

engine::Upstream upstream_of(const View& view) {
  return {find_other(view, view.record.leader.member)->member, view.record.epoch};
}

bool serves_as_leader(const Other& other) {
  return other.seen.reach == Reach::serving && other.seen.role == Role::leader;
}

bool wants_fresh_record(const View& view) {
  return view.record.round.has_value() || view.own.promised > view.record.epoch.number ||
         suspicion(view).suspects || is_isolated(view);
}

bool comes_first(const View& view) {
  if (view.record.round || view.own.promised > view.record.epoch.number) return true;
  if (view.given.policy.service_leaves) return false;  // no round will be opened
  const bool led = !view.record.leader.incarnation.empty();
  return led && view.record.leader.member != view.self.name && suspicion(view).suspects;
}

bool wants_standing(const View& view, bool known) {
  return !known && view.own.data && !view.own.half_rewound && !view.own.foreign &&
         !runs_as_leader(view);
}

Decision decide(const View& view) {
  if (view.own.foreign) return {std::nullopt, "the data is not ours: " + view.own.trouble};
  if (auto deposed = decide_deposed(view)) return *deposed;
  if (!view.memory.store_lost.empty()) return decide_without_record(view);
  // Before all that writes the record: nobody can, while this one is alone.
  if (auto isolated = decide_isolation(view)) return *isolated;
  if (auto in_round = decide_in_round(view)) return *in_round;
  if (auto released = decide_released(view)) return *released;
  if (view.given.policy.service_leaves) {
    return {std::nullopt, "the service is no longer declared: its servers stop"};
  }
  if (has_left(view)) return {std::nullopt, "it is no longer declared, and counts nowhere"};
  if (auto as_leader = decide_as_leader(view)) return *as_leader;
  if (auto suspecting = decide_on_suspicion(view)) return *suspecting;
  return decide_as_replica(view);
}

}  // namespace weir::failover
