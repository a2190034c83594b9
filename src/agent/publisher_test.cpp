// What an agent tells everybody: nothing waits for the store.
#include "agent/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "agent/store_test.h"
#include "agent/world_test.h"

namespace weir::agent {
namespace {

const HostName kHost("a");
const std::string kSighting = "quickstart/local/service/orders/sighting/a";

// Everything is due at once, but what is said again without need: that is never due.
Timings hurried() {
  Timings timings;
  timings.sighting_every = 1h;
  return timings;
}

struct PublisherTest : ::testing::Test, TestWorld {
  Deadline soon() { return clock->within(10s); }

  std::unique_ptr<Publisher> publish() {
    return std::make_unique<Publisher>(world, store, setting, [this] {
      ++tells;
      const std::lock_guard lock(mutex);
      return said;
    });
  }
  void say(const std::string& key, Json value) {
    const std::lock_guard lock(mutex);
    said[key] = std::move(value);
  }
  std::optional<store::Entry> entry(const std::string& key) {
    const auto found = store.get(key, soon());
    EXPECT_TRUE(found);
    return found ? *found : std::nullopt;
  }
  Json value(const std::string& key) {
    const auto found = entry(key);
    return found ? *Json::parse(found->value) : Json{};
  }
  bool publishes(const std::string& key, const Json& want) {
    return comes_true([&] { return value(key) == want; });
  }
  std::string journal_key(std::int64_t number) const {
    return fmt::format("{}{:010}", setting.keys.journal(kHost), number);
  }
  static journal::Entry step(std::int64_t number) {
    journal::Entry out;
    out.number = number;
    out.service = "orders";
    out.capability = "failover";
    out.kind = "Promise";
    out.because = fmt::format("step {}", number);
    return out;
  }

