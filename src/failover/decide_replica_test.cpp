// The failover decision of a member that does not lead, as a table.
#include <gtest/gtest.h>

#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

// It led before; the next epoch began long ago, and no commit of it is confirmed.
void deposed_long_ago(View& v) {
  v.own.as_replica = false;
  v.own.server.life = ServerLife::ended;
  v.record.confirmed = false;
  v.record.epoch = {0, 2};
  v.memory.epoch_seen = kNow - 11s;
}

const Row kReplica[] = {
    {"all is well", [](View&) {}, nullptr, "follows a in epoch 1"},
    {"the store has lost the record, and the leader is gone",
     [](View& v) {
       both_suspect(v);
       v.memory.store_lost = "the store has no record any more";
     },
     nullptr, "the store has no record any more: weir store rebuild"},
    {"the store has lost the record, and our replica points nowhere",
     [](View& v) {
       v.memory.store_lost = "the store has no record any more";
       v.own.pointed = false;
     },
     "Follow", "the store has no record any more: weir store rebuild"},
    {"the store has lost the record, and our data left the leader's history",
     [](View& v) {
       v.memory.store_lost = "the store has no record any more";
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
     },
     nullptr, "the store has no record any more: weir store rebuild"},
    {"the store has lost the record, and our data is gone",
     [](View& v) {
       v.memory.store_lost = "the store has no record any more";
       v.own.data = false;
     },
     nullptr, "the store has no record any more: weir store rebuild"},
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
    {"a promise failed half-way and left it pointed at nobody",
     [](View& v) { v.own.pointed = false; }, "Follow", "a leads epoch 1"},
    {"it has no data", [](View& v) { v.own = {}; }, "Rejoin", "has no data: it is copied from a"},
    {"it led before, and nothing is confirmed yet",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
       v.record.confirmed = false;
       v.record.set = {{kC}, 1};
     },
     nullptr, "comes back once a commit of the new epoch is confirmed elsewhere"},
    {"it led before, nothing is confirmed, and nobody else could",
     [](View& v) {
       deposed_long_ago(v);
       other(v, "c").seen.receives_from.clear();
     },
     "Rejoin", "too few others can confirm the new epoch: its data is copied anew, the old kept"},
    {"it led before, nothing is confirmed, and the only other is to leave",
     [](View& v) {
       deposed_long_ago(v);
       other(v, "c").leaves = true;
     },
     "Rejoin", "too few others can confirm the new epoch: its data is copied anew, the old kept"},
    {"it led before, nothing is confirmed, nobody else could, and it is to leave itself",
     [](View& v) {
       deposed_long_ago(v);
       other(v, "c").seen.receives_from.clear();
       v.given.policy.self_leaves = true;
     },
     nullptr, "comes back once a commit of the new epoch is confirmed elsewhere"},
    {"it led before, nothing is confirmed, and each commit waits for two of whom one is there",
     [](View& v) {
       deposed_long_ago(v);
       v.record.set.number = 2;
     },
     "Rejoin", "too few others can confirm the new epoch: its data is copied anew, the old kept"},
    {"the same, but another comes before it by name",
     [](View& v) {
       deposed_long_ago(v);
       v.record.leader = kC;
       other(v, "c").seen.role = Role::leader;
       other(v, "a").seen.role = Role::replica;
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
    {"it came back twice and did not receive",
     [](View& v) {
       v.own.as_replica = false;
       v.own.server.life = ServerLife::ended;
       v.record.set = {{kC}, 1};
       v.memory.rejoins = 2;
     },
     "Rejoin", "coming back failed twice: its data is copied anew, the old kept"},
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

TEST(FailoverDecide, AsReplica) {
  for (const Row& row : kReplica) check(row, calm());
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

}  // namespace
}  // namespace weir::failover
