// The failover decision of the member that the record names, as a table.
#include <gtest/gtest.h>

#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

// Its server died, and its disk ends at 90 of a log of which c has replayed 100.
void lost_its_tail(View& v) {
  v.own.server.life = ServerLife::ended;
  v.own.restart_estimate = 300ms;
  v.own.standing = Standing{lineage(), {90}};
  v.memory.server_ended_seen = kNow;
  other(v, "c").seen.role = Role::replica;
  other(v, "c").seen.timeline = 1;
  other(v, "c").seen.replayed = {100};
}

const Row kLeader[] = {
    {"all is well", [](View&) {}, nullptr, "leads epoch 1; commits wait for 1 of b, c"},
    {"the store has lost the record",
     [](View& v) { v.memory.store_lost = "the store has no record any more"; }, nullptr,
     "the store has no record any more: weir store rebuild"},
    {"the store has lost the record, and a voter is silent",
     [](View& v) {
       v.memory.store_lost = "the store has no record any more";
       silence(v, "b");
     },
     nullptr, "the store has no record any more: weir store rebuild"},
    {"the store has lost the record, and its server is dead",
     [](View& v) {
       v.memory.store_lost = "the store has no record any more";
       v.own.server.life = ServerLife::ended;
       v.own.restart_estimate = 300ms;
     },
     nullptr, "the store has no record any more: weir store rebuild"},
    {"the set grew, and a voter that answers has not read it",
     [](View& v) {
       v.memory.proven = SyncSet{{kB}, 1};
       v.memory.set_seen = kNow - 1s;
       v.memory.set_reading = {0, 9};
       other(v, "b").voice.read = Reading{0, 8};
       other(v, "c").voice.read = Reading{0, 9};
     },
     nullptr, "the set is loaded once b has read it"},
    {"the set grew, and whoever has not read it is silent",
     [](View& v) {
       v.memory.proven = SyncSet{{kB}, 1};
       v.memory.set_seen = kNow - 1s;
       v.memory.set_reading = {0, 9};
       other(v, "b").voice.read = Reading{0, 8};
       other(v, "b").voice.heard = kNow - 1300ms;
     },
     "LoadSet", "the set of the record is not yet proven to be loaded"},
    {"the set grew, and a voter cannot read it for long",
     [](View& v) {
       v.memory.proven = SyncSet{{kB}, 1};
       v.memory.set_seen = kNow - 6s;
       v.memory.set_reading = {0, 9};
       other(v, "b").voice.read = Reading{0, 8};
     },
     "LoadSet", "the set of the record is not yet proven to be loaded"},
    {"its agent is new", [](View& v) { v.life = AgentLife("newer"); }, "Reclaim",
     "this agent is new: it confirms the leadership anew"},
    {"it won and has not promoted",
     [](View& v) {
       v.record.epoch = {0, 2};
       v.own.as_replica = true;
     },
     "Promote", "the record names this member as leader of epoch 2"},
    {"its promotion was cut off before its promise was given back",
     [](View& v) { v.own.promised = v.record.epoch.number; }, "Promote",
     "the record names this member as leader of epoch 1"},
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
    {"its server died, and c was not looked at since",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.own.restart_estimate = 300ms;
       v.memory.server_ended_seen = kNow - 50ms;
       other(v, "c").seen.at = kNow - 60ms;
     },
     nullptr, "its server is dead: what its followers hold is looked at first"},
    {"its server died, and c does not let itself be looked at",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.own.restart_estimate = 300ms;
       v.memory.server_ended_seen = kNow - 700ms;
       other(v, "c").seen.at = kNow - 900ms;
     },
     "Restart", "its server is dead, and a restart in place is the sooner"},
    {"its server died, and c has replayed more than its disk holds",
     [](View& v) { lost_its_tail(v); }, nullptr,
     "c holds more of the log than this disk does: it never leads on"},
    {"its server died, and c has replayed more of another log",
     [](View& v) {
       lost_its_tail(v);
       other(v, "c").seen.timeline = 2;
     },
     "Restart", "its server is dead, and a restart in place is the sooner"},
    {"its server died, and c has received more, but maybe half a record",
     [](View& v) {
       lost_its_tail(v);
       other(v, "c").seen.replayed = {90};
       other(v, "c").seen.written = {95};
     },
     "Restart", "its server is dead, and a restart in place is the sooner"},
    {"its server died with less than c holds, and a round is open",
     [](View& v) {
       lost_its_tail(v);
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow - 2s;
     },
     nullptr, "round 2 is not for a former leader that holds less than c"},
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
       v.memory.round_seen = kNow - 1900ms;
     },
     nullptr, "round 2 may do without the former leader's promise"},
    {"its server died, and a round is open that nobody won in time",
     [](View& v) {
       v.own.server.life = ServerLife::ended;
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow - 2s;
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
    {"each commit is to wait for two, but only one streams: another may still join",
     [](View& v) {
       v.given.policy.sync = 2;
       v.record.set = {{kB}, 1};
       v.memory.proven = v.record.set;
       v.own_seen.followers.back().flushed = {950};
     },
     "RecordSet", "c has caught up and joins the set"},
    {"each commit is to wait for two, but there is only one",
     [](View& v) {
       v.given.policy.sync = 2;
       v.record.set = {{kB}, 1};
       v.memory.proven = v.record.set;
       v.own_seen.followers.pop_back();
     },
     nullptr, "leads epoch 1; commits wait for 1 of b, not for 2: too few are confirmed"},
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
    {"a write of the record may still be on its way",
     [](View& v) { v.memory.write_in_doubt = true; }, "Reclaim",
     "a write of the record may still be on its way"},
    {"it promised and a start of before came up", [](View& v) { v.own.promised = 2; }, "Fence",
     "it has promised round 2, and a start of before came up"},
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

TEST(FailoverDecide, OnlyAConfirmedCommitClearsThePreviousSets) {
  View view = leading();
  view.record.confirmed = false;
  view.record.previous = {{{{kB, kC}, 1}, kA}};
  const Decision decision = decide(view);
  ASSERT_TRUE(decision.step && std::holds_alternative<Confirm>(*decision.step));
  EXPECT_TRUE(std::get<Confirm>(*decision.step).next.previous.empty());
  EXPECT_TRUE(std::get<Confirm>(*decision.step).next.confirmed);
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

TEST(FailoverSick, IsAWinnerThatDoesNotPromote) {
  View view = leading();
  EXPECT_FALSE(is_sick(view));
  view.record.epoch = {0, 2};
  view.own.as_replica = true;
  view.memory.epoch_seen = kNow - 9s;
  EXPECT_FALSE(is_sick(view));
  view.memory.epoch_seen = kNow - 10s;
  EXPECT_TRUE(is_sick(view));
  EXPECT_TRUE(suspicion(view).suspects);  // and it says so when it is asked
  view.record.leader = kB;
  EXPECT_FALSE(is_sick(view));
  view = leading();
  view.own_seen.reach = Reach::sick;
  EXPECT_TRUE(is_sick(view));
}

TEST(FailoverSick, SaysItsServersWordsAndStillKeepsItsSet) {
  View view = leading();
  view.own_seen.reach = Reach::sick;
  view.own_seen.detail = "no space left (53100)";
  EXPECT_EQ(suspicion(view).because, "its own writes do not move: no space left (53100)");
  EXPECT_EQ(decide(view),
            (Decision{std::nullopt, "its writes do not move: no space left (53100)"}));
  // Whoever streams from it is seen to, and joins the set from which its successor comes.
  view.record.set.voters = {kB};
  view.memory.proven = view.record.set;
  const Decision decision = decide(view);
  ASSERT_TRUE(decision.step) << decision.because;
  EXPECT_EQ(decision.because, "c has caught up and joins the set");
}

TEST(FailoverSick, AReplicasLogOfItStillCountsAsStreaming) {
  View view = leading();
  Memory memory;
  std::map<MemberName, Other> others{{MemberName("b"), other(view, "b")}};
  others.at(MemberName("b")).streaming = Instant{};
  Sighting own;
  Sighting sick = view.own_seen;
  sick.reach = Reach::sick;
  sick.at = kNow;
  EXPECT_TRUE(learn_own_sighting(memory, others, own, sick));
  EXPECT_EQ(others.at(MemberName("b")).streaming, kNow);
}

// What is decided on is to be decided on at once; that a log grows all the time is not.
TEST(FailoverLearn, AFollowerIsNewsWhenItStreamsOrCountsNotWhenItMoves) {
  View view = leading();
  Memory memory;
  std::map<MemberName, Other> others{{MemberName("b"), other(view, "b")}};
  Sighting own = view.own_seen;
  ASSERT_FALSE(own.followers.empty());
  Sighting next = own;
  next.written.at += 100;
  next.followers.front().flushed.at += 100;
  EXPECT_FALSE(learn_own_sighting(memory, others, own, next));
  const std::vector<void (*)(Follower&)> changes = {
      [](Follower& f) { f.streaming = !f.streaming; }, [](Follower& f) { f.counted = !f.counted; },
      [](Follower& f) { f.voter.incarnation = Incarnation("other"); }};
  for (const auto change : changes) {
    change(next.followers.front());
    EXPECT_TRUE(learn_own_sighting(memory, others, own, next));
    EXPECT_FALSE(learn_own_sighting(memory, others, own, next));
  }
}

TEST(FailoverStep, ATryToComeBackThatFoundNoSpaceSaysNothingOfTheWay) {
  const Step rejoin = Rejoin{};
  EXPECT_TRUE(is_a_rejoin(rejoin, {}));
  EXPECT_TRUE(is_a_rejoin(rejoin, fail(Failure::io, "pg_rewind failed")));
  EXPECT_FALSE(is_a_rejoin(rejoin, fail(Failure::no_space, "no space left on device")));
  EXPECT_FALSE(is_a_rejoin(Follow{}, {}));
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

TEST(FailoverReadiness, ExpectsAFollowerThatRunsAndDoesNotCountYet) {
  EXPECT_FALSE(expects_follower(leading()));
  View view = leading();
  view.own_seen.followers.pop_back();
  EXPECT_TRUE(expects_follower(view)) << "c runs and does not stream yet";
  other(view, "c").voice.server = ServerLife::ended;
  EXPECT_FALSE(expects_follower(view)) << "c is down, and who knows for how long";
  view = leading();
  view.record.set.voters = {kB};
  EXPECT_TRUE(expects_follower(view)) << "c streams and does not count yet";
  other(view, "c").voice.heard = kNow - 5s;
  EXPECT_FALSE(expects_follower(view)) << "nobody knows how c is";
  view = leading();
  view.own_seen.followers.clear();
  view.record.leader = kB;
  EXPECT_FALSE(expects_follower(view)) << "another leads";
}

TEST(FailoverReadiness, ProbesWhomDecisionsWaitForAtEachHeartbeat) {
  const View view = leading();
  const Policy& policy = view.given.policy;
  const auto pace = [&](const Record& record, const char* self, const char* member) {
    return probe_pace(record, MemberName(self), MemberName(member), policy);
  };
  EXPECT_EQ(pace(view.record, "b", "a"), policy.heartbeat) << "the leader";
  EXPECT_EQ(pace(view.record, "b", "b"), policy.heartbeat) << "its own server";
  EXPECT_EQ(pace(view.record, "b", "c"), policy.replica_pace) << "another replica";
  Record record = view.record;
  record.round = weir::OpenRound{2, HostName("b")};
  EXPECT_EQ(pace(record, "b", "c"), policy.heartbeat) << "in a round anybody may lead next";
}

TEST(FailoverStep, FencingAndAskingWaitForNoDisk) {
  EXPECT_FALSE(needs_intent(Fence{}));
  EXPECT_FALSE(needs_intent(AskOthers{}));
  EXPECT_TRUE(needs_intent(GivePromise{2}));
  EXPECT_TRUE(needs_intent(Promote{}));
}

}  // namespace
}  // namespace weir::failover