  MoodyStore store{*clock, *workers};
  Setting setting{store::Keys{FleetName("quickstart")}, kHost, "/nowhere", hurried()};
  std::atomic<int> tells = 0;
  std::mutex mutex;
  std::map<std::string, Json> said;
};

TEST_F(PublisherTest, TellsOnChangeAndOtherwiseSeldom) {
  const Json first = Json::object().set("reach", "serving");
  say(kSighting, first);
  const auto publisher = publish();
  ASSERT_TRUE(publishes(kSighting, first));
  const store::Revision told = entry(kSighting)->revision;
  const int before = tells;
  ASSERT_TRUE(comes_true([&] { return tells >= before + 3; }));
  EXPECT_EQ(entry(kSighting)->revision, told) << "nothing new was told";
  const Json second = Json::object().set("reach", "refused");
  say(kSighting, second);
  EXPECT_TRUE(publishes(kSighting, second));
}

TEST_F(PublisherTest, TellsTheSameAgainWhenItIsDue) {
  setting.timings.sighting_every = 1ms;
  say(kSighting, Json::object().set("reach", "serving"));
  const auto publisher = publish();
  ASSERT_TRUE(comes_true([&] { return entry(kSighting).has_value(); }));
  const store::Revision told = entry(kSighting)->revision;
  EXPECT_TRUE(comes_true([&] { return entry(kSighting)->revision > told; }));
}

TEST_F(PublisherTest, WhatIsDueTogetherIsOneWrite) {
  const std::string other = "quickstart/local/service/carts/sighting/a";
  ASSERT_TRUE(store.commit({{other, 0, "{}", 0}}, soon()));  // by an earlier life
  say(kSighting, Json("first"));
  say(other, Json("other"));
  const auto publisher = publish();
  ASSERT_TRUE(publishes(kSighting, Json("first")));
  EXPECT_EQ(entry(kSighting)->revision, entry(other)->revision);
  // Somebody else's write of one of them delays all by no more than another look.
  ASSERT_TRUE(store.commit({{other, entry(other)->revision, "{}", 0}}, soon()));
  say(kSighting, Json("second"));
  say(other, Json("another"));
  ASSERT_TRUE(publishes(other, Json("another")));
  EXPECT_EQ(value(kSighting), Json("second"));
}

TEST_F(PublisherTest, CopiesTheJournalIntentFirst) {
  const auto publisher = publish();
  publisher->add(step(1));
  ASSERT_TRUE(publishes(journal_key(1), journal::to_json(step(1))));
  journal::Entry done = step(1);
  done.outcome = journal::Outcome::done;
  done.took = 3ms;
  publisher->add(done);
  EXPECT_TRUE(publishes(journal_key(1), journal::to_json(done)));
}

TEST_F(PublisherTest, DropsTheJournalsOldestEntries) {
  for (std::int64_t number = 1; number <= 3; ++number) {  // copied by an earlier life
    ASSERT_TRUE(store.commit({{journal_key(number), 0, "{}", 0}}, soon()));
  }
  const auto publisher = publish();
  publisher->add(step(201));
  publisher->add(step(202));
  ASSERT_TRUE(comes_true([&] { return entry(journal_key(202)) && !entry(journal_key(2)); }));
  EXPECT_FALSE(entry(journal_key(1)));
  EXPECT_TRUE(entry(journal_key(3)));
  EXPECT_TRUE(entry(journal_key(201)));
}

TEST_F(PublisherTest, WhatTheStoreMissedComesInItsOrder) {
  store.away = true;
  const auto publisher = publish();
  for (std::int64_t number = 1; number <= 3; ++number) publisher->add(step(number));
  const int before = tells;
  clock->sleep_for(20ms);
  EXPECT_EQ(tells, before) << "no sighting overtakes the journal";
  store.away = false;
  ASSERT_TRUE(comes_true([&] { return entry(journal_key(3)).has_value(); }));
  EXPECT_EQ(store.committed(),
            (std::vector<std::string>{journal_key(1), journal_key(2), journal_key(3)}));
}

TEST_F(PublisherTest, OfTooMuchThatWaitsTheOldestGoes) {
  store.away = true;
  const auto publisher = publish();
  for (std::int64_t number = 1; number <= 1002; ++number) publisher->add(step(number));
  store.away = false;
  ASSERT_TRUE(comes_true([&] { return entry(journal_key(1002)).has_value(); }));
  const auto all = store.committed();
  const auto told = [&](std::int64_t number) {
    return std::ranges::count(all, journal_key(number));
  };
  // One more than there is room for may be on its way to the store.
  EXPECT_TRUE(told(1) == 0 || told(2) == 0);
  EXPECT_GT(told(3), 0);
}

TEST_F(PublisherTest, WhatOverflowsDuringAWriteTakesNothingElseAlong) {
  std::unique_ptr<Publisher> publisher;
  std::atomic<bool> ready = false;
  store.meanwhile = [&](const std::string& key) {
    if (key != journal_key(1)) return;
    EXPECT_TRUE(comes_true([&] { return ready.load(); }));
    for (std::int64_t number = 2; number <= 1002; ++number) publisher->add(step(number));
  };
  publisher = publish();
  publisher->add(step(1));
  ready = true;
  ASSERT_TRUE(comes_true([&] { return entry(journal_key(1002)).has_value(); }));
  const auto committed = store.committed();
  ASSERT_GE(committed.size(), 2U);
  EXPECT_EQ(committed[0], journal_key(1));
  EXPECT_EQ(committed[1], journal_key(3)) << "only the second had no room";
}

TEST_F(PublisherTest, NothingIsToldAfterTheStop) {
  const auto publisher = publish();
  ASSERT_TRUE(comes_true([&] { return tells > 0; }));
  publisher->stop();
  clock->sleep_for(50ms);
  const int last = tells;
  publisher->add(step(1));
  clock->sleep_for(300ms);
  EXPECT_EQ(tells, last);
  EXPECT_FALSE(entry(journal_key(1)));
}

}  // namespace
}  // namespace weir::agent
