// The failover decision as a table: one base view, rows that change one thing.
#include <gtest/gtest.h>

#include <bit>

#include "failover/failover.h"

namespace weir::failover {
namespace {

const Voter kA{MemberName("a"), Incarnation("ia")};
const Voter kB{MemberName("b"), Incarnation("ib")};
const Voter kC{MemberName("c"), Incarnation("ic")};
const Instant kNow{100s};

Member member(const char* name) {
  return {ServiceName("orders"), MemberName(name), HostName(name), std::string("127.0.10.") + name,
          5432};
}

Lineage lineage() { return {"sys", {}, 1}; }

weir::Promise promise(const Voter& voter, std::int64_t round, std::uint64_t at, Epoch of = {0, 1}) {
  return {voter, round, of, {lineage(), {at}}};
}

// What b's agent sees while a leads epoch 1 with set {b, c} and all is well.
View calm() {
  View view;
  view.now = kNow;
  view.self = member("b");
  view.host = HostName("b");
  view.life = AgentLife("life-b");
  Record& record = view.record;
  record.epoch = {0, 1};
  record.last_round = 1;
  record.leader = kA;
  record.leader_host = HostName("a");
  record.leader_life = AgentLife("life-a");
  record.members = {kA, kB, kC};
  record.set = {{kB, kC}, 1};
  record.confirmed = true;
  view.own.data = true;
  view.own.incarnation = kB.incarnation;
  view.own.server.life = ServerLife::running;
  view.own.as_replica = true;
  view.own.follows = MemberName("a");
  view.own.follows_epoch = {0, 1};
  view.memory.began = kNow - 60s;
  view.memory.receiving = kNow;
  for (const Voter& voter : {kA, kC}) {
    Other other;
    other.member = member(voter.member.text.c_str());
    other.voice.heard = kNow - 100ms;
    other.voice.voter = voter;
    other.voice.server = ServerLife::running;
    other.voice.knows_position = true;
    other.voice.epoch = {0, 1};
    other.voice.leader = kA.member;
    other.seen.at = kNow - 100ms;
    other.seen.reach = Reach::serving;
    other.seen.role = voter == kA ? Role::leader : Role::replica;
    if (voter == kA) other.answered = kNow - 100ms;
    view.others.push_back(other);
  }
  view.given.fresh = Incarnation("fresh");
  view.given.policy.sync = 1;
  return view;
}

Other& other(View& view, const char* name) {
  for (Other& found : view.others) {
    if (found.member.name.text == name) return found;
  }
  ADD_FAILURE() << name;
  return view.others.front();
}

void kill_host_a(View& view) {
  Other& a = other(view, "a");
  a.voice.heard = kNow - 400ms;
  a.voice.refused = kNow - 50ms;
  a.answered = kNow - 400ms;
  a.seen.reach = Reach::refused;
  a.seen.role = Role::unknown;
  a.seen.at = kNow - 40ms;
}

void both_suspect(View& view) {
  kill_host_a(view);
  view.answers = {kNow - 20ms, {0, 1}, {kC}, {}};
}

void open_round(View& view) {
  kill_host_a(view);
  view.record.round = weir::OpenRound{2, HostName("c")};
  view.record.last_round = 2;
  view.memory.round_seen = kNow - 200ms;
}

void promised(View& view) {
  open_round(view);
  view.own.promised = 2;
  view.promises = {promise(kB, 2, 100), promise(kC, 2, 90)};
}

struct Row {
  const char* when;
  void (*change)(View&);
  const char* step;  // kind, or nullptr
  const char* because;
};

const Row kReplica[] = {
    {"all is well", [](View&) {}, nullptr, "follows a in epoch 1"},
    {"the leader's agent is gone, its server answers",
     [](View& v) {
       other(v, "a").voice.heard = kNow - 10s;
       other(v, "a").voice.refused = kNow;
     },
     nullptr, "follows a in epoch 1"},
    {"agent and server refuse", kill_host_a, "AskOthers",
     "a: agent and server both refuse connections"},
    {"its own agent reports the server dead",
     [](View& v) { other(v, "a").voice.server = ServerLife::ended; }, "AskOthers",
     "a's own agent reports its server dead"},
    {"its server is dead, but it rises",
     [](View& v) {
       other(v, "a").voice.server = ServerLife::ended;
       other(v, "a").voice.rising = true;
     },
     nullptr, "follows a in epoch 1"},
    {"its server is dead, but we have only just begun",
     [](View& v) {
       other(v, "a").voice.server = ServerLife::ended;
       v.memory.began = kNow - 100ms;
     },
     nullptr, "follows a in epoch 1"},
    {"writes do not move", [](View& v) { other(v, "a").voice.sick = true; }, "AskOthers",
     "a's own agent reports that its writes do not move"},
    {"all is silent",
     [](View& v) {
       other(v, "a").voice.heard = kNow - 1300ms;
       other(v, "a").answered = kNow - 1250ms;
     },
     "AskOthers", "a is silent for 1.25s"},
    {"silent, but the log still grows",
     [](View& v) {
       other(v, "a").voice.heard = kNow - 1300ms;
       other(v, "a").answered = kNow - 1250ms;
       v.memory.wal_moved = kNow - 100ms;
     },
     nullptr, "follows a in epoch 1"},
    {"silent, but we have only just begun to listen",
     [](View& v) {
       other(v, "a") = {member("a"), {}, {}, {}, {}};
       v.memory.began = kNow - 1s;
     },
     nullptr, "waits for a to serve as leader"},
    {"the others suspect too", both_suspect, "OpenRound",
     "a: agent and server both refuse connections"},
    {"the others do not",
     [](View& v) {
       kill_host_a(v);
       v.answers = {kNow - 20ms, {0, 1}, {}, {kC}};
     },
     "AskOthers", "a: agent and server both refuse connections, but c does not suspect it"},
    {"nobody answers",
     [](View& v) {
       kill_host_a(v);
       v.answers = {kNow - 20ms, {0, 1}, {}, {}};
     },
     "AskOthers", "a: agent and server both refuse connections, but too few of its voters answer"},
    {"the answers are about another epoch",
     [](View& v) {
       both_suspect(v);
       v.answers.epoch = {0, 0};
     },
     "AskOthers", "a: agent and server both refuse connections"},
    {"its data is of another incarnation than the record's",
     [](View& v) {
       both_suspect(v);
       v.own.incarnation = Incarnation("other");
     },
     nullptr, "waits for a to serve as leader"},
    {"a round failed just now",
     [](View& v) {
       both_suspect(v);
       v.record.last_round = 2;
       v.memory.round_closed = kNow - 100ms;
       v.given.jitter = 500ms;
     },
     nullptr, "a: agent and server both refuse connections; the next round waits a moment"},
    {"a round is open", open_round, "GivePromise", "round 2 is open"},
    {"a round is open, and a higher one is promised",
     [](View& v) {
       open_round(v);
       v.own.promised = 3;
     },
     nullptr, "round 2 waits: promised so far nobody"},
    {"promised, and the freshest", promised, "Take",
     "b, c have promised round 2, and this log is the freshest"},
    {"promised, and c is fresher",
     [](View& v) {
       promised(v);
       v.promises[1].standing.at = {110};
     },
     nullptr, "round 2 is for c to take"},
    {"c's log is longer, but of an older epoch",
     [](View& v) {
       promised(v);
       v.promises[0].of = {0, 2};
       v.promises[1].standing.at = {110};
     },
     "Take", "b, c have promised round 2, and this log is the freshest"},
    {"one promise of two",
     [](View& v) {
       promised(v);
       v.promises.pop_back();
     },
     nullptr, "round 2 waits: promised so far b"},
    {"c promised with data that the record does not know",
     [](View& v) {
       promised(v);
       v.promises[1].voter.incarnation = Incarnation("rebuilt");
     },
     nullptr, "round 2 waits: promised so far b"},
    {"c promised an older round",
     [](View& v) {
       promised(v);
       v.promises[1].round = 1;
     },
     nullptr, "round 2 waits: promised so far b"},
    {"the old leader's promise counts for its whole set",
     [](View& v) {
       promised(v);
       v.promises[1] = promise(kA, 2, 95);
     },
     "Take", "b, a have promised round 2, and this log is the freshest"},
    {"the round is over its limit",
     [](View& v) {
       promised(v);
       v.promises.pop_back();
       v.memory.round_seen = kNow - 3100ms;
     },
     "CloseRound", "round 2 is over its limit"},
    {"the round is over its limit, but it is won",
     [](View& v) {
       promised(v);
       v.memory.round_seen = kNow - 3100ms;
     },
     "Take", "b, c have promised round 2, and this log is the freshest"},
    {"a previous set is not intersected",
     [](View& v) {
       promised(v);
       const Voter d{MemberName("d"), Incarnation("id")};
       v.record.previous = {{{{d}, 1}, {MemberName("x"), Incarnation("ix")}}};
     },
     nullptr, "round 2 waits: promised so far b, c"},
    {"the round was closed without a leader", [](View& v) { v.own.promised = 2; }, "Release",
     "round 2 was closed without a leader"},
    {"another leads now",
     [](View& v) {
       v.record.leader = kC;
       v.record.epoch = {0, 2};
       other(v, "c").seen.role = Role::leader;
       other(v, "c").answered = kNow;
     },
     "Follow", "c leads epoch 2"},
    {"its server is down", [](View& v) { v.own.server.life = ServerLife::ended; }, "Follow",
     "a leads epoch 1"},
    {"it has no data", [](View& v) { v.own = {}; }, "Rejoin", "has no data: it is copied from a"},
    {"it led before, and nothing is confirmed yet",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
       v.record.confirmed = false;
       v.record.set = {{kC}, 1};
     },
     nullptr, "comes back once a commit of the new epoch is confirmed elsewhere"},
    {"it led before, and the set still counts it",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
     },
     nullptr, "comes back once the leader's set no longer counts it"},
    {"it led before, and may come back",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
       v.record.set = {{kC}, 1};
       v.record.epoch = {0, 2};
       v.own.led = {0, 1};
     },
     "Rejoin", "its log left the leader's history: it is exported and rewound"},
    {"rewinding failed twice",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
       v.record.set = {{kC}, 1};
       v.memory.rejoin_failures = 2;
     },
     "Rejoin", "rewinding failed: its data is copied anew, the old kept"},
    {"its data led this very epoch",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
       v.record.set = {{kC}, 1};
       v.own.led = {0, 1};
     },
     nullptr, "its data is of this epoch or a later one: it is kept as it is"},
    {"it still runs as a leader", [](View& v) { v.own.as_replica = false; }, "Fence",
     "the record names a as leader of epoch 1"},
    {"something foreign is there",
     [](View& v) {
       v.own.foreign = true;
       v.own.trouble = "not made by weir";
     },
     nullptr, "the data is not ours: not made by weir"},
};

