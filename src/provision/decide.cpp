// What to provision next on this member; pure.
#include <fmt/format.h>
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"
#include "base/text.h"
#include "provision/provision.h"

namespace weir::provision {
namespace {

constexpr Duration kSettleAgain = 300s;        // drift in settings files is mended
constexpr Duration kLookAgain = 30s;           // drift in roles, databases and grants is mended
constexpr Duration kReplicaTurn = 3s;          // for each replica before this one
constexpr Duration kLeaderRestartPause = 10s;  // replicas restart first

bool leads(const View& view) {
  return view.record.leader.member == view.self.name && !view.own.incarnation.empty() &&
         view.record.leader.incarnation == view.own.incarnation;
}

std::optional<Decision> decide_birth(const View& view) {
  const bool named = view.record.leader.member == view.self.name;
  const bool anew = mutant("restart-of-an-empty-leader") &&
                    view.record.leader.incarnation != view.own.incarnation;
  if (!named || !(view.record.leader.incarnation.empty() || anew)) return std::nullopt;
  if (!view.own.data) return Decision{Create{view.fresh}, "the service has no data yet"};
  Record next = view.record;
  next.leader.incarnation = view.own.incarnation;
  for (Voter& member : next.members) {
    if (member.member == view.self.name) member.incarnation = view.own.incarnation;
  }
  return Decision{RecordBirth{next}, "the first data of the service is made"};
}

// Every other recorded member, not only those that count: the next leader, too, has to wait until
// the one that stopped for its settings is back, or leaders stop one after the other.
bool all_stream(const View& view) {
  return std::ranges::all_of(view.record.members, [&](const Voter& voter) {
    return voter == view.record.leader || voter.incarnation.empty() || view.own_seen.streams(voter);
  });
}

// Replicas restart one by one, in the order of their names, and none while another recorded one
// does not stream: with a value that no server can start with, only the first stays down. The set
// is not asked, because a replica that stays down leaves it by itself.
bool may_pause(const View& view) {
  Duration turn = Duration::zero();
  for (const Voter& voter : view.record.members) {
    if (voter.member == view.self.name || voter == view.record.leader) continue;
    if (voter.incarnation.empty()) continue;
    if (voter.member < view.self.name) turn += kReplicaTurn;
    if (!view.leader_seen.streams(voter)) return false;
  }
  return view.now - view.settled->at >= turn;
}

// A server that has started since knows what it waits for by itself; without a new look a member
// would stop for what it runs with already, again and again.
bool started_since(const View& view) {
  const ServerState& now = view.own.server;
  const ServerState& then = view.settled->server;
  return now.life == ServerLife::running && !view.settled->waiting_for_restart.empty() &&
         (now.pid != then.pid || now.start_time != then.start_time);
}

std::optional<Decision> decide_restart(const View& view) {
  const auto& waiting = view.settled->waiting_for_restart;
  if (waiting.empty() || view.own.server.life != ServerLife::running) return std::nullopt;
  if (leads(view)) {
    const bool voters = view.record.mode == Durability::async || !view.record.set.voters.empty();
    const bool ready = view.now - view.settled->at >= kLeaderRestartPause && all_stream(view) &&
                       voters && view.record.confirmed;
    if (!ready) {
      probe("provision.leader_waits_for_its_replicas");
      return std::nullopt;
    }
  } else if (!may_pause(view)) {
    probe("provision.waits_for_its_turn_to_restart");
    return std::nullopt;
  }
  return Decision{
      StopForSettings{waiting},
      fmt::format("{} wait{} for a restart", join(waiting, ", "), waiting.size() == 1 ? "s" : "")};
}

// Parameters are settled on each member and never shaped. One that differs although the settings
// were written was changed beside the fleet file, unless it only waits for a restart.
std::optional<Decision> decide_shape(const View& view, bool let_in) {
  for (const engine::Difference& difference : view.differences->found) {
    const Resource& named = difference.wanted.name.empty() ? difference.present : difference.wanted;
    if (named.kind != "param") {
      return Decision{Shape{difference},
                      fmt::format("{} {} is to be as the fleet file says", named.kind, named.name)};
    }
    const auto& waiting = view.settled->waiting_for_restart;
    const bool waits = std::ranges::find(waiting, named.name) != waiting.end();
    const bool due =
        view.differences->at > view.settled->at && view.now - view.settled->at >= kLookAgain;
    if (!waits && due) {
      return Decision{Settle{let_in},
                      fmt::format("the parameter {} was changed outside weir", named.name)};
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<MemberName> silenced(const Step& step, const MemberName& self) {
  if (std::holds_alternative<StopForSettings>(step)) return {self};
  if (std::holds_alternative<StopToLeave>(step)) return {self};
  return {};
}

Decision decide(const View& view) {
  if (auto leaving = decide_leaving(view)) return *leaving;
  if (view.record.round || view.own.promised > view.record.epoch.number) {
    return {std::nullopt, "failover has the word"};
  }
  if (view.own.foreign || view.own.half_rewound) return {std::nullopt, view.own.trouble};
  if (auto birth = decide_birth(view)) return *birth;
  if (!view.own.data) return {std::nullopt, "no data to provision"};

  // Once let in, clients stay let in: only a service that never had a confirmed commit is closed.
  const bool let_in = view.record.confirmed || view.record.epoch.number > 1;
  const bool settled = view.settled && view.settled->desired_revision == view.desired_revision &&
                       view.settled->clients_let_in == let_in &&
                       view.now - view.settled->at < kSettleAgain && !started_since(view);
  if (!settled) return {Settle{let_in}, "settings follow the fleet file"};
  if (auto restart = decide_restart(view)) return *restart;
  const bool serving = view.own_seen.reach == Reach::serving && view.own_seen.writable;
  if (leads(view) && serving && view.differences) {
    if (auto shape = decide_shape(view, let_in)) return *shape;
  }
  return {std::nullopt, "as the fleet file says"};
}

// A new service is shaped while its replicas are still being copied: no client was ever let in, and
// weir's own commits are local. A leader that took over keeps to what replicas have confirmed.
bool wants_differences(const View& view) {
  const bool stale = !view.differences || view.now - view.differences->at >= kLookAgain;
  const bool durable = view.record.confirmed || view.record.epoch.number == 1;
  // Whoever leaves shapes nothing more, and what is sealed for those who stay is not for it.
  const bool leaves = view.desired.find_leaving(view.self.name) != nullptr;
  return stale && leads(view) && !leaves && durable && view.own_seen.reach == Reach::serving &&
         view.own_seen.writable;
}

Record first_record(const Service& service) {
  Record record;
  record.mode = service.durability;
  record.epoch = {0, 1};
  record.last_round = 1;
  record.leader = {service.members.front().name, {}};
  record.leader_host = service.members.front().host;
  for (const Member& member : service.members) record.members.push_back({member.name, {}});
  std::ranges::sort(record.members);
  record.set.number = service.sync;
  return record;
}

std::vector<std::string> unsupported(const Service& service) {
  std::vector<std::string> out;
  if (service.durability == Durability::preferred) {
    out.push_back(fmt::format(
        "service {}: durability {} is not done by this version: write durability: required, or "
        "async with a declared rpo",
        service.name.text, name_of(service.durability)));
  }
  return out;
}

}  // namespace weir::provision
