// Threads, alarms and the clock of this machine.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <set>

#include "world/log.h"
#include "world/real.h"

namespace weir {
namespace {

class RealWorkersTest : public ::testing::Test {
 protected:
  Deadline soon() { return clock_->within(20s); }
  std::unique_ptr<Clock> clock_ = make_real_clock();
  std::unique_ptr<Workers> workers_ = make_real_workers();
};

TEST_F(RealWorkersTest, AJobIsWaitedForToItsEndOrToTheDeadline) {
  const std::unique_ptr<Alarm> go = workers_->make_alarm();
  std::atomic<bool> done = false;
  const auto job = workers_->begin("job", [&] {
    go->wait_until(clock_->now() + 20s);
    done = true;
  });
  EXPECT_FALSE(job->wait(clock_->within(10ms)));
  EXPECT_FALSE(done);
  go->ring();
  EXPECT_TRUE(job->wait(soon()));
  EXPECT_TRUE(done);
}

TEST_F(RealWorkersTest, JobsThatWaitForEachOtherAllRun) {
  // Each waits for the next one's ring: with fewer threads than jobs none would end.
  constexpr std::size_t kJobs = 100;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (std::size_t i = 0; i <= kJobs; ++i) alarms.push_back(workers_->make_alarm());
  std::vector<std::shared_ptr<Job>> jobs;
  std::atomic<int> rung = 0;
  for (std::size_t i = 0; i < kJobs; ++i) {
    jobs.push_back(workers_->begin("link", [&, i] {
      if (alarms[i + 1]->wait_until(clock_->now() + 20s)) ++rung;
      alarms[i]->ring();
    }));
  }
  alarms[kJobs]->ring();
  for (const auto& job : jobs) EXPECT_TRUE(job->wait(soon()));
  EXPECT_EQ(rung, static_cast<int>(kJobs));
}

TEST_F(RealWorkersTest, MoreJobsThanThreadsWaitTheirTurn) {
  std::atomic<int> ran = 0;
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 1000; ++i) jobs.push_back(workers_->begin("many", [&] { ++ran; }));
  for (const auto& job : jobs) EXPECT_TRUE(job->wait(soon()));
  EXPECT_EQ(ran, 1000);
}

TEST_F(RealWorkersTest, ItsEndWaitsForItsJobs) {
  std::atomic<bool> done = false;
  workers_->begin("slow", [&] {
    clock_->sleep_for(50ms);
    done = true;
  });
  workers_.reset();
  EXPECT_TRUE(done);
}

TEST_F(RealWorkersTest, ARingBeforeAWaitIsRememberedOnce) {
  const std::unique_ptr<Alarm> alarm = workers_->make_alarm();
  alarm->ring();
  alarm->ring();
  EXPECT_TRUE(alarm->wait_until(clock_->now()));
  EXPECT_FALSE(alarm->wait_until(clock_->now() + 5ms));
}

TEST_F(RealWorkersTest, SignalsAreLeftToTheMainThread) {
  std::atomic<bool> blocked = false;
  workers_
      ->begin("signals",
              [&] {
                sigset_t mask;
                ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                blocked = ::sigismember(&mask, SIGTERM) == 1 && ::sigismember(&mask, SIGINT) == 1;
              })
      ->wait(soon());
  EXPECT_TRUE(blocked);
}

TEST(RealClockTest, SleepsUntilTheInstantAndNoShorter) {
  const std::unique_ptr<Clock> clock = make_real_clock();
  const Instant until = clock->now() + 20ms;
  clock->sleep_until(until);
  EXPECT_GE(clock->now(), until);
  clock->sleep_until(Instant{});  // long past
}

TEST(RealRandomTest, MakesIdsThatDiffer) {
  const std::unique_ptr<Random> random = make_real_random();
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random->id();
    EXPECT_EQ(id.size(), 12U);
    EXPECT_TRUE(id[0] >= 'a' && id[0] <= 'z') << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(LogTest, IsOneLineWithTimeAndLevel) {
  const std::unique_ptr<Clock> clock = make_real_clock();
  ::testing::internal::CaptureStderr();
  say(*clock, Level::warning, "two {}\nlines", 2);
  say(*clock, Level::debug, "below the floor");
  const std::string line = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(line.substr(line.find(' ')), " warning two 2 lines\n");
  EXPECT_EQ(line[10], 'T');
  EXPECT_EQ(line[line.find(' ') - 1], 'Z');
}

TEST(PollUntilTest, LooksOnceMoreAtTheDeadlineAndTellsWhatItSaw) {
  const std::unique_ptr<Clock> clock = make_real_clock();
  int looks = 0;
  EXPECT_TRUE(poll_until(*clock, clock->within(20s), 1ms, [&] { return ++looks == 3; }));
  EXPECT_EQ(looks, 3);
  looks = 0;
  EXPECT_FALSE(poll_until(*clock, clock->within(5ms), 1ms, [&] { return ++looks < 0; }));
  EXPECT_GE(looks, 2);
}

}  // namespace
}  // namespace weir
