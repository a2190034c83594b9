// Decisions of services whose leader acknowledges alone: `async` (safety.md S2, S5, S7, S8).
#include <gtest/gtest.h>

#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

void acknowledge_alone(View& view) {
  view.record.mode = Durability::async;
  view.record.set = {{}, 0};
  view.given.policy.mode = Durability::async;
  view.given.policy.sync = 0;
  view.memory.lease_from = kNow - 500ms;
}

// What b's agent sees while a leads alone and all is well.
View calm_alone() {
  View view = calm();
  acknowledge_alone(view);
  return view;
}

void lease_ends(View& view) {
  view.memory.lease_from = kNow - 7s;
  view.memory.lease_read = kNow - 20ms;
}

// a's host is silent, b and c have promised, and the lease is not over.
View waiting() {
  View view = calm_alone();
  promised(view);
  view.memory.round_seen = kNow - 2s;
  view.memory.lease_from = kNow - 4s;
  return view;
}

const Row kReplica[] = {
    {"all is well", [](View&) {}, nullptr, "follows a in epoch 1"},
    {"the leader is gone, and its last renewal is young", [](View& v) { both_suspect(v); }, nullptr,
     "a: agent and server both refuse connections, but its host renews its lease"},
    {"the leader is gone, and so are its renewals",
     [](View& v) {
       both_suspect(v);
       v.memory.lease_from = kNow - 3s;
     },
     "OpenRound", "a: agent and server both refuse connections"},
    {"its agent says that its server is dead",
     [](View& v) {
       other(v, "a").voice.server = ServerLife::ended;
       v.answers = {kNow - 20ms, {0, 1}, {kC}, {}};
     },
     "OpenRound", "a's own agent reports its server dead"},
    {"nobody else answers: the only replica left asks nobody in vain",
     [](View& v) {
       both_suspect(v);
       v.answers.suspecting.clear();
       v.memory.lease_from = kNow - 3s;
     },
     "OpenRound", "a: agent and server both refuse connections"},
};

const Row kRound[] = {
    {"the lease runs", [](View&) {}, nullptr,
     "round 2 waits for the answer of a's agent, or the end of its lease"},
    {"the lease is over by the watch alone", [](View& v) { v.memory.lease_from = kNow - 7s; },
     nullptr, "round 2 waits for the answer of a's agent, or the end of its lease"},
    {"a read of before the end showed the same",
     [](View& v) {
       v.memory.lease_from = kNow - 7s;
       v.memory.lease_read = kNow - 2s;
     },
     nullptr, "round 2 waits for the answer of a's agent, or the end of its lease"},
    {"the lease is over", lease_ends, "Take",
     "b, c have promised round 2, and this log is the freshest"},
    {"the agent has only begun, and six seconds are its own",
     [](View& v) {
       lease_ends(v);
       v.memory.began = kNow - 5s;
     },
     nullptr, "round 2 waits for the answer of a's agent, or the end of its lease"},
    {"a dead server is no answer",
     [](View& v) {
       other(v, "a").voice.heard = kNow - 100ms;
       other(v, "a").voice.refused = {};
       other(v, "a").voice.server = ServerLife::ended;
     },
     nullptr, "round 2 waits for the answer of a's agent, or the end of its lease"},
    {"the old leader has answered", [](View& v) { v.promises.push_back(promise(kA, 2, 95)); },
     "Take", "b, c, a have promised round 2, and this log is the freshest"},
    {"the old leader has answered, and its log is the longest",
     [](View& v) { v.promises.push_back(promise(kA, 2, 110)); }, nullptr,
     "round 2 is for a to take"},
    {"data that took the old leader's place answers for nobody",
     [](View& v) {
       v.promises.push_back(promise({kA.member, Incarnation("new")}, 2, 95));
     },
     nullptr, "round 2 waits for the answer of a's agent, or the end of its lease"},
    {"somebody who answers has not promised yet",
     [](View& v) {
       lease_ends(v);
       v.promises.pop_back();
     },
     nullptr, "round 2 waits for c's promise"},
    {"somebody is silent",
     [](View& v) {
       lease_ends(v);
       v.promises.pop_back();
       other(v, "c").voice.heard = kNow - 2s;
     },
     "Take", "b have promised round 2, and this log is the freshest"},
    {"somebody answers and does not come to promise",
     [](View& v) {
       lease_ends(v);
       v.promises.pop_back();
       v.memory.round_seen = kNow - 4s;
     },
     "Take", "b have promised round 2, and this log is the freshest"},
    {"it is over its limit, which is longer by the lease",
     [](View& v) { v.memory.round_seen = kNow - 9100ms; }, "CloseRound",
     "round 2 is over its limit"},
    {"it is not over its limit yet", [](View& v) { v.memory.round_seen = kNow - 8900ms; }, nullptr,
     "round 2 waits for the answer of a's agent, or the end of its lease"},
};

