// What slow and failing disks do to those who wait for the store.
#include "store/kept.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "store/turn.h"
#include "world/real.h"

namespace weir::store {
namespace {

// A disk whose writes wait until they are let go, and fail when told to.
class SlowDisk final : public Keeper {
 public:
  Result<> keep(const Delta&) override {
    began = true;
    if (hold) let_go.get_future().wait();
    if (full) return fail(Failure::io, "no space left");
    return {};
  }
  std::atomic<bool> hold = false, began = false, full = false;
  std::promise<void> let_go;
};

struct Kept : ::testing::Test {
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Workers> workers = make_real_workers();
  SlowDisk* disk = new SlowDisk;
  std::unique_ptr<Store> store =
      make_kept(*clock, *workers, Machine{}, std::unique_ptr<Keeper>(disk));
  Deadline soon() { return clock->within(10s); }
};

TEST_F(Kept, ReadersAndLateWritersDoNotHangOnTheDisk) {
  disk->hold = true;
  Result<Revision> slow;
  std::thread writer([&] { slow = store->commit({{"a", 0, "1", 0}}, soon()); });
  ASSERT_TRUE(poll_until(*clock, soon(), 1ms, [&] { return disk->began.load(); }));
  EXPECT_FALSE(*store->get("a", soon())) << "seen before it was kept";
  const auto late = store->commit({{"b", 0, "1", 0}}, clock->within(30ms));
  EXPECT_EQ(late.error().failure, Failure::timed_out);
  EXPECT_TRUE(store->watch("", 0, clock->within(10ms))->events.empty());
  disk->hold = false;
  disk->let_go.set_value();
  writer.join();
  EXPECT_EQ(*slow, 1);
  EXPECT_EQ(*store->commit({{"c", 0, "1", 0}}, soon()), 2);
  EXPECT_FALSE(*store->get("b", soon()));
}

TEST_F(Kept, APassedDeadlineDoesNothing) {
  const auto late = store->commit({{"a", 0, "1", 0}}, {clock->now()});
  EXPECT_EQ(late.error().failure, Failure::timed_out);
  EXPECT_FALSE(*store->get("a", soon()));
}

TEST_F(Kept, AnEndedLeaseStaysWhileItsEndCannotBeKept) {
  const LeaseId lease = *store->grant(20ms, soon());
  ASSERT_TRUE(store->commit({{"a", 0, "1", lease}}, soon()));
  disk->full = true;
  clock->sleep_for(30ms);
  EXPECT_TRUE(*store->get("a", soon()));
  EXPECT_TRUE(store->watch("", 1, clock->within(80ms))->events.empty());
  EXPECT_EQ(store->renew(lease, soon()).error().failure, Failure::not_found);
  disk->full = false;
  EXPECT_FALSE(*store->get("a", soon()));
}

TEST_F(Kept, TurnsComeInTheOrderOfAsking) {
  Turn turn(*workers);
  ASSERT_TRUE(turn.enter(soon()));
  std::vector<int> order;
  std::atomic<int> waiting = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      ++waiting;
      ASSERT_TRUE(turn.enter(soon()));
      order.push_back(i);
      turn.leave();
    });
    poll_until(*clock, soon(), 1ms, [&] { return waiting == i + 1; });
    clock->sleep_for(20ms);
  }
  EXPECT_EQ(turn.enter(clock->within(5ms)).error().failure, Failure::timed_out);
  turn.leave();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(turn.enter(clock->within(1s)));
}

// Workers whose alarms, once, call back and then end the waiting process, as the simulator does.
class EndingWorkers final : public Workers {
 public:
  struct Ended {};
  std::function<void()> before_end;

  std::shared_ptr<Job> begin(std::string, std::function<void()>) override { return nullptr; }
  std::unique_ptr<Alarm> make_alarm() override { return std::make_unique<EndingAlarm>(*this); }

 private:
  struct EndingAlarm final : Alarm {
    explicit EndingAlarm(EndingWorkers& of) : workers(of) {}
    void ring() override {}
    bool wait_until(Instant) override {
      workers.before_end();
      throw Ended{};
    }
    EndingWorkers& workers;
  };
};

TEST_F(Kept, ATurnGivenToAnEndedProcessIsPassedOn) {
  EndingWorkers ending;
  Turn turn(ending);
  ASSERT_TRUE(turn.enter(soon()));
  ending.before_end = [&] { turn.leave(); };
  EXPECT_THROW((void)turn.enter(soon()), EndingWorkers::Ended);
  ASSERT_TRUE(turn.enter(soon())) << "free again, so nobody waits";
  ending.before_end = [] {};
  EXPECT_THROW((void)turn.enter(soon()), EndingWorkers::Ended);
  turn.leave();
  EXPECT_TRUE(turn.enter(soon())) << "the ended one left no place in the queue";
}

}  // namespace
}  // namespace weir::store
