// Threads: a pool that grows to 256 and whose idle threads wait for the next job.
#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/check.h"
#include "world/real.h"

namespace weir {
namespace {

constexpr std::size_t kThreadsMax = 256;

// Condition variables count CLOCK_MONOTONIC, which stands still while the machine sleeps and ours
// does not: no wait is longer than this without a look at our own clock.
constexpr Duration kWaitMax = 1s;

// Waits until `done` holds or the instant has come; returns whether it holds.
template <class Done>
bool wait_on_boot_clock(Clock& clock, std::condition_variable& condition,
                        std::unique_lock<std::mutex>& lock, Instant until, Done done) {
  while (!done()) {
    const Duration left = until - clock.now();
    if (left <= Duration::zero()) return false;
    condition.wait_for(lock, std::min(left, kWaitMax));
  }
  return true;
}

class RealAlarm final : public Alarm {
 public:
  explicit RealAlarm(Clock& clock) : clock_(clock) {}

  void ring() override {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    // Under the lock: the waiter may destroy the alarm as soon as it has seen the ring.
    condition_.notify_one();
  }

  bool wait_until(Instant instant) override {
    std::unique_lock lock(mutex_);
    const bool rung =
        wait_on_boot_clock(clock_, condition_, lock, instant, [this] { return rung_; });
    if (rung) rung_ = false;
    return rung;
  }

 private:
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

class RealJob final : public Job {
 public:
  RealJob(Clock& clock, std::string name, std::function<void()> work)
      : clock_(clock), name_(std::move(name)), work_(std::move(work)) {}

  bool wait(Deadline deadline) override {
    std::unique_lock lock(mutex_);
    return wait_on_boot_clock(clock_, condition_, lock, deadline.at, [this] { return ended_; });
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    try {
      work_();
    } catch (const std::exception& broken) {
      std::fprintf(stderr, "weir: the job %s threw: %s\n", name_.c_str(), broken.what());
      std::abort();
    }
    // What the work holds goes before its end is told.
    work_ = nullptr;
    const std::lock_guard lock(mutex_);
    ended_ = true;
    condition_.notify_all();
  }

 private:
  Clock& clock_;
  std::string name_;
  std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool ended_ = false;
};

class RealWorkers final : public Workers {
 public:
  RealWorkers() : clock_(make_real_clock()) {}

  ~RealWorkers() override {
    std::unique_lock lock(mutex_);
    ending_ = true;
    wake_.notify_all();
    lock.unlock();
    for (std::thread& thread : threads_) thread.join();
  }

  std::shared_ptr<Job> begin(std::string name, std::function<void()> work) override {
    auto job = std::make_shared<RealJob>(*clock_, std::move(name), std::move(work));
    const std::lock_guard lock(mutex_);
    WEIR_ASSERT(!ending_);
    queue_.push_back(job);
    if (idle_ < queue_.size() && threads_.size() < kThreadsMax) grow();
    wake_.notify_one();
    return job;
  }

  std::unique_ptr<Alarm> make_alarm() override { return std::make_unique<RealAlarm>(*clock_); }

 private:
  // Threads begin with every signal blocked, so that SIGTERM reaches the main thread only.
  void grow() {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      // The job waits for a thread that there is; without any it would wait for ever.
      WEIR_ASSERT(!threads_.empty());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) return;
      const std::shared_ptr<RealJob> job = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      job->run();
      lock.lock();
    }
  }

  std::unique_ptr<Clock> clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<RealJob>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace

std::unique_ptr<Workers> make_real_workers() { return std::make_unique<RealWorkers>(); }

}  // namespace weir
