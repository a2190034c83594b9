// The ground under every run: order, waiting, killing.
#include "sim/fibers.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace weir::sim {
namespace {

constexpr Instant kLong{std::chrono::hours(1)};

TEST(Fibers, SleepPassesVirtualTimeInOrder) {
  Fibers fibers;
  std::vector<int> order;
  fibers.begin(0, "late", [&] {
    fibers.sleep_until(fibers.now() + 20ms);
    order.push_back(2);
  });
  fibers.begin(0, "soon", [&] {
    fibers.sleep_until(fibers.now() + 10ms);
    order.push_back(1);
  });
  fibers.at(Instant(30ms), [&] { order.push_back(3); });
  fibers.run_until(kLong);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(fibers.count(), 0u);
}

TEST(Fibers, ParkedFiberIsWokenByUnparkOrByTime) {
  Fibers fibers;
  std::vector<bool> woken;
  std::vector<Instant> when;
  const FiberId parked = fibers.begin(0, "parked", [&] {
    for (int i = 0; i < 2; ++i) {
      woken.push_back(fibers.park_until(fibers.now() + 50ms));
      when.push_back(fibers.now());
    }
  });
  fibers.at(Instant(10ms), [&] { fibers.unpark(parked); });
  fibers.run_until(kLong);
  EXPECT_EQ(woken, (std::vector<bool>{true, false}));
  EXPECT_EQ(when, (std::vector<Instant>{Instant(10ms), Instant(60ms)}));
}

TEST(Fibers, KillUnwindsTheGroupAndNobodyElse) {
  Fibers fibers;
  struct Tells {
    std::vector<int>& out;
    int number;
    ~Tells() { out.push_back(number); }
  };
  std::vector<int> destroyed;
  bool other_ended = false;
  const Group group = fibers.new_group();
  for (int i = 1; i <= 2; ++i) {
    fibers.begin(group, "victim", [&, i] {
      const Tells tells{destroyed, i};
      fibers.sleep_until(kLong);
    });
  }
  fibers.begin(0, "other", [&] {
    fibers.sleep_until(fibers.now() + 1s);
    other_ended = true;
  });
  fibers.at(Instant(100ms), [&] { fibers.kill(group); });
  fibers.run_until(Instant(2s));
  EXPECT_EQ(destroyed, (std::vector<int>{2, 1}));  // the youngest first
  EXPECT_TRUE(other_ended);
  EXPECT_FALSE(fibers.alive(group));
  EXPECT_EQ(fibers.begin(group, "too late", [] {}), 0u);
}

TEST(Fibers, ADestructorThatWaitsWhileUnwindingDoesNotYield) {
  Fibers fibers;
  struct Waits {
    Fibers& fibers;
    ~Waits() { fibers.sleep_until(kLong); }
  };
  const Group group = fibers.new_group();
  fibers.begin(group, "victim", [&] {
    const Waits waits{fibers};
    fibers.park_until(kLong);
  });
  fibers.at(Instant(1ms), [&] { fibers.kill(group); });
  fibers.run_until(Instant(1s));
  EXPECT_EQ(fibers.count(), 0u);
}

TEST(Fibers, AFrozenGroupCatchesUpAtItsThaw) {
  Fibers fibers;
  const Group group = fibers.new_group();
  std::vector<Instant> woke;
  FiberId parked = 0;
  bool unparked = false;
  fibers.begin(group, "sleeper", [&] {
    for (int i = 0; i < 3; ++i) {
      fibers.sleep_until(fibers.now() + 100ms);
      woke.push_back(fibers.now());
    }
  });
  parked = fibers.begin(group, "parked", [&] { unparked = fibers.park_until(Instant(300ms)); });
  fibers.at(Instant(150ms), [&] { fibers.freeze(group); });
  fibers.at(Instant(400ms), [&] { fibers.unpark(parked); });
  fibers.at(Instant(1s), [&] { fibers.thaw(group); });
  fibers.run_until(kLong);
  EXPECT_EQ(woke, (std::vector<Instant>{Instant(100ms), Instant(1s), Instant(1100ms)}));
  EXPECT_TRUE(unparked);
}

TEST(Fibers, AFrozenGroupCanBeKilled) {
  Fibers fibers;
  const Group group = fibers.new_group();
  bool went_on = false;
  fibers.begin(group, "victim", [&] {
    fibers.sleep_until(Instant(100ms));
    went_on = true;
  });
  fibers.at(Instant(50ms), [&] { fibers.freeze(group); });
  fibers.at(Instant(200ms), [&] { fibers.kill(group); });
  fibers.at(Instant(300ms), [&] { fibers.thaw(group); });
  fibers.run_until(kLong);
  EXPECT_FALSE(went_on);
  EXPECT_EQ(fibers.count(), 0u);
}

TEST(Fibers, TheTraceHashTellsOrdersApart) {
  const auto hash_of = [](Duration first, Duration second) {
    Fibers fibers;
    fibers.at(Instant(first), [&] { fibers.trace("one"); });
    fibers.at(Instant(second), [&] { fibers.trace("two"); });
    fibers.run_until(kLong);
    return fibers.trace_hash();
  };
  EXPECT_EQ(hash_of(1ms, 2ms), hash_of(1ms, 2ms));
  EXPECT_NE(hash_of(1ms, 2ms), hash_of(2ms, 1ms));
}

}  // namespace
}  // namespace weir::sim