void check(const Row& row, View view) {
  SCOPED_TRACE(row.when);
  row.change(view);
  const Decision decision = decide(view);
  EXPECT_EQ(decision.because, row.because);
  if (row.step == nullptr) {
    EXPECT_FALSE(decision.step.has_value()) << kind_of(*decision.step);
  } else if (decision.step) {
    EXPECT_STREQ(kind_of(*decision.step), row.step);
  } else {
    ADD_FAILURE() << "no step; wanted " << row.step;
  }
}

TEST(FailoverDecide, AsReplica) {
  for (const Row& row : kReplica) check(row, calm());
}

// What a's agent sees while it leads.
View leading() {
  View view = calm();
  view.self = member("a");
  view.host = HostName("a");
  view.life = AgentLife("life-a");
  view.own = {};
  view.own.data = true;
  view.own.incarnation = kA.incarnation;
  view.own.server.life = ServerLife::running;
  view.own.led = {0, 1};
  Other b = other(view, "a");
  b.member = member("b");
  b.voice.voter = kB;
  b.seen.role = Role::replica;
  view.others.front() = b;
  view.own_seen.reach = Reach::serving;
  view.own_seen.role = Role::leader;
  view.own_seen.written = {1000};
  view.memory.written_before = {900};
  view.memory.proven = view.record.set;
  for (Other& found : view.others) {
    found.streaming = kNow;
    view.own_seen.followers.push_back({found.voice.voter, true, true, {950}});
  }
  return view;
}

