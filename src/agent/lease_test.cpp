// A host's lease: nothing is created by a renewal, a lost one is never renewed in the same life,
// and none goes out before every guard has answered.
#include "agent/lease.h"

#include <atomic>
#include <mutex>

#include "agent/guards_test.h"
#include "agent/store_test.h"
#include "agent/world_test.h"

namespace weir::agent {
namespace {

const HostName kHost("a");
const AgentLife kLife("life-of-a");

Timings hurried() {
  Timings timings;
  timings.renewal = 1ms;
  return timings;
}

struct LeaseTest : ::testing::Test, TestWorld {
  Deadline soon() { return clock->within(10s); }

  std::unique_ptr<Lease> begin() {
    Lease::Ears ears;
    ears.wards = [this](const AgentLife&) {
      std::vector<Lease::Ward> out;
      if (leads) out.push_back(ward());
      return out;
    };
    ears.given_up = [this](const AgentLife& life) { return useless && life == kLife; };
    ears.extended = [this](const AgentLife& life) {
      ++asked;
      return others_agree && life == kLife;
    };
    ears.began_anew = [this](const AgentLife& life) {
      const std::lock_guard lock(mutex);
      lives.push_back(life);
    };
    return std::make_unique<Lease>(world_, store, setting, kLife, std::move(ears));
  }
  Lease::Ward ward() {
    return {kGuarded,
            [this]() -> Result<> {
              ++fenced;
              if (!fences) return fail(Failure::timed_out, "it does not end");
              return {};
            },
            [this] { ++held; }};
  }
  Json value() {
    const auto found = store.get(key, soon());
    EXPECT_TRUE(found);
    return found && *found ? *Json::parse((*found)->value) : Json{};
  }
  // As `apply` makes it.
  void make_key() {
    const Json json = Json::object().set("format", 1).set("incarnation", "").set("count", 0);
    ASSERT_TRUE(store.commit({{key, 0, json.dump(), 0}}, soon()));
  }
  bool counts_on() {
    const std::int64_t before = value()["count"].integer();
    return comes_true([&] { return value()["count"].integer() > before; });
  }
  std::size_t lives_begun() {
    const std::lock_guard lock(mutex);
    return lives.size();
  }

