// What the board makes of a store that is behind, was lost, or was rebuilt (safety.md S12).
#include "agent/board_test.h"

namespace weir::agent {
namespace {

TEST_F(BoardTest, OlderNewsFromTheStoreIsNone) {
  EXPECT_FALSE(board.learn_service(orders(5)));
  EXPECT_FALSE(board.learn_service(orders(4)));
  EXPECT_FALSE(board.learn_record(calm(6), kNow));
  store::Held old = with_round(5, 4);
  EXPECT_FALSE(board.doubts());
  EXPECT_TRUE(board.learn_record(old, kNow)) << "late, or the store has lost what it had";
  EXPECT_TRUE(board.doubts()) << "only a read of our own can tell";
  EXPECT_FALSE(board.store_lost());
  EXPECT_EQ(board.held()->revision, 6);
  EXPECT_FALSE(view().record.round);
  EXPECT_TRUE(board.learn_record(with_round(7, 4), kNow));
  EXPECT_TRUE(view().record.round);
}

TEST_F(BoardTest, AStoreThatLostTheRecordIsSeenByAReadThatBeganLater) {
  board.learn_record(calm(9), kNow);
  // A read that began before revision 9 was known may well answer 6.
  EXPECT_FALSE(board.learn_read(calm(6), Reading{0, 6}, kNow));
  EXPECT_FALSE(board.store_lost());
  for (const auto& answer : {std::optional<store::Held>(), std::optional(calm(8))}) {
    EXPECT_TRUE(board.learn_read(answer, board.known(), kNow));
    EXPECT_TRUE(board.store_lost());
    EXPECT_EQ(board.held()->revision, 9) << "what we remember is true";
    EXPECT_NE(view().memory.store_lost, "");
    EXPECT_TRUE(board.learn_read(calm(9), board.known(), kNow)) << "a stale answer was all it was";
    EXPECT_FALSE(board.store_lost());
  }
}

// Seed 158: the watch told of a promotion while a read from before it was still under way.
TEST_F(BoardTest, AReadThatTheWatchOvertookSaysNothing) {
  const Reading known = board.known();
  store::Held promoted = calm(9);
  promoted.record.epoch.number += 1;
  EXPECT_TRUE(board.learn_record(promoted, kNow));
  EXPECT_FALSE(board.learn_read(calm(6), known, kNow));
  EXPECT_FALSE(board.store_lost());
  EXPECT_TRUE(board.doubts()) << "it is asked again";
  EXPECT_FALSE(board.learn_read(promoted, board.known(), kNow));
  EXPECT_FALSE(board.doubts());
  EXPECT_TRUE(board.learn_read(calm(6), board.known(), kNow));
  EXPECT_TRUE(board.store_lost());
}

TEST_F(BoardTest, ARebuiltStoreCountsAnew) {
  board.learn_read(std::nullopt, board.known(), kNow);
  ASSERT_TRUE(board.store_lost());
  store::Held rebuilt = calm(2);
  rebuilt.record.rebuilt = 1;
  EXPECT_TRUE(board.learn_record(rebuilt, kNow));
  EXPECT_FALSE(board.store_lost());
  EXPECT_EQ(board.held()->revision, 2);
  EXPECT_TRUE(board.learn_service(orders(1))) << "desired services count anew, too";
  EXPECT_TRUE(board.learn_record(calm(900), kNow)) << "of the former life: to be looked at";
  EXPECT_EQ(board.held()->revision, 2);
}

TEST_F(BoardTest, ARecordBelowOurPromiseIsOld) {
  engine::Local local = running(77);
  local.promised_last = 8;
  board.learn_local(local, kNow);
  EXPECT_TRUE(board.learn_read(calm(7), board.known(), kNow));
  EXPECT_TRUE(board.store_lost());
}

TEST_F(BoardTest, WhatAnEarlierLifeRememberedIsNotOverruledByAnOldCopy) {
  const FleetName fleet("quickstart");
  const Remembered kept = *board.unsaved(fleet);
  EXPECT_EQ(kept.revision, 6);
  EXPECT_EQ(board.speak(kNow, kTimings).voice.read, Reading{}) << "not durably read yet";
  board.learn_saved(kept);
  EXPECT_FALSE(board.unsaved(fleet));
  EXPECT_EQ(board.speak(kNow, kTimings).voice.read, (Reading{0, 6}));

  Board anew{member("b"), HostName("b"), AgentLife("life-2"), kBegan, kept};
  anew.learn_service(orders(2));
  EXPECT_TRUE(anew.learn_record(calm(3), kNow));
  EXPECT_FALSE(anew.held()) << "an old copy is no record";
  EXPECT_TRUE(anew.learn_read(calm(3), anew.known(), kNow));
  EXPECT_TRUE(anew.store_lost());
  EXPECT_EQ(anew.held()->revision, 6);
  EXPECT_EQ(anew.held()->record, kept.record);
}

}  // namespace
}  // namespace weir::agent
