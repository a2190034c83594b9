// The machine where the suite of all stores cannot look: its window, its cuts, its clock.
#include "store/machine.h"

#include <gtest/gtest.h>

namespace weir::store {
namespace {

Instant at(Duration since) { return Instant(since); }

struct MachineTest : ::testing::Test {
  Machine machine{Window{6, 1u << 20}};

  Revision put(const std::vector<Change>& changes, Instant now = at(0s)) {
    const auto delta = machine.plan_commit(changes);
    EXPECT_TRUE(delta) << delta.error().what;
    machine.install(*delta, now);
    return delta->revision;
  }
  LeaseId grant(Duration ttl, Instant now) {
    const auto delta = machine.plan_grant(ttl);
    machine.install(*delta, now);
    return delta->granted->id;
  }
};

TEST_F(MachineTest, APlanChangesNothing) {
  put({{"a", 0, "1", 0}});
  ASSERT_TRUE(machine.plan_commit({{"a", 1, "2", 0}, {"b", 0, "1", 0}}));
  ASSERT_TRUE(machine.plan_grant(1s));
  EXPECT_EQ(machine.revision(), 1);
  EXPECT_EQ(machine.list(""), (std::vector<Entry>{{"a", "1", 1}}));
  EXPECT_FALSE(machine.next_expiry());
}

TEST_F(MachineTest, TheWindowForgetsWholeTransactions) {
  put({{"a", 0, "1", 0}, {"b", 0, "1", 0}, {"c", 0, "1", 0}});
  put({{"d", 0, "1", 0}, {"e", 0, "1", 0}, {"f", 0, "1", 0}});
  EXPECT_EQ(machine.watch("", 0)->events.size(), 6u);
  put({{"g", 0, "1", 0}});
  ASSERT_FALSE(machine.watch("", 0));
  EXPECT_EQ(machine.watch("", 0).error().failure, Failure::conflict);
  EXPECT_EQ(machine.watch("", 1)->events.size(), 4u);
  EXPECT_EQ(machine.watch("", 3)->events.size(), 0u);
  EXPECT_FALSE(machine.watch("", 4));
}

TEST_F(MachineTest, TheWindowIsBoundedInBytesToo) {
  put({{"a", 0, std::string(600'000, 'x'), 0}});
  put({{"b", 0, std::string(600'000, 'x'), 0}});
  EXPECT_FALSE(machine.watch("", 0));
  EXPECT_EQ(machine.watch("", 1)->events.size(), 1u);
}

TEST(MachineWatch, ALongAnswerIsCutBetweenTransactions) {
  Machine machine;
  for (int i = 0; i < 6; ++i) {
    const std::string key = std::to_string(i);
    const auto delta = machine.plan_commit({{key + "a", 0, std::string(1'500'000, 'x'), 0},
                                            {key + "b", 0, std::string(1'500'000, 'x'), 0}});
    machine.install(*delta, at(0s));
  }
  std::vector<Revision> seen;
  for (Revision after = 0; after < 6;) {
    const auto watched = machine.watch("", after);
    ASSERT_TRUE(watched);
    ASSERT_EQ(watched->events.size() % 2, 0u);
    EXPECT_LE(watched->events.size(), 4u);
    ASSERT_FALSE(watched->events.empty());
    for (const Event& event : watched->events) seen.push_back(event.revision);
    after = watched->revision;
  }
  EXPECT_EQ(seen, (std::vector<Revision>{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}));
}

TEST_F(MachineTest, LeasesEndByTheInstantsGiven) {
  const LeaseId first = grant(10s, at(0s));
  const LeaseId second = grant(4s, at(1s));
  put({{"a", 0, "1", first}, {"b", 0, "1", second}}, at(1s));
  EXPECT_EQ(*machine.next_expiry(), at(5s));
  EXPECT_TRUE(machine.plan_expiry(at(5s) - 1ns).empty());
  const Delta one = machine.plan_expiry(at(5s));
  EXPECT_EQ(one.ended, std::vector<LeaseId>{second});
  const Delta both = machine.plan_expiry(at(10s));
  EXPECT_EQ(both.ended.size(), 2u);
  EXPECT_EQ(both.writes.size(), 2u);
  EXPECT_EQ(both.revision, 2);
  EXPECT_FALSE(machine.renew(second, at(5s)));
  EXPECT_TRUE(machine.renew(first, at(9s)));
  machine.install(one, at(5s));
  EXPECT_EQ(*machine.next_expiry(), at(19s));
  EXPECT_FALSE(machine.get("b"));
  EXPECT_TRUE(machine.get("a"));
}

TEST_F(MachineTest, ALeaseWithoutKeysEndsWithoutARevision) {
  const LeaseId lease = grant(1s, at(0s));
  machine.install(machine.plan_expiry(at(2s)), at(2s));
  EXPECT_EQ(machine.revision(), 0);
  EXPECT_FALSE(machine.plan_revoke(lease));
  EXPECT_GT(grant(1s, at(2s)), lease);
}

TEST(MachineSnapshot, AllThatWasReadIsThere) {
  Snapshot snapshot{9, 3, {{{"a", "1", 4}, 3}, {{"b", "1", 9}, 0}}, {{3, 2s}}};
  Machine machine(snapshot, at(100s));
  EXPECT_EQ(machine.revision(), 9);
  EXPECT_EQ(*machine.next_expiry(), at(102s));
  EXPECT_FALSE(machine.watch("", 8));
  EXPECT_TRUE(machine.watch("", 9));
  const Delta expiry = machine.plan_expiry(at(102s));
  ASSERT_EQ(expiry.writes.size(), 1u);
  EXPECT_EQ(expiry.writes.front().key, "a");
  EXPECT_EQ(machine.plan_grant(1s)->granted->id, 4);
}

}  // namespace
}  // namespace weir::store