  MoodyStore store{*clock, *workers};
  Guards guards;
  World world_{*clock, *random, files, *programs, guards, *workers};
  Setting setting{store::Keys{FleetName("quickstart")}, kHost, "/nowhere", hurried()};
  const std::string key = setting.keys.renewal(kHost);
  std::atomic<bool> leads = false;
  std::atomic<bool> fences = true;
  std::atomic<bool> useless = false;
  std::atomic<bool> others_agree = false;
  std::atomic<int> asked = 0;  // the others, in the store's place
  std::atomic<int> fenced = 0;
  std::atomic<int> held = 0;
  std::mutex mutex;
  std::vector<AgentLife> lives;
};

TEST_F(LeaseTest, ARenewalCreatesNothing) {
  const auto lease = begin();
  ASSERT_TRUE(comes_true([&] { return store.gets >= 5; })) << "it looked";
  EXPECT_FALSE(value().is_object());
  EXPECT_TRUE(store.committed().empty());
}

TEST_F(LeaseTest, ARenewalCountsUnderTheLifeOfItsAgent) {
  const auto lease = begin();
  make_key();
  ASSERT_TRUE(comes_true([&] { return value()["incarnation"].text() == kLife.text; }));
  EXPECT_GT(value()["count"].integer(), 0);
  EXPECT_TRUE(counts_on());
  EXPECT_EQ(value()["format"].integer(), kWireFormat);
}

TEST_F(LeaseTest, ARenewalThatIsTakenAwayIsNotMadeAgain) {
  const auto lease = begin();
  make_key();
  ASSERT_TRUE(counts_on());
  ASSERT_TRUE(comes_true([&] {
    const auto found = store.get(key, soon());
    return store.commit({{key, (*found)->revision, std::nullopt, 0}}, soon()).has_value();
  }));
  const int before = store.gets;
  ASSERT_TRUE(comes_true([&] { return store.gets >= before + 5; }));
  EXPECT_FALSE(value().is_object());
}

TEST_F(LeaseTest, WhatSomebodyElseWroteIsLookedAtAndRenewalGoesOn) {
  const auto lease = begin();
  make_key();
  ASSERT_TRUE(counts_on());
  ASSERT_TRUE(comes_true([&] {
    const auto found = store.get(key, soon());
    return store.commit({{key, (*found)->revision, R"({"incarnation":"other"})", 0}}, soon())
        .has_value();
  }));
  EXPECT_TRUE(comes_true([&] { return value()["incarnation"].text() == kLife.text; }));
}

TEST_F(LeaseTest, AStoreThatWasAwayBrieflyCostsNothing) {
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  store.away = true;
  clock->sleep_for(20ms);
  store.away = false;
  EXPECT_TRUE(counts_on());
  EXPECT_EQ(lives_begun(), 0U);
}

TEST_F(LeaseTest, ALostOneIsNeverRenewedInTheSameLife) {
  setting.timings.lease = 200ms;
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  store.away = true;
  ASSERT_TRUE(comes_true([&] { return lives_begun() > 0; }));
  store.away = false;
  ASSERT_TRUE(comes_true([&] { return value()["incarnation"].text() != kLife.text; }));
  EXPECT_TRUE(counts_on());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(value()["incarnation"].text(), lives.back().text);
}

TEST_F(LeaseTest, OneThatARecordIsBetterOffWithoutIsGivenUp) {
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  useless = true;
  EXPECT_TRUE(comes_true([&] {
    const std::string life = value()["incarnation"].text();
    return life != kLife.text && lives_begun() == 1;
  }));
}

TEST_F(LeaseTest, GuardsHoldADeadlineFromTheSendTimeOn) {
  leads = true;
  make_key();
  const auto lease = begin();
  for (int times = 0; times < 3; ++times) {
    ASSERT_TRUE(counts_on());
    const std::int64_t before = guards.deadline;
    ASSERT_TRUE(comes_true([&] { return guards.deadline > before; }));
    EXPECT_GT(held, 0);
    EXPECT_LE(Instant(Duration(guards.deadline.load())),
              clock->now() + setting.timings.guard_deadline);
  }
  store.away = true;
  clock->sleep_for(50ms);
  const std::int64_t last = guards.deadline;
  clock->sleep_for(100ms);
  EXPECT_EQ(guards.deadline, last) << "nothing renewed, nothing moved";
}

TEST_F(LeaseTest, TheOthersExtendItWhileTheStoreIsAway) {
  setting.timings.lease = 400ms;
  setting.timings.guard_deadline = 300ms;
  leads = true;
  others_agree = true;
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  EXPECT_EQ(asked, 0) << "the store renews it";
  store.away = true;
  for (int times = 0; times < 3; ++times) {
    const std::int64_t before = guards.deadline;
    ASSERT_TRUE(comes_true([&] { return guards.deadline > before; }));
    EXPECT_LE(Instant(Duration(guards.deadline.load())),
              clock->now() + setting.timings.guard_deadline);
  }
  EXPECT_GT(asked, 0);
  store.away = false;
  EXPECT_TRUE(counts_on());
}

TEST_F(LeaseTest, OneThatIsNotExtendedIsLostAndNobodyIsAskedAfterItsDeadline) {
  setting.timings.lease = 400ms;
  setting.timings.guard_deadline = 200ms;
  leads = true;
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  store.away = true;
  ASSERT_TRUE(comes_true([&] { return lives_begun() > 0; }));
  EXPECT_GT(asked, 0);
  const int before = asked;
  clock->sleep_for(50ms);
  EXPECT_EQ(asked, before) << "it delays its successor for nothing";
}

TEST_F(LeaseTest, AWriteOfSomebodyElseIsNoReasonToAsk) {
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  ASSERT_TRUE(comes_true([&] {
    const auto found = store.get(key, soon());
    return store.commit({{key, (*found)->revision, R"({"incarnation":"other"})", 0}}, soon())
        .has_value();
  }));
  ASSERT_TRUE(comes_true([&] { return value()["incarnation"].text() == kLife.text; }));
  EXPECT_EQ(asked, 0);
}

TEST_F(LeaseTest, NoneGoesOutBeforeEveryGuardHasAnsweredOrItsServerIsFenced) {
  make_key();
  const auto lease = begin();
  ASSERT_TRUE(counts_on());
  guards.answer = false;
  leads = true;
  ASSERT_TRUE(comes_true([&] { return fenced > 0; }));
  EXPECT_TRUE(counts_on()) << "a server that is fenced withholds nothing";
  fences = false;
  const int before = fenced;
  ASSERT_TRUE(comes_true([&] { return fenced > before + 1; }));
  const std::int64_t withheld = value()["count"].integer();
  const int tried = fenced;
  ASSERT_TRUE(comes_true([&] { return fenced > tried + 1; }));
  EXPECT_EQ(value()["count"].integer(), withheld);
  guards.answer = true;
  EXPECT_TRUE(counts_on());
}

}  // namespace
}  // namespace weir::agent
