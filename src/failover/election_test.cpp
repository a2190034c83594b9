// When promises suffice and whom they choose, against all small sets.
#include <gtest/gtest.h>

#include <bit>

#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

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

TEST(FailoverElection, OfEqualLogsOneThatStaysIsChosen) {
  const weir::Promise b = promise(kB, 2, 100);
  const weir::Promise c = promise(kC, 2, 100);
  EXPECT_EQ(freshest({b, c})->voter, kB);
  EXPECT_EQ(freshest({b, c}, {kB.member})->voter, kC);
  EXPECT_EQ(freshest({c, b}, {kB.member})->voter, kC);
  EXPECT_EQ(freshest({b, c}, {kB.member, kC.member})->voter, kB);
  EXPECT_EQ(freshest({promise(kB, 2, 101), c}, {kB.member})->voter, kB) << "nothing is lost for it";
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

}  // namespace
}  // namespace weir::failover