void silence(View& view, const char* name) {
  other(view, name).voice.heard = kNow - 2s;
  std::erase_if(view.own_seen.followers,
                [&](const Follower& f) { return f.voter.member.text == name; });
}

const Row kLeader[] = {
    {"all is well", [](View&) {}, nullptr, "leads epoch 1; commits wait for 1 of b, c"},
    {"its agent is new", [](View& v) { v.life = AgentLife("newer"); }, "Reclaim",
     "this agent is new: it confirms the leadership anew"},
    {"it won and has not promoted",
     [](View& v) {
       v.record.epoch = {0, 2};
       v.own.as_replica = true;
     },
     "Promote", "the record names this member as leader of epoch 2"},
    {"it runs as a leader of an older epoch",
     [](View& v) {
       v.record.epoch = {0, 2};
     },
     "Fence", "the record names a as leader of epoch 2"},
    {"its server died a moment ago",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.memory.server_ended_seen = kNow - 100ms;
     },
     nullptr, "its server is dead, and a failover is the sooner"},
    {"its server died, and no voter's lives",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.memory.server_ended_seen = kNow - 100ms;
       for (Other& found : v.others) found.voice.server = ServerLife::ended;
     },
     "Restart", "its server is not up"},
    {"its server died, and a restart is quick",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.own.restart_estimate = 300ms;
       v.memory.server_ended_seen = kNow;
     },
     "Restart", "its server is dead, and a restart in place is the sooner"},
    {"its server died, and nobody came",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.memory.server_ended_seen = kNow - 2300ms;
     },
     "Restart", "its server is dead, and nobody opens a round"},
    {"its server died, and a round is open that others may win",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow - 400ms;
     },
     nullptr, "round 2 may do without the former leader's promise"},
    {"its server died, and a round is open that nobody won in time",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow - 500ms;
     },
     "GivePromise", "round 2 is open"},
    {"its server died, and a round is open that others cannot win",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow;
       other(v, "c").voice.server = ServerLife::ended;
     },
     "GivePromise", "round 2 is open"},
    {"a round is open while it serves",
     [](View& v) {
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow;
     },
     nullptr, "leads on while round 2 is open"},
    {"a voter is silent", [](View& v) { silence(v, "b"); }, "LoadSet",
     "a voter is silent: the set becomes c"},
    {"a voter is silent, and the narrower set is proven",
     [](View& v) {
       silence(v, "b");
       v.memory.proven = SyncSet{{kC}, 1};
     },
     "RecordSet", "a voter is silent: the set becomes c"},
    {"both voters are silent: the number never falls below sync",
     [](View& v) {
       silence(v, "b");
       silence(v, "c");
     },
     nullptr, "leads epoch 1; commits wait for 1 of b, c"},
    {"nothing is confirmed yet", [](View& v) { v.record.confirmed = false; }, "Confirm",
     "no commit of this epoch is confirmed yet"},
    {"the set of the record is not proven", [](View& v) { v.memory.proven.reset(); }, "LoadSet",
     "the set of the record is not yet proven to be loaded"},
    {"c came back",
     [](View& v) {
       v.record.set = {{kB}, 1};
       v.memory.proven = v.record.set;
     },
     "RecordSet", "c has caught up and joins the set"},
    {"c came back and lags",
     [](View& v) {
       v.record.set = {{kB}, 1};
       v.memory.proven = v.record.set;
       for (Follower& f : v.own_seen.followers) f.flushed = {800};
     },
     nullptr, "leads epoch 1; commits wait for 1 of b"},
    {"c came back rebuilt",
     [](View& v) {
       const Voter rebuilt{kC.member, Incarnation("new")};
       v.own_seen.followers[1].voter = rebuilt;
       other(v, "c").voice.voter = rebuilt;
       v.record.set = {{kB}, 1};
       v.memory.proven = v.record.set;
     },
     "RecordSet", "c has caught up and joins the set"},
    {"each commit is to wait for two: the server first", [](View& v) { v.given.policy.sync = 2; },
     "LoadSet", "each commit is to wait for 2"},
    {"each commit is to wait for two, and that is proven",
     [](View& v) {
       v.given.policy.sync = 2;
       v.memory.proven = SyncSet{{kB, kC}, 2};
     },
     "RecordSet", "each commit is to wait for 2"},
    {"each commit is to wait for one only: the record first",
     [](View& v) {
       v.record.set.number = 2;
       v.memory.proven = v.record.set;
     },
     "RecordSet", "each commit is to wait for 1 only"},
    {"another agent knows a higher epoch",
     [](View& v) {
       other(v, "b").voice.epoch = {0, 2};
       other(v, "b").voice.leader = kB.member;
     },
     "Fence", "b knows epoch 2, which b leads"},
};