// What a's agent sees while it leads alone.
View leading_alone() {
  View view = leading();
  acknowledge_alone(view);
  view.memory.proven = view.record.set;
  view.own.server.deadline = kNow + 4s;
  return view;
}

void server_ended(View& view) {
  view.own.server.life = ServerLife::ended;
  view.memory.server_ended_seen = kNow - 100ms;
}

const Row kLeader[] = {
    {"all is well", [](View&) {}, nullptr, "leads epoch 1; no commit waits"},
    {"both others are silent, and it goes on",
     [](View& v) {
       silence(v, "b");
       silence(v, "c");
     },
     nullptr, "leads epoch 1; no commit waits"},
    {"it won, and no guard holds a deadline yet",
     [](View& v) {
       v.record.epoch = {0, 2};
       v.own.as_replica = true;
       v.own.server.deadline = {};
     },
     nullptr, "opens once its guard holds a deadline"},
    {"it won",
     [](View& v) {
       v.record.epoch = {0, 2};
       v.own.as_replica = true;
     },
     "Promote", "the record names this member as leader of epoch 2"},
    {"its server is dead, and its lease is not held",
     [](View& v) {
       server_ended(v);
       v.own.restart_estimate = 300ms;
       v.own.server.deadline = kNow + 100ms;
     },
     nullptr, "starts once a guard is to hold a deadline"},
    {"its server is dead, and a restart is quick",
     [](View& v) {
       server_ended(v);
       v.own.restart_estimate = 300ms;
     },
     "Restart", "its server is dead, and a restart in place is the sooner"},
    {"its server is dead, a restart is slow and others live", [](View& v) { server_ended(v); },
     nullptr, "its server is dead, and a failover is the sooner"},
    {"its server is dead and a round is open: it answers at once",
     [](View& v) {
       server_ended(v);
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow;
     },
     "GivePromise", "round 2 is open"},
    {"its writes do not move and a round is open",
     [](View& v) {
       v.own_seen.reach = Reach::sick;
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow;
     },
     "Fence", "its writes do not move, and round 2 is open"},
    {"it serves and a round is open",
     [](View& v) {
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow;
     },
     nullptr, "leads on while round 2 is open"},
    {"its lease was lost", [](View& v) { v.life = AgentLife("newer"); }, "Reclaim",
     "this agent is new: it confirms the leadership anew"},
    {"nothing of its epoch is confirmed", [](View& v) { v.record.confirmed = false; }, "Confirm",
     "no commit of this epoch is confirmed yet"},
    {"nothing is confirmed and nobody streams",
     [](View& v) {
       v.record.confirmed = false;
       v.own_seen.followers.clear();
     },
     nullptr, "leads epoch 1; no commit waits"},
    {"a replica was rebuilt and has caught up",
     [](View& v) { v.record.members[1].incarnation = Incarnation("old"); }, "RecordSet",
     "b has caught up and is recorded"},
    {"commits may still wait", [](View& v) { v.memory.proven.reset(); }, "LoadSet",
     "no commit is to wait, and that is not yet proven"},
    {"commits are to wait",
     [](View& v) {
       v.given.policy.mode = Durability::required;
       v.given.policy.sync = 1;
     },
     "LoadSet", "each commit is to wait for 1"},
    {"commits wait, and the record is to say so",
     [](View& v) {
       v.given.policy.mode = Durability::required;
       v.given.policy.sync = 1;
       v.memory.proven = SyncSet{{kB, kC}, 1};
     },
     "RecordSet", "each commit is to wait for 1"},
    {"commits are to wait, and nobody streams",
     [](View& v) {
       v.given.policy.mode = Durability::required;
       v.given.policy.sync = 1;
       silence(v, "b");
       silence(v, "c");
     },
     nullptr, "each commit is to wait for 1, and too few replicas stream"},
};

TEST(FailoverAsync, Replica) {
  for (const Row& row : kReplica) check(row, calm_alone());
}

TEST(FailoverAsync, Round) {
  for (const Row& row : kRound) check(row, waiting());
}

TEST(FailoverAsync, Leader) {
  for (const Row& row : kLeader) check(row, leading_alone());
}

TEST(FailoverAsync, TheStoreIsReadOnceTheLeaseMayBeOver) {
  View view = waiting();
  EXPECT_FALSE(wants_lease_read(view));
  view.memory.lease_from = kNow - 7s;
  EXPECT_TRUE(wants_lease_read(view));
  view.memory.lease_read = kNow - 20ms;
  EXPECT_FALSE(wants_lease_read(view));
  view.memory.lease_read = {};
  view.own.promised = 0;
  EXPECT_FALSE(wants_lease_read(view)) << "only who may take needs to know";
  view = waiting();
  view.memory.lease_from = kNow - 7s;
  view.record.mode = Durability::required;
  EXPECT_FALSE(wants_lease_read(view));
}

