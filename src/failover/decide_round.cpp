// An open round: promise, be chosen, or end it (safety.md S4, S5).
#include <fmt/format.h>
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

// Promises of this round whose voters the record knows by that incarnation.
std::vector<weir::Promise> counted(const View& view) {
  std::vector<weir::Promise> out;
  for (const weir::Promise& promise : view.promises) {
    const bool known = is_voter(view.record, promise.voter) || mutant("rebuilt-voter-counted");
    if (promise.round == view.record.round->number && known) out.push_back(promise);
  }
  return out;
}

std::vector<Voter> voters_of(const std::vector<weir::Promise>& promises) {
  std::vector<Voter> out;
  for (const weir::Promise& promise : promises) out.push_back(promise.voter);
  return out;
}

std::string names(const std::vector<weir::Promise>& promises) {
  std::string out;
  for (const weir::Promise& promise : promises) {
    out += (out.empty() ? "" : ", ") + promise.voter.member.text;
  }
  return out.empty() ? "nobody" : out;
}

// The one CAS that ends a round well: itself as leader, with epoch, lineage and set. The set that
// it replaces joins the previous ones until a commit of its own is confirmed.
Record taken_by(const View& view, const weir::Promise& own) {
  Record next = view.record;
  next.epoch.number = view.record.round->number;
  next.leader = own.voter;
  next.leader_host = view.host;
  next.leader_life = view.life;
  next.lineage = own.standing.lineage;
  if (mutant("only-the-last-previous-set")) next.previous.clear();
  if (!mutant("previous-set-forgotten")) {
    next.previous.push_back({view.record.set, view.record.leader});
  }
  next.set.voters.clear();
  for (const Voter& member : view.record.members) {
    if (acknowledges_alone(view.record)) break;
    if (member.member != own.voter.member && !member.incarnation.empty()) {
      next.set.voters.push_back(member);
    }
  }
  if (mutant("a-set-of-those-who-promised")) {
    const std::vector<Voter> promised = voters_of(counted(view));
    std::erase_if(next.set.voters, [&](const Voter& voter) {
      return std::ranges::find(promised, voter) == promised.end();
    });
  }
  next.confirmed = false;
  next.round.reset();
  return next;
}

// A former leader holds the freshest log, but its server is down: where the promises of living
// voters suffice, one of them is up sooner. So it waits a moment before it gives its own.
bool others_may_suffice(const View& view) {
  // Where it acknowledged alone the others wait for its answer.
  if (!leads_by_record(view) || acknowledges_alone(view.record)) return false;
  if (view.now - view.memory.round_seen >= view.given.policy.leader_waits) return false;
  std::vector<Voter> living;
  for (const Other& other : view.others) {
    const bool alive = other.voice.server == ServerLife::running &&
                       view.now - other.voice.heard < view.given.policy.suspect_after;
    if (alive) living.push_back(other.voice.voter);
  }
  return promises_suffice(view.record, living);
}

// S5: the old leader has answered, durably, that it starts nothing below this round, or its lease
// is over; and all that answer have promised. Nothing to wait for: no sentence.
std::string still_to_wait_for(const View& view, const std::vector<weir::Promise>& promises) {
  if (!acknowledges_alone(view.record)) return {};
  const auto promised = [&](const Voter& voter) {
    return std::ranges::any_of(
        promises, [&](const weir::Promise& promise) { return promise.voter == voter; });
  };
  const Voter& leader = view.record.leader;
  if (!promised(leader) && !lease_is_over(view)) {
    return fmt::format("the answer of {}'s agent, or the end of its lease", leader.member.text);
  }
  const Policy& policy = view.given.policy;
  for (const Other& other : view.others) {
    const bool speaks = view.now - other.voice.heard < policy.suspect_after &&
                        is_voter(view.record, other.voice.voter) && other.voice.voter != leader &&
                        view.now - view.memory.round_seen < policy.round_limit;
    if (speaks && !promised(other.voice.voter)) return other.member.name.text + "'s promise";
  }
  return {};
}

// Whom the fleet file no longer names: one that led would only hand over again.
std::vector<MemberName> leaving(const View& view) {
  std::vector<MemberName> out;
  if (view.given.policy.self_leaves) out.push_back(view.self.name);
  for (const Other& other : view.others) {
    if (other.leaves) out.push_back(other.member.name);
  }
  return out;
}

