// The member that the record names: it promotes, restarts in place, confirms, keeps its set (S7).
#include <fmt/format.h>
#include <algorithm>

#include "base/mutant.h"
#include "base/probe.h"
#include "failover/rules.h"

namespace weir::failover {
namespace {

Record claimed(const View& view) {
  Record next = view.record;
  next.leader_life = view.life;
  next.leader_host = view.host;
  return next;
}

constexpr Duration kLooksWithin = 600ms;

Instant ended_at(const View& view) {
  return std::max(view.memory.server_ended_seen, view.memory.began);
}

// Whether a living member has still to be seen since our server ended: it may hold more than we do.
bool looks_at_followers(const View& view) {
  if (view.now - ended_at(view) >= kLooksWithin) return false;
  return std::ranges::any_of(view.others, [&](const Other& other) {
    const bool lives = other.voice.server == ServerLife::running &&
                       view.now - other.voice.heard < view.given.policy.suspect_after;
    return lives && view.record.find(other.member.name) != nullptr &&
           other.seen.at < ended_at(view);
  });
}

// Why it is to be restarted in place: the sooner of that and a failover (S9). Unknown is not soon.
const char* why_restart(const View& view) {
  const bool sooner = !view.given.policy.self_leaves && view.own.restart_estimate &&
                      *view.own.restart_estimate <= view.given.policy.failover_estimate;
  // Only voters that live could take over.
  const auto& counted =
      acknowledges_alone(view.record) ? view.record.members : view.record.set.voters;
  const bool voters = std::ranges::any_of(counted, [&](const Voter& voter) {
    const Other* other = find_other(view, voter.member);
    return other != nullptr && other->voice.voter == voter &&
           other->voice.server == ServerLife::running &&
           view.now - other->voice.heard < view.given.policy.suspect_after;
  });
  const Duration patience = view.given.policy.suspect_after + view.given.policy.failover_estimate;
  const bool nobody_came = view.now - ended_at(view) >= patience;
  if (sooner) return "its server is dead, and a restart in place is the sooner";
  if (nobody_came || !voters) probe("failover.restart_though_it_is_slow");
  if (nobody_came) return "its server is dead, and nobody opens a round";
  return voters ? nullptr : "its server is not up";
}

Decision decide_restart(const View& view) {
  if (const Other* more = holder_of_more(view); more != nullptr) {
    probe("failover.a_follower_holds_more");
    return {std::nullopt, more->member.name.text +
                              " holds more of the log than this disk does: it never leads on"};
  }
  const char* because = why_restart(view);
  if (because == nullptr) {
    return {std::nullopt, "its server is dead, and a failover is the sooner"};
  }
  if (looks_at_followers(view)) {
    return {std::nullopt, "its server is dead: what its followers hold is looked at first"};
  }
  return {Restart{view.record.epoch, claimed(view)}, because};
}

std::string names(const SyncSet& set) {
  std::string out;
  for (const Voter& voter : set.voters) out += (out.empty() ? "" : ", ") + voter.member.text;
  return out.empty() ? "nobody" : out;
}

// Its agent or its server's acknowledgements are silent.
bool unheard(const View& view, const Voter& voter, const Other& other) {
  const Duration patience = view.given.policy.narrow_after;
  const Instant heard = std::max(other.voice.heard, view.memory.began);
  const Instant streaming = std::max(other.streaming, view.memory.began);
  return view.now - heard >= patience || view.now - streaming >= patience ||
         (other.streaming > Instant{} && other.voice.voter.incarnation != voter.incarnation &&
          !other.voice.voter.incarnation.empty());
}

bool leaves(const View& view, const Voter& voter) {
  const Other* other = find_other(view, voter.member);
  return other != nullptr && other->leaves;
}

// Whether it confirms. Who leaves does while nobody else can: a former leader comes back only once
// it no longer counts. But who leaves is not kept by another who does.
bool confirms(const View& view, const Voter& voter, bool instead_of_who_leaves) {
  const Other* other = find_other(view, voter.member);
  if (other == nullptr || (other->leaves && instead_of_who_leaves)) return false;
  return !unheard(view, voter, *other) && streams(view, voter);
}

// The set without one silent voter, if the rest can still confirm.
std::optional<SyncSet> narrowed(const View& view) {
  const SyncSet& set = view.record.set;
  for (const Voter& voter : set.voters) {
    if (!silent(view, voter)) continue;
    SyncSet rest = set;
    std::erase(rest.voters, voter);
    const auto alive = std::ranges::count_if(rest.voters, [&](const Voter& other) {
      return confirms(view, other, leaves(view, voter));
    });
    if (alive >= rest.number && alive >= 1) return rest;
    if (mutant("number-below-sync")) return SyncSet{{}, 0};
  }
  return std::nullopt;
}

// Enough of the set stream for a commit to be confirmed.
bool can_confirm(const View& view, const SyncSet& set) {
  return std::ranges::count_if(
             set.voters, [&](const Voter& voter) { return streams(view, voter); }) >= set.number;
}

// In the set; where no commit waits, recorded, so that its promise counts.
bool is_counted(const Record& record, const Voter& voter) {
  if (!acknowledges_alone(record)) return record.set.counts(voter);
  const Voter* recorded = record.find(voter.member);
  return recorded != nullptr && *recorded == voter;
}

// A replica that streams and has everything that we had a moment ago, but is not counted.
std::optional<Voter> newcomer(const View& view) {
  for (const Follower& follower : view.own_seen.followers) {
    const Other* other = find_other(view, follower.voter.member);
    if (other == nullptr || follower.voter.incarnation.empty() || !follower.streaming) continue;
    if (other->leaves) continue;
    if (is_counted(view.record, follower.voter)) continue;
    if (other->voice.voter != follower.voter || silent(view, follower.voter)) continue;
    const bool caught_up =
        follower.flushed >= view.memory.written_before && view.memory.written_before > Position{};
    if (caught_up) return follower.voter;
  }
  return std::nullopt;
}

void put_voter(std::vector<Voter>& voters, const Voter& voter) {
  std::erase_if(voters, [&](const Voter& v) { return v.member == voter.member; });
  voters.insert(std::ranges::upper_bound(voters, voter), voter);
}

Record with_set(const View& view, const SyncSet& set) {
  Record next = view.record;
  next.set = set;
  return next;
}

// Fewer acknowledgements or voters: the server first, the record only after the proof.
Decision load_then_record(const View& view, const SyncSet& set, const std::string& because) {
  if (mutant("record-before-load") || view.memory.proven == set) {
    return {RecordSet{with_set(view, set)}, because};
  }
  return {LoadSet{set}, because};
}

// The set may count somebody whom an older record does not: who would elect by that one has to know
// that it is old.
Decision decide_load(const View& view) {
  const bool patient = view.now - view.memory.set_seen < view.given.policy.reads_within;
  if (const std::string who = unread_by(view); patient && !who.empty()) {
    return {std::nullopt, "the set is loaded once " + who + " has read it"};
  }
  return {LoadSet{view.record.set}, "the set of the record is not yet proven to be loaded"};
}

// A member that is no longer declared and counts nowhere is nobody whom a next leader may add. The
// set was narrowed by S7's orderings before.
std::optional<Decision> decide_departed(const View& view) {
  for (const Other& other : view.others) {
    const MemberName& name = other.member.name;
    if (!other.leaves || view.record.find(name) == nullptr) continue;
    if (!view.record.counted_nowhere(name)) continue;
    Record next = view.record;
    std::erase_if(next.members, [&](const Voter& voter) { return voter.member == name; });
    return Decision{RecordSet{next}, name.text + " is no longer declared and leaves the record"};
  }
  return std::nullopt;
}

std::optional<Decision> decide_confirm(const View& view) {
  const bool alone = acknowledges_alone(view.record);
  if (view.record.confirmed || (!alone && view.record.set.voters.empty())) return std::nullopt;
  const bool heard = std::ranges::any_of(view.own_seen.followers, [&](const Follower& follower) {
    return follower.streaming && (alone || follower.counted);
  });
  if (!heard || view.memory.proven != view.record.set) return std::nullopt;
  Record next = view.record;
  next.confirmed = true;
  next.previous.clear();
  return Decision{Confirm{view.record.epoch, next}, "no commit of this epoch is confirmed yet"};
}

// No commit waits for anybody; whoever streams is recorded, so that its promise counts.
Decision decide_members(const View& view) {
  if (view.memory.proven != view.record.set && deadline_is_held(view)) {
    return {LoadSet{view.record.set}, "no commit is to wait, and that is not yet proven"};
  }
  if (auto departed = decide_departed(view)) return *departed;
  if (const auto voter = newcomer(view)) {
    Record next = view.record;
    put_voter(next.members, *voter);
    return {RecordSet{next}, voter->member.text + " has caught up and is recorded"};
  }
  return {std::nullopt, fmt::format("leads epoch {}; no commit waits{}", show(view.record.epoch),
                                    extended_by(view))};
}

}  // namespace

std::string unread_by(const View& view) {
  for (const Other& other : view.others) {
    const bool answers = other.voice.heard > Instant{} &&
                         view.now - other.voice.heard < view.given.policy.suspect_after;
    const bool unread = other.voice.read && *other.voice.read < view.memory.set_reading;
    if (answers && unread && is_voter(view.record, other.voice.voter))
      return other.member.name.text;
  }
  return {};
}

bool streams(const View& view, const Voter& voter) { return view.own_seen.streams(voter); }

bool silent(const View& view, const Voter& voter) {
  const Other* other = find_other(view, voter.member);
  return other == nullptr || other->leaves || unheard(view, voter, *other);
}

Decision decide_set(const View& view) {
  const SyncSet& set = view.record.set;
  if (auto confirm = decide_confirm(view)) return *confirm;
  if (auto mode = decide_mode(view)) return *mode;
  if (acknowledges_alone(view.record)) return decide_members(view);
  if (const auto rest = narrowed(view)) {
    return load_then_record(view, *rest, "a voter is silent: the set becomes " + names(*rest));
  }
  if (auto departed = decide_departed(view)) return *departed;
  const int sync = view.given.policy.sync;
  // A number that too few can confirm would only make commits wait, and keep newcomers out.
  const bool can_raise = sync > set.number && can_confirm(view, {set.voters, sync});
  if (can_raise && mutant("raised-number-recorded-first")) {
    return {RecordSet{with_set(view, {set.voters, sync})}, "mutant: recorded before it is loaded"};
  }
  if (can_raise) {
    return load_then_record(view, {set.voters, sync},
                            fmt::format("each commit is to wait for {}", sync));
  }
  const auto voter = newcomer(view);
  if (voter && mutant("added-before-it-is-recorded")) {
    SyncSet wider = set;
    put_voter(wider.voters, *voter);
    return load_then_record(view, wider, "mutant: loaded before it is recorded");
  }
  if (sync < set.number && mutant("lowered-number-loaded-first")) {
    return load_then_record(view, {set.voters, sync}, "mutant: loaded before it is recorded");
  }
  // A set of which nobody is left cannot be proven; who has caught up joins it all the same: an
  // addition is safe whatever the server has loaded, with the record first and the server second.
  if (view.memory.proven != set && !(voter && !can_confirm(view, set))) return decide_load(view);
  if (sync < set.number && view.memory.proven == set) {
    return {RecordSet{with_set(view, {set.voters, sync})},
            fmt::format("each commit is to wait for {} only", sync)};
  }
  if (voter) {
    if (view.memory.proven != set) probe("failover.newcomer_joins_an_unproven_set");
    Record next = view.record;
    put_voter(next.set.voters, *voter);
    put_voter(next.members, *voter);
    return {RecordSet{next}, voter->member.text + " has caught up and joins the set"};
  }
  if (set.voters.empty()) return {std::nullopt, "leads, but commits wait: no replica is confirmed"};
  const std::string few =
      sync > set.number ? fmt::format(", not for {}: too few are confirmed", sync) : "";
  return {std::nullopt, fmt::format("leads epoch {}; commits wait for {} of {}{}",
                                    show(view.record.epoch), set.number, names(set), few)};
}

const Other* holder_of_more(const View& view) {
  if (!view.own.standing || mutant("leads-with-less")) return nullptr;
  for (const Other& other : view.others) {
    const bool of_this_log = other.seen.role == Role::replica &&
                             other.seen.timeline == view.own.standing->lineage.timeline &&
                             view.record.find(other.member.name) != nullptr;
    // What it has replayed are whole records; what it has flushed may end inside one.
    if (of_this_log && other.seen.replayed > view.own.standing->at) return &other;
  }
  return nullptr;
}

bool rising(const View& view) {
  if (!leads_by_record(view) || view.own.half_rewound || view.own.foreign) return false;
  const Duration limit = view.given.policy.rising_limit;
  if (view.own.led != view.record.epoch) return view.now - view.memory.epoch_seen < limit;
  if (view.own.server.life == ServerLife::running) return false;
  const Instant ended = ended_at(view);
  if (holder_of_more(view) != nullptr) return false;
  // How long a start would take is found out first; until then nobody needs to suspect anything.
  const bool finding_out =
      (why_restart(view) != nullptr && looks_at_followers(view)) ||
      (!view.own.restart_estimate && view.now - ended < view.given.policy.find_out_limit);
  return finding_out || (view.now - ended < limit && decide_restart(view).step.has_value());
}

bool expects_follower(const View& view) {
  if (!leads_by_record(view) || view.own_seen.role != Role::leader) return false;
  return std::ranges::any_of(view.others, [&](const Other& other) {
    const Voice& voice = other.voice;
    const bool lives = voice.server == ServerLife::running && !voice.voter.incarnation.empty() &&
                       view.now - voice.heard < view.given.policy.suspect_after;
    return lives && !other.leaves &&
           !(streams(view, voice.voter) && is_counted(view.record, voice.voter));
  });
}

std::optional<Decision> decide_as_leader(const View& view) {
  if (!leads_by_record(view)) return std::nullopt;
  if (view.record.leader_life != view.life || view.record.leader_host != view.host) {
    return Decision{Reclaim{claimed(view)}, "this agent is new: it confirms the leadership anew"};
  }
  // A late write could narrow the record after the server was widened again: a touch of the record
  // makes it conflict.
  if (view.memory.write_in_doubt && !mutant("late-write-allowed")) {
    probe("failover.touches_the_record_after_a_doubt");
    return Decision{Reclaim{claimed(view)}, "a write of the record may still be on its way"};
  }
  if (view.own.half_rewound) return Decision{std::nullopt, "a rewind was cut off in its data"};
  const bool held = !needs_deadline(view) || deadline_is_held(view);
  const bool running = view.own.server.life == ServerLife::running;
  // A promotion gives its promise back when everything else is done: what was cut off goes on.
  const bool half_open =
      running && (view.own.as_replica || view.own.promised == view.record.epoch.number);
  if (view.own.led != view.record.epoch || half_open) {
    if (!held) return Decision{std::nullopt, "opens once its guard holds a deadline"};
    return Decision{
        Promote{view.record.epoch, view.record.set},
        fmt::format("the record names this member as leader of epoch {}", show(view.record.epoch))};
  }
  if (!running && !held) return Decision{std::nullopt, "starts once a guard is to hold a deadline"};
  if (!running) return decide_restart(view);
  const bool sick = view.own_seen.reach == Reach::sick;
  if ((view.own_seen.reach != Reach::serving && !sick) || view.own_seen.role != Role::leader) {
    return Decision{std::nullopt, "its server is up and does not serve yet"};
  }
  if (auto again = decide_writes_again(view)) return again;
  Decision decision = decide_set(view);
  // Whoever may take over from it joins its set all the same.
  if (sick && !decision.step) {
    decision.because = "its writes do not move: " + view.own_seen.detail;
  }
  return decision;
}

}  // namespace weir::failover
