// Members and services that the fleet file no longer names: the set goes first, and nobody is
// brought back.
#include "failover/rules.h"
#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

TEST(FailoverLeaving, ALeaderNarrowsItsSetByS7AndOnlyThenForgetsTheMember) {
  View view = leading();
  other(view, "c").leaves = true;
  const SyncSet rest{{kB}, 1};
  // Loaded and proven first, then recorded.
  EXPECT_EQ(decide(view).step, Step(LoadSet{rest}));
  view.memory.proven = rest;
  Record next = view.record;
  next.set = rest;
  EXPECT_EQ(decide(view).step, Step(RecordSet{next}));
  // Out of the set it leaves the record, and does not join again although it streams.
  view.record = next;
  next.members = {kA, kB};
  EXPECT_EQ(decide(view).step, Step(RecordSet{next}));
  view.record = next;
  EXPECT_FALSE(decide(view).step) << decide(view).because;
}

TEST(FailoverLeaving, WhomASetOfBeforeCountsStaysInTheRecord) {
  View view = leading();
  other(view, "c").leaves = true;
  view.record.set = {{kB}, 1};
  view.memory.proven = view.record.set;
  view.record.previous = {PreviousSet{SyncSet{{kB, kC}, 1}, kA}};
  const Decision decision = decide(view);
  EXPECT_FALSE(decision.step && std::holds_alternative<RecordSet>(*decision.step))
      << decision.because;
}

// Where no commit waits there is no set to leave first.
TEST(FailoverLeaving, AnAsyncLeaderForgetsTheMemberToo) {
  View view = leading();
  view.record.mode = Durability::async;
  view.given.policy.mode = Durability::async;
  view.given.policy.sync = 0;
  view.record.set = {};
  view.memory.proven = SyncSet{};
  view.own.server.deadline = kNow + 4s;
  EXPECT_FALSE(decide(view).step) << decide(view).because;
  other(view, "c").leaves = true;
  Record next = view.record;
  next.members = {kA, kB};
  EXPECT_EQ(decide(view).step, Step(RecordSet{next})) << decide(view).because;
}

TEST(FailoverLeaving, TheLastWhoCanConfirmStays) {
  View view = leading();
  other(view, "b").leaves = true;
  other(view, "c").leaves = true;
  const Decision decision = decide(view);
  EXPECT_FALSE(decision.step) << kind_of(*decision.step);
}

// It comes back once it no longer counts, and then the other one goes.
TEST(FailoverLeaving, WhoLeavesConfirmsForOneThatIsAway) {
  View view = leading();
  other(view, "b").leaves = true;
  other(view, "c").streaming = other(view, "c").voice.heard = kNow - 2s;
  EXPECT_EQ(decide(view).step, Step(LoadSet{{{kB}, 1}})) << decide(view).because;
  other(view, "b").streaming = kNow - 2s;
  EXPECT_FALSE(decide(view).step) << "nobody is left who confirms";
}

TEST(FailoverLeaving, ALeaderThatLeavesIsNotRestartedWhereAnotherCanTakeOver) {
  View view = leading();
  view.own.server.life = ServerLife::ended;
  view.own.restart_estimate = 100ms;
  view.memory.server_ended_seen = kNow - 50ms;
  EXPECT_TRUE(decide(view).step && std::holds_alternative<Restart>(*decide(view).step));
  view.given.policy.self_leaves = true;
  EXPECT_FALSE(decide(view).step) << decide(view).because;
  // Where nobody takes over it leads on.
  view.memory.server_ended_seen = kNow - 10s;
  EXPECT_TRUE(decide(view).step && std::holds_alternative<Restart>(*decide(view).step));
}

TEST(FailoverLeaving, WhoHasLeftTheRecordIsNotStartedAgain) {
  View view = calm();
  view.own.server.life = ServerLife::ended;
  EXPECT_TRUE(decide(view).step);
  view.given.policy.self_leaves = true;
  EXPECT_TRUE(decide(view).step) << "as long as it counts it follows";
  view.record.members = {kA, kC};
  view.record.set = {{kC}, 1};
  EXPECT_FALSE(decide(view).step) << decide(view).because;
}

TEST(FailoverLeaving, OfAServiceThatLeavesNobodyIsElectedOrStarted) {
  View view = calm();
  kill_host_a(view);
  view.given.policy.service_leaves = true;
  EXPECT_FALSE(decide(view).step);
  // A round that was open goes to its end: nothing else may act meanwhile.
  open_round(view);
  view.given.policy.service_leaves = true;
  EXPECT_EQ(decide(view).step, Step(GivePromise{2}));
  view = leading();
  view.given.policy.service_leaves = true;
  view.own.server.life = ServerLife::ended;
  EXPECT_FALSE(decide(view).step);
}

}  // namespace
}  // namespace weir::failover
