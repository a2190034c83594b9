// The leases of leaders while the store is away.
#include "failover/grant.h"

#include <fmt/format.h>

#include <algorithm>

#include "failover/rules.h"

namespace weir::failover {
namespace {

Grant refused(std::string because) { return {false, std::move(because)}; }

// What this member knows above the epoch that is asked about; zero: nothing.
Epoch highest_known(const View& view) {
  Epoch highest = std::max({view.record.epoch, view.own.led, view.own.follows_epoch});
  for (const Other& other : view.others) highest = std::max(highest, other.voice.epoch);
  return highest;
}

}  // namespace

// A write that is on its way may have recorded somebody who has just caught up.
std::optional<std::vector<Member>> whom_to_ask(const View& view) {
  for (const Voter& voter : view.record.members) {
    const bool known = voter.member == view.self.name || find_other(view, voter.member) != nullptr;
    if (!known) return std::nullopt;
  }
  std::vector<Member> out;
  for (const Other& other : view.others) {
    const bool recorded = view.record.find(other.member.name) != nullptr;
    const bool catches_up =
        other.streaming > Instant{} && view.now - other.streaming < view.given.policy.lease;
    if (recorded || catches_up || view.memory.write_in_doubt) out.push_back(other.member);
  }
  return out;
}

std::string extended_by(const View& view) {
  const Memory& memory = view.memory;
  const bool now = memory.extended > memory.store_heard && memory.extended > Instant{} &&
                   view.now - memory.extended < view.given.policy.lease;
  if (!now) return {};
  std::string names;
  for (const MemberName& name : memory.extended_by) {
    names += (names.empty() ? "" : ", ") + name.text;
  }
  return names.empty() ? "; the store is away, and nobody else could lead"
                       : "; the store is away, and its lease is extended by " + names;
}

Grant decide_grant(const View& view, const Asking& asking,
                   const std::optional<AgentLife>& renewed) {
  const std::string& self = view.self.name.text;
  const bool leads = view.own.server.life == ServerLife::running && !view.own.as_replica;
  if (leads || leads_by_record(view)) return refused(self + " leads itself");
  if (view.own.promised > asking.epoch.number) {
    return refused(fmt::format("{} has promised round {}", self, view.own.promised));
  }
  if (view.record.round && view.record.round->number > asking.epoch.number) {
    return refused(fmt::format("{} knows round {}", self, view.record.round->number));
  }
  if (const Epoch highest = highest_known(view); highest > asking.epoch) {
    return refused(fmt::format("{} knows epoch {}", self, show(highest)));
  }
  if (view.record.epoch == asking.epoch && view.record.leader_host != asking.host) {
    return refused(fmt::format("{} knows {} as leader of epoch {}", self,
                               view.record.leader.member.text, show(asking.epoch)));
  }
  if (renewed && *renewed != asking.life) {
    return refused(fmt::format("the store, which {} can read, shows another life of {}", self,
                               asking.host.text));
  }
  return {true, {}};
}

}  // namespace weir::failover