TEST(FailoverDecide, AsLeader) {
  for (const Row& row : kLeader) check(row, leading());
}

TEST(FailoverDecide, AWinnersRecordKeepsEverySetThatMayHaveAcknowledged) {
  View view = calm();
  promised(view);
  view.record.previous = {{{{kC}, 1}, kB}};
  const Decision decision = decide(view);
  ASSERT_TRUE(decision.step && std::holds_alternative<Take>(*decision.step));
  const Record& next = std::get<Take>(*decision.step).next;
  EXPECT_EQ(next.epoch, (Epoch{0, 2}));
  EXPECT_EQ(next.leader, kB);
  EXPECT_EQ(next.leader_host, HostName("b"));
  EXPECT_EQ(next.set, (SyncSet{{kA, kC}, 1}));
  ASSERT_EQ(next.previous.size(), 2u);
  EXPECT_EQ(next.previous[0], (PreviousSet{{{kC}, 1}, kB}));
  EXPECT_EQ(next.previous[1], (PreviousSet{{{kB, kC}, 1}, kA}));
  EXPECT_FALSE(next.round.has_value());
  EXPECT_FALSE(next.confirmed);
}

TEST(FailoverDecide, OnlyAConfirmedCommitClearsThePreviousSets) {
  View view = leading();
  view.record.confirmed = false;
  view.record.previous = {{{{kB, kC}, 1}, kA}};
  const Decision decision = decide(view);
  ASSERT_TRUE(decision.step && std::holds_alternative<Confirm>(*decision.step));
  EXPECT_TRUE(std::get<Confirm>(*decision.step).next.previous.empty());
  EXPECT_TRUE(std::get<Confirm>(*decision.step).next.confirmed);
}

