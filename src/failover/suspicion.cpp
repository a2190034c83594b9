// Whether the leader is gone (safety.md S3), and whether the others think so too (S4).
#include <fmt/format.h>
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"
#include "base/quantity.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

constexpr Duration kRenewsWithin = 2500ms;  // twice, and what a watch takes

bool server_gone(const Voice& voice) {
  return voice.server != ServerLife::running && !voice.rising;
}

// Refusals count while they are newer than any answer and at most three heartbeats old.
bool both_refuse(const View& view, const Other& leader) {
  const Duration recent = 3 * view.given.policy.heartbeat;
  const bool agent =
      leader.voice.refused > leader.voice.heard && view.now - leader.voice.refused <= recent;
  const bool server = leader.seen.reach == Reach::refused && leader.seen.at > leader.answered &&
                      view.now - leader.seen.at <= recent;
  return agent && server;
}

// The leader's host lives and reaches the store, and does not say itself that it leads no more.
bool holds_on(const View& view) {
  const Other* leader = find_other(view, view.record.leader.member);
  if (leader == nullptr) return false;
  const bool speaks = view.now - leader->voice.heard < view.given.policy.suspect_after;
  if (speaks && (server_gone(leader->voice) || leader->voice.sick)) return false;
  return view.now - std::max(view.memory.lease_from, view.memory.began) < kRenewsWithin;
}

}  // namespace

Suspicion suspicion(const View& view) {
  if (view.record.leader.member == view.self.name) {
    if (view.own_seen.reach == Reach::sick) {
      return {true, "its own writes do not move: " + view.own_seen.detail};
    }
    if (is_sick(view)) return {true, "it does not lead, though the record has named it for long"};
    const bool dead = view.own.server.life != ServerLife::running && !rising(view);
    return {dead, dead ? "its own server is dead" : "its own server runs or rises"};
  }
  const Other* leader = find_other(view, view.record.leader.member);
  if (leader == nullptr) return {false, "the leader is not a declared member"};
  const std::string& name = leader->member.name.text;
  const Duration patience = view.given.policy.suspect_after;
  const Instant heard = std::max(leader->voice.heard, view.memory.began);
  const bool speaks = leader->voice.heard > Instant{} && view.now - heard < patience &&
                      leader->voice.heard >= leader->voice.refused;
  // An agent that has only just begun knows too little for more than patience.
  const bool settled = view.now - view.memory.began >= patience;
  if (settled && speaks && server_gone(leader->voice)) {
    probe("failover.own_agent_reports_it_dead");
    return {true, name + "'s own agent reports its server dead"};
  }
  if (speaks && leader->voice.sick) {
    return {true, name + "'s own agent reports that its writes do not move"};
  }
  if (settled && both_refuse(view, *leader)) {
    probe("failover.agent_and_server_refuse");
    return {true, name + ": agent and server both refuse connections"};
  }
  const Instant answered = std::max(leader->answered, view.memory.began);
  const Instant moved = std::max(view.memory.wal_moved, view.memory.began);
  const Instant last = std::max({heard, answered, moved});
  if (view.now - last >= patience) {
    return {true, fmt::format("{} is silent for {}", name, show(view.now - last))};
  }
  return {false, fmt::format("{} was heard of {} ago", name, show(view.now - last))};
}

std::optional<Decision> decide_on_suspicion(const View& view) {
  if (view.record.leader.incarnation.empty() || !may_promise(view)) return std::nullopt;
  const Suspicion own = suspicion(view);
  if (!own.suspects) return std::nullopt;

  Record next = view.record;
  next.last_round = std::max(view.record.epoch.number, view.record.last_round) + 1;
  next.round = weir::OpenRound{next.last_round, view.host};
  if (mutant("no-question-before-the-round")) return Decision{OpenRound{next}, own.because};

  const Answers& answers = view.answers;
  const bool fresh = answers.epoch == view.record.epoch && answers.at > Instant{} &&
                     view.now - answers.at <= 2 * view.given.policy.heartbeat;
  if (!fresh) return Decision{AskOthers{}, own.because};
  if (!answers.content.empty()) {
    probe("failover.another_does_not_suspect");
    return Decision{AskOthers{}, fmt::format("{}, but {} does not suspect it", own.because,
                                             answers.content.front().member.text)};
  }
  std::vector<Voter> ready = answers.suspecting;
  ready.push_back({view.self.name, view.own.incarnation});
  if (!promises_suffice(view.record, ready)) {
    probe("failover.too_few_answer");
    return Decision{AskOthers{}, own.because + ", but too few of its voters answer"};
  }
  // The others would only wait for a lease that the store shows as held.
  if (acknowledges_alone(view.record) && holds_on(view)) {
    return Decision{std::nullopt, own.because + ", but its host renews its lease"};
  }
  // After a round that failed, voters come back at different moments instead of colliding.
  const bool again = view.record.last_round > view.record.epoch.number;
  if (again && view.now - view.memory.round_closed < view.given.jitter) {
    probe("failover.next_round_waits");
    return Decision{std::nullopt, own.because + "; the next round waits a moment"};
  }
  return Decision{OpenRound{next}, own.because};
}

}  // namespace weir::failover