std::optional<Decision> choose(const View& view) {
  const std::vector<weir::Promise> promises = counted(view);
  if (!promises_suffice(view.record, voters_of(promises))) return std::nullopt;
  const std::string waits = still_to_wait_for(view, promises);
  if (!waits.empty()) {
    return Decision{std::nullopt,
                    fmt::format("round {} waits for {}", view.record.round->number, waits)};
  }
  const weir::Promise* best = freshest(promises, leaving(view));
  if (best == nullptr) {
    return Decision{std::nullopt, "logs of one epoch contradict each other: nobody may be chosen"};
  }
  const Voter self{view.self.name, view.own.incarnation};
  if (best->voter == self) {
    return Decision{Take{taken_by(view, *best)},
                    fmt::format("{} have promised round {}, and this log is the freshest",
                                names(promises), view.record.round->number)};
  }
  return Decision{std::nullopt, fmt::format("round {} is for {} to take", view.record.round->number,
                                            best->voter.member.text)};
}

// Mutants of what an open round forbids; in what ships none is on.
std::optional<Decision> decide_wrongly(const View& view) {
  const Other* leader = find_other(view, view.record.leader.member);
  const Duration open_for = view.now - view.memory.round_seen;
  const bool serves = leader != nullptr && serves_as_leader(*leader);
  if (mutant("healing-a-promised-voter") && serves && open_for > 1s) {
    if (follows(view, *leader)) return Decision{std::nullopt, "healed, though it has promised"};
    return Decision{Follow{upstream_of(view)}, "the leader of the old epoch serves"};
  }
  if (mutant("overtaking-an-open-round") && open_for > 500ms && suspicion(view).suspects) {
    Record next = view.record;
    next.round = weir::OpenRound{++next.last_round, view.host};
    return Decision{OpenRound{next}, "an open round is overtaken"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Decision> decide_in_round(const View& view) {
  if (!view.record.round) return std::nullopt;
  const std::int64_t number = view.record.round->number;
  if (!may_promise(view)) {
    probe("failover.does_not_count_in_the_round");
    return Decision{std::nullopt,
                    fmt::format("round {} is open, and this member does not count in it", number)};
  }
  if (auto wrong = decide_wrongly(view)) return wrong;
  const Policy& policy = view.given.policy;
  const Duration limit =
      acknowledges_alone(view.record) ? policy.round_limit + policy.lease : policy.round_limit;
  const bool over = view.now - view.memory.round_seen > limit;
  std::optional<Decision> chosen;
  if (view.own.promised == number) chosen = choose(view);
  // A chosen member's word ends the round well even when it comes late: either CAS may win.
  if (chosen && chosen->step) {
    if (over) probe("failover.chosen_after_the_limit");
    return chosen;
  }
  const bool held = view.own.promised == number && find_other(view, view.record.leader.member);
  if (over && held && mutant("release-before-the-closing-cas")) {
    return Decision{Release{number, upstream_of(view)}, "the round is not closed yet"};
  }
  if (over) {
    probe("failover.round_over_its_limit");
    Record next = view.record;
    next.round.reset();
    return Decision{CloseRound{next}, fmt::format("round {} is over its limit", number)};
  }
  if (chosen) return chosen;
  if (view.own.promised >= number) {
    return Decision{std::nullopt, fmt::format("round {} waits: promised so far {}", number,
                                              names(counted(view)))};
  }
  const bool leading = view.own.server.life == ServerLife::running && !view.own.as_replica;
  // The others wait for the answer of a leader that is as good as dead.
  if (leading && acknowledges_alone(view.record) && is_sick(view)) {
    return Decision{Fence{}, fmt::format("its writes do not move, and round {} is open", number)};
  }
  if (leading) {
    probe("failover.leads_on_in_a_round");
    return Decision{std::nullopt, fmt::format("leads on while round {} is open", number)};
  }
  // Its promise would count for a whole set, of which it holds less than it acknowledged.
  const Other* more = view.own.as_replica ? nullptr : holder_of_more(view);
  if (more != nullptr && !acknowledges_alone(view.record)) {
    return Decision{std::nullopt, fmt::format("round {} is not for a former leader that holds less "
                                              "than {}",
                                              number, more->member.name.text)};
  }
  if (others_may_suffice(view)) {
    probe("failover.former_leader_waits");
    return Decision{std::nullopt,
                    fmt::format("round {} may do without the former leader's promise", number)};
  }
  return Decision{GivePromise{number}, fmt::format("round {} is open", number)};
}

}  // namespace weir::failover