TEST(FailoverAsync, TheWinnerKeepsTheModeAndNoSet) {
  View view = waiting();
  lease_ends(view);
  const Decision decision = decide(view);
  ASSERT_TRUE(decision.step && std::holds_alternative<Take>(*decision.step)) << decision.because;
  const Record& next = std::get<Take>(*decision.step).next;
  EXPECT_EQ(next.mode, Durability::async);
  EXPECT_EQ(next.set, (SyncSet{{}, 0}));
  EXPECT_EQ(next.leader, kB);
  EXPECT_EQ(next.epoch, (Epoch{0, 2}));
  EXPECT_EQ(next.leader_life, view.life);
  EXPECT_FALSE(next.confirmed);
}

TEST(FailoverAsync, TheModeOfTheRecordCounts) {
  View view = waiting();
  view.given.policy.mode = Durability::required;  // as the file may say by now
  EXPECT_FALSE(decide(view).step.has_value()) << decide(view).because;
  view = calm();
  promised(view);
  view.given.policy.mode = Durability::async;
  const Decision decision = decide(view);
  EXPECT_TRUE(decision.step && std::holds_alternative<Take>(*decision.step)) << decision.because;
}

TEST(FailoverAsync, FromRequiredTheRecordComesFirst) {
  View view = leading();
  view.given.policy.mode = Durability::async;
  view.given.policy.sync = 0;
  const Decision decision = decide(view);
  ASSERT_TRUE(decision.step && std::holds_alternative<RecordSet>(*decision.step));
  const Record& next = std::get<RecordSet>(*decision.step).next;
  EXPECT_EQ(next.mode, Durability::async);
  EXPECT_EQ(next.set, (SyncSet{{}, 0}));
  view.record = next;
  EXPECT_FALSE(decide(view).step.has_value()) << "commits wait until a guard holds a deadline";
  view.own.server.deadline = kNow + 4s;
  const Decision then = decide(view);
  ASSERT_TRUE(then.step && std::holds_alternative<LoadSet>(*then.step)) << then.because;
}

TEST(FailoverAsync, WhoseGuardHoldsADeadline) {
  View leader = leading_alone();
  EXPECT_TRUE(needs_deadline(leader));
  EXPECT_FALSE(keeps_old_deadline(leader));
  leader.record.mode = Durability::required;
  EXPECT_FALSE(needs_deadline(leader));
  EXPECT_TRUE(keeps_old_deadline(leader)) << "a required leader is stopped by no guard";
  leader.record.leader = kB;
  EXPECT_FALSE(keeps_old_deadline(leader)) << "who leads by no record is fenced at its deadline";
  View replica = calm_alone();
  EXPECT_FALSE(needs_deadline(replica));
  EXPECT_FALSE(keeps_old_deadline(replica));
  replica.own.server.deadline = kNow + 1s;
  EXPECT_TRUE(keeps_old_deadline(replica)) << "a replica is stopped by no guard";
}

TEST(FailoverAsync, ALeaseThatServesNobodyIsGivenUp) {
  View view = leading_alone();
  EXPECT_FALSE(gives_up_lease(view));
  server_ended(view);
  EXPECT_FALSE(gives_up_lease(view));
  view.record.round = weir::OpenRound{2, HostName("b")};
  view.memory.round_seen = kNow - 200ms;
  EXPECT_FALSE(gives_up_lease(view)) << "it may still promise";
  view.memory.round_seen = kNow - 1100ms;
  EXPECT_TRUE(gives_up_lease(view)) << "its disk may hang";
  view.own.promised = 2;
  EXPECT_FALSE(gives_up_lease(view));
  view = leading_alone();
  view.own = {};
  EXPECT_TRUE(gives_up_lease(view)) << "its data is gone";
  view.record.leader_life = AgentLife("other");
  EXPECT_FALSE(gives_up_lease(view)) << "it is not ours";
}

// Or its turns would follow one another for ever: no set ever counts anybody.
TEST(FailoverAsync, ALeaderThatHasRecordedAllExpectsNobody) {
  View view = leading_alone();
  EXPECT_FALSE(expects_follower(view));
  std::erase(view.record.members, kC);
  EXPECT_TRUE(expects_follower(view)) << "c streams and is not recorded yet";
  other(view, "c").leaves = true;
  EXPECT_FALSE(expects_follower(view)) << "the file no longer names c";
}

TEST(FailoverAsync, ReadinessCountsEveryRecordedReplica) {
  View view = calm_alone();
  EXPECT_TRUE(readiness(view).possible);
  other(view, "c").voice.heard = kNow - 2s;
  EXPECT_TRUE(readiness(view).possible) << "one is enough";
  view.own.incarnation = Incarnation("new");
  EXPECT_FALSE(readiness(view).possible);
}

}  // namespace
}  // namespace weir::failover