// Two steps that write the same record from two views cannot both hold; a set that is recorded is
// never narrower than what may acknowledge, whatever is promised: checked over all small worlds.
TEST(FailoverElection, PromisesIntersectEveryAcknowledgingSubset) {
  const std::vector<Voter> all{
      kB, kC, {MemberName("d"), Incarnation("id")}, {MemberName("e"), Incarnation("ie")}};
  int checked = 0;
  for (unsigned set_bits = 1; set_bits < 16; ++set_bits) {
    for (int number = 1; number <= std::popcount(set_bits); ++number) {
      Record record;
      record.leader = kA;
      record.set.number = number;
      for (unsigned i = 0; i < 4; ++i) {
        if (set_bits >> i & 1) record.set.voters.push_back(all[i]);
      }
      for (unsigned promised_bits = 0; promised_bits < 16; ++promised_bits) {
        std::vector<Voter> voters;
        for (unsigned i = 0; i < 4; ++i) {
          if (promised_bits >> i & 1) voters.push_back(all[i]);
        }
        // Dumb on purpose: does some acknowledging subset of the set miss all who promised?
        bool missed = false;
        for (unsigned acks = 1; acks < 16; ++acks) {
          const bool may = (acks & ~set_bits) == 0 && std::popcount(acks) >= number;
          if (may && (acks & promised_bits) == 0) missed = true;
        }
        EXPECT_EQ(promises_suffice(record, voters), !missed)
            << set_bits << " " << number << " " << promised_bits;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 400);
}

TEST(FailoverElection, TheLeadersPromiseCountsForTheWholeSet) {
  Record record;
  record.leader = kA;
  record.set = {{kB, kC}, 1};
  EXPECT_TRUE(promises_suffice(record, {kA}));
  EXPECT_FALSE(promises_suffice(record, {kB}));
  EXPECT_FALSE(promises_suffice(record, {{kA.member, Incarnation("rebuilt")}}));
  record.previous = {{{{kC}, 1}, kB}};
  EXPECT_FALSE(promises_suffice(record, {kA}));
  EXPECT_TRUE(promises_suffice(record, {kA, kB}));
}

TEST(FailoverElection, LogsOfOneEpochThatContradictEachOtherChooseNobody) {
  weir::Promise one = promise(kB, 2, 100);
  weir::Promise two = promise(kC, 2, 90);
  two.standing.lineage.system = "another";
  EXPECT_EQ(freshest({one, two}), nullptr);
  two.of = {0, 0};
  ASSERT_NE(freshest({one, two}), nullptr);
  EXPECT_EQ(freshest({one, two})->voter, kB);
  EXPECT_EQ(freshest({}), nullptr);
}

TEST(FailoverRising, IsBounded) {
  View view = leading();
  EXPECT_FALSE(rising(view));
  view.record.epoch = {0, 2};
  view.memory.epoch_seen = kNow - 1s;
  EXPECT_TRUE(rising(view));
  view.memory.epoch_seen = kNow - 11s;
  EXPECT_FALSE(rising(view));
  view = leading();
  view.own.server.life = ServerLife::ended;
  view.memory.server_ended_seen = kNow - 100ms;
  EXPECT_TRUE(rising(view));  // it is finding out
  view.memory.server_ended_seen = kNow - 300ms;
  EXPECT_FALSE(rising(view));  // a failover is the sooner, so it does not rise
  view.own.restart_estimate = 200ms;
  EXPECT_TRUE(rising(view));
  view.memory.server_ended_seen = kNow - 11s;
  EXPECT_FALSE(rising(view));
}

TEST(FailoverReadiness, SaysWhyNot) {
  View view = leading();
  EXPECT_EQ(readiness(view).because, "enough voters answer");
  EXPECT_TRUE(readiness(view).possible);
  other(view, "c").voice.heard = kNow - 5s;
  EXPECT_EQ(readiness(view).because, "too few voters answer: missing c");
  EXPECT_FALSE(readiness(view).possible);
  view.record.set.voters.clear();
  EXPECT_EQ(readiness(view).because, "no replica is confirmed");
}

TEST(FailoverStep, FencingAndAskingWaitForNoDisk) {
  EXPECT_FALSE(needs_intent(Fence{}));
  EXPECT_FALSE(needs_intent(AskOthers{}));
  EXPECT_TRUE(needs_intent(GivePromise{2}));
  EXPECT_TRUE(needs_intent(Promote{}));
}

}  // namespace
}  // namespace weir::failover
