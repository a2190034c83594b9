// What is old, and what a store is refilled with.
#include "model/remembered.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

const Voter kA{MemberName("a"), Incarnation("ia")};
const Voter kB{MemberName("b"), Incarnation("ib")};
const Voter kC{MemberName("c"), Incarnation("ic")};

Service orders() {
  Service service;
  service.name = ServiceName("orders");
  service.engine = "postgres";
  service.sync = 1;
  for (const char* name : {"a", "b", "c"}) {
    service.members.push_back(
        {service.name, MemberName(name), HostName(name), "10.0.0.1", std::uint16_t{5432}});
  }
  return service;
}

Remembered remembered(std::int64_t epoch, std::int64_t revision) {
  Remembered out;
  out.fleet = FleetName("quickstart");
  out.revision = revision;
  out.record.epoch = {0, epoch};
  out.record.last_round = epoch;
  out.record.leader = kA;
  out.record.leader_host = HostName("a");
  out.record.leader_life = AgentLife("la");
  out.record.lineage = {"7000000000000000001", {}, 1};
  out.record.members = {kA, kB, kC};
  out.record.set = {{kB, kC}, 1};
  out.record.confirmed = true;
  out.desired = orders();
  out.desired_revision = 3;
  return out;
}

Witness witness(const Voter& voter, const Remembered& known) {
  return {HostName(voter.member.text), voter, 0, {}, known};
}

TEST(Remembered, WhatIsOld) {
  const Reading known{1, 50};
  const Epoch epoch{0, 4};
  const struct {
    const char* when;
    StoreAnswer answer;
    std::int64_t promised;
    const char* why;
  } rows[] = {
      {"as it was", {{1, 50}, {0, 4}, 4}, 4, ""},
      {"newer", {{1, 51}, {0, 5}, 6}, 6, ""},
      {"rebuilt since", {{2, 3}, {0, 4}, 4}, 4, ""},
      {"gone", {}, 0, "the store has no record any more, and revision 50 of it was read"},
      {"an earlier revision",
       {{1, 49}, {0, 4}, 4},
       4,
       "the store's record has revision 49, and revision 50 of it was read"},
      {"an earlier life",
       {{0, 900}, {0, 4}, 4},
       4,
       "the store's record has revision 900, and revision 50 of it was read"},
      {"an earlier epoch that went on counting",
       {{1, 60}, {0, 3}, 4},
       4,
       "the store's record is of epoch 3, and epoch 4 was read"},
      {"a round that it does not know",
       {{1, 60}, {0, 4}, 4},
       5,
       "the store's record knows rounds up to 4, and round 5 is promised"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.when);
    EXPECT_EQ(why_old(row.answer, known, epoch, row.promised), row.why);
  }
  EXPECT_EQ(why_old({}, {}, {}, 0), "") << "of a service that is new nobody has read anything";
}

TEST(Remembered, GoesThroughJson) {
  const Witness told{HostName("b"), kB, 7, {0, 3}, remembered(4, 50)};
  const auto back = witness_from(*Json::parse(to_json(told).dump()));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*back, told);
  EXPECT_FALSE(remembered_from(to_json(told.remembered).set("format", kRememberedFormat + 1)));
  EXPECT_FALSE(remembered_from(to_json(told.remembered).set("revision", 0)));
  EXPECT_FALSE(remembered_from(to_json(told.remembered).set("record", Json::object())));
  EXPECT_FALSE(witness_from(to_json(told).set("voter", nullptr)));
}

TEST(Refill, TakesTheHighestReadingAndClosesItsRounds) {
  Remembered newest = remembered(4, 60);
  newest.record.set = {{kB}, 1};
  newest.record.round = OpenRound{6, HostName("b")};
  newest.record.last_round = 6;
  Witness promised = witness(kC, remembered(4, 50));
  promised.promised = 7;
  const auto done = refill({witness(kA, remembered(4, 55)), witness(kB, newest), promised}, 0);
  ASSERT_TRUE(done) << done.error().what;
  const Record& record = done->record;
  EXPECT_EQ(record.epoch, (Epoch{0, 4})) << "a new one would stop the leader";
  EXPECT_EQ(record.leader, kA);
  EXPECT_EQ(record.set, (SyncSet{{kB}, 1}));
  EXPECT_FALSE(record.round);
  EXPECT_EQ(record.last_round, 7) << "the next round is above every promise";
  EXPECT_EQ(record.rebuilt, 1);
  EXPECT_FALSE(record.confirmed);
  ASSERT_EQ(record.previous.size(), 1u);
  EXPECT_EQ(record.previous[0], (PreviousSet{{{kB, kC}, 1}, kA}))
      << "a promotion needs every other member";
  EXPECT_TRUE(done->silent.empty());
  EXPECT_EQ(done->desired, orders());
}

TEST(Refill, ALaterLifeOfTheStoreIsHigher) {
  Remembered later = remembered(4, 5);
  later.record.rebuilt = 2;
  const auto done = refill(
      {witness(kA, remembered(9, 900)), witness(kB, later), witness(kC, remembered(4, 50))}, 1);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->record.epoch, (Epoch{0, 4}));
  EXPECT_EQ(done->record.rebuilt, 3);
  const auto above = refill({witness(kA, later), witness(kB, later), witness(kC, later)}, 8);
  ASSERT_TRUE(above);
  EXPECT_EQ(above->record.rebuilt, 9);
}

TEST(Refill, OnlyTheLastLeaderMayBeSilent) {
  const Remembered known = remembered(4, 50);
  const auto without_leader = refill({witness(kB, known), witness(kC, known)}, 0);
  ASSERT_TRUE(without_leader) << without_leader.error().what;
  EXPECT_EQ(without_leader->silent, std::vector<MemberName>{MemberName("a")});
  const auto without_voter = refill({witness(kA, known), witness(kC, known)}, 0);
  ASSERT_FALSE(without_voter);
  EXPECT_EQ(without_voter.error().failure, Failure::refused);
  EXPECT_EQ(without_voter.error().what,
            "could not rebuild the record of orders: b does not answer, and every declared member "
            "but the last leader, a, has to: it may know more");
}

TEST(Refill, AMemberThatLedWhatNobodyReadIsNotOverruled) {
  Witness led = witness(kB, remembered(4, 50));
  led.led = {0, 6};
  const auto refused =
      refill({witness(kA, remembered(4, 50)), led, witness(kC, remembered(4, 50))}, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::bad_data);
}

}  // namespace
}  // namespace weir
