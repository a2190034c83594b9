// What every part of the agent rests on: turns come, come sooner when asked for, and end.
#include "agent/loop.h"

#include <atomic>

#include "agent/world_test.h"

namespace weir::agent {
namespace {

// Far beyond the deadline of `comes_true`: a turn that comes was not brought by the pause.
constexpr Duration kNever = 1h;

struct LoopTest : ::testing::Test, TestWorld {};

TEST_F(LoopTest, TurnsAgainAfterThePause) {
  std::atomic<int> turns = 0;
  Loop loop(world, "test", 1ms, [&] { ++turns; });
  loop.start();
  EXPECT_TRUE(comes_true([&] { return turns >= 5; }));
}

TEST_F(LoopTest, DoesNothingBeforeItIsStarted) {
  std::atomic<int> turns = 0;
  {
    Loop loop(world, "test", 1ms, [&] { ++turns; });
    loop.ring();
    clock->sleep_for(20ms);
  }
  EXPECT_EQ(turns, 0);
}

TEST_F(LoopTest, ARingBringsTheNextTurn) {
  std::atomic<int> turns = 0;
  Loop loop(world, "test", kNever, [&] { ++turns; });
  loop.start();
  ASSERT_TRUE(comes_true([&] { return turns == 1; }));
  loop.ring();
  EXPECT_TRUE(comes_true([&] { return turns == 2; }));
}

TEST_F(LoopTest, ARingDuringATurnIsNotLost) {
  std::atomic<int> turns = 0;
  std::atomic<bool> rung = false;
  Loop loop(world, "test", kNever, [&] {
    if (++turns > 1) return;
    EXPECT_TRUE(comes_true([&] { return rung.load(); }));
  });
  loop.start();
  ASSERT_TRUE(comes_true([&] { return turns == 1; }));
  loop.ring();
  rung = true;
  EXPECT_TRUE(comes_true([&] { return turns == 2; }));
}

TEST_F(LoopTest, ATurnMayAskForTheNextOne) {
  std::atomic<int> turns = 0;
  Loop* self = nullptr;
  Loop loop(world, "test", kNever, [&] {
    if (++turns < 4) self->again_by(clock->now() + 1ms);
  });
  self = &loop;
  loop.start();
  EXPECT_TRUE(comes_true([&] { return turns == 4; }));
  clock->sleep_for(50ms);
  EXPECT_EQ(turns, 4) << "what an earlier turn asked for does not last";
}

TEST_F(LoopTest, ALaterWishDoesNotDelayTheNextTurn) {
  std::atomic<int> turns = 0;
  Loop* self = nullptr;
  Loop loop(world, "test", 1ms, [&] {
    ++turns;
    self->again_by(clock->now() + kNever);
  });
  self = &loop;
  loop.start();
  EXPECT_TRUE(comes_true([&] { return turns >= 3; }));
}

TEST_F(LoopTest, EndsWhileItWaits) {
  std::atomic<int> turns = 0;
  Loop loop(world, "test", kNever, [&] { ++turns; });
  loop.start();
  ASSERT_TRUE(comes_true([&] { return turns == 1; }));
  EXPECT_FALSE(loop.stopping());
  loop.stop();
  EXPECT_TRUE(loop.stopping());
  loop.ring();
  clock->sleep_for(20ms);
  EXPECT_EQ(turns, 1) << "no turn comes after the stop";
}

TEST_F(LoopTest, ItsEndWaitsForTheRunningTurn) {
  std::atomic<bool> inside = false;
  std::atomic<bool> left = false;
  {
    Loop loop(world, "test", kNever, [&] {
      inside = true;
      clock->sleep_for(50ms);
      left = true;
    });
    loop.start();
    ASSERT_TRUE(comes_true([&] { return inside.load(); }));
  }
  EXPECT_TRUE(left);
}

}  // namespace
}  // namespace weir::agent
