// Gaps and the first write after a fault, on instants of our own.
#include "ledger/board.h"

#include <gtest/gtest.h>

namespace weir::ledger {
namespace {

using engine::Written;

constexpr Instant at(Duration since) { return Instant(100s + since); }

Attempt row(int writer, Duration sent, Duration answered, Written written = Written::acknowledged) {
  Attempt attempt;
  attempt.row.writer = writer;
  attempt.written = written;
  attempt.sent = at(sent);
  attempt.answered = at(answered);
  return attempt;
}

TEST(LedgerBoard, CountsOutcomesApart) {
  Board board(1);
  board.note(row(0, 0s, 1s));
  board.note(row(0, 1s, 2s, Written::in_doubt));
  board.note(row(0, 2s, 3s, Written::refused));
  const Tally tally = board.tally(at(3s));
  EXPECT_EQ(tally.acknowledged, 1u);
  EXPECT_EQ(tally.in_doubt, 1u);
  EXPECT_EQ(tally.refused, 1u);
  EXPECT_EQ(tally.last_acknowledged, at(1s));
}

TEST(LedgerBoard, TheLongestGapIsOfAnyOneWriter) {
  Board board(2);
  for (const Duration t : {1s, 2s, 5s, 6s}) board.note(row(0, t, t));
  for (const Duration t : {1s, 3s, 4s, 6s}) board.note(row(1, t, t));
  EXPECT_EQ(board.tally(at(6s)).longest_gap, 3s);
}

TEST(LedgerBoard, AGapThatTheFaultFellIntoCountsFromItsBeginning) {
  Board board(1);
  for (const Duration t : {0s, 4s, 5s, 7s}) board.note(row(0, t, t));
  // The four seconds before are of another time; 5 s to 7 s holds the fault.
  board.mark(at(5500ms));
  EXPECT_EQ(board.tally(at(7s)).longest_gap, 2s);
}

TEST(LedgerBoard, AMarkSetLateStillCountsWhatCameSince) {
  Board board(1);
  for (const Duration t : {1s, 2s, 5s, 6s}) board.note(row(0, t, t));
  board.mark(at(1500ms));
  EXPECT_EQ(board.tally(at(6s)).longest_gap, 3s);
}

TEST(LedgerBoard, AnOpenGapCountsUntilNowOrTheEnd) {
  Board board(1);
  board.note(row(0, 1s, 1s));
  EXPECT_EQ(board.tally(at(9s)).longest_gap, 8s);
  board.end(at(5s));
  EXPECT_EQ(board.tally(at(9s)).longest_gap, 4s);
}

TEST(LedgerBoard, TheFirstWriteWasSentAfterTheMark) {
  Board board(2);
  EXPECT_FALSE(board.note(row(0, 1s, 2s)));
  board.mark(at(3s));
  EXPECT_FALSE(board.note(row(0, 3s, 4s)));  // sent at the very instant: it may be from before
  EXPECT_FALSE(board.note(row(1, 4s, 5s, Written::in_doubt)));
  EXPECT_FALSE(board.first().has_value());
  EXPECT_TRUE(board.note(row(1, 5s, 6s)));
  EXPECT_FALSE(board.note(row(0, 6s, 7s)));
  ASSERT_TRUE(board.first().has_value());
  EXPECT_EQ(board.first()->answered, at(6s));
}

TEST(LedgerBoard, OneWriterTriesWhileSessionsFail) {
  Board board(3);
  EXPECT_TRUE(board.may_connect(0) && board.may_connect(1) && board.may_connect(2));
  board.note_connect(1, false);
  board.note_connect(2, false);
  EXPECT_FALSE(board.may_connect(0));
  EXPECT_TRUE(board.may_connect(1));
  EXPECT_FALSE(board.may_connect(2));
  board.note_connect(1, true);
  EXPECT_TRUE(board.may_connect(0) && board.may_connect(1) && board.may_connect(2));
}

}  // namespace
}  // namespace weir::ledger
