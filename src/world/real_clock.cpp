// The clock and the chance of this machine.
#include <sys/random.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "world/real.h"

namespace weir {
namespace {

Duration read_clock(clockid_t id) {
  timespec now{};
  WEIR_ASSERT(::clock_gettime(id, &now) == 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

class RealClock final : public Clock {
 public:
  Instant now() override { return Instant(read_clock(CLOCK_BOOTTIME)); }
  WallTime wall() override { return WallTime(read_clock(CLOCK_REALTIME)); }

  void sleep_until(Instant instant) override {
    const Duration since_boot = instant.time_since_epoch();
    if (since_boot <= Duration::zero()) return;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    const timespec until{seconds.count(), (since_boot - seconds).count()};
    // Absolute, so that a signal or a suspended machine makes no sleep longer than asked.
    while (::clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
  }
};

// Asked for some hundred numbers a second, most of which nobody uses: 32 are fetched at a time, and
// each is forgotten as it is given. Whoever forks and goes on would draw the same ones; nobody
// does.
class RealRandom final : public Random {
 public:
  std::uint64_t next() override {
    const std::lock_guard lock(mutex_);
    if (left_ == 0) fetch();
    return std::exchange(numbers_[--left_], 0);
  }

 private:
  void fetch() {
    ssize_t got = 0;  // so few bytes come whole or not at all
    do {
      got = ::getrandom(numbers_.data(), sizeof numbers_, 0);
    } while (got < 0 && errno == EINTR);
    WEIR_ASSERT(got == sizeof numbers_);
    left_ = numbers_.size();
  }

  std::mutex mutex_;
  std::array<std::uint64_t, 32> numbers_{};
  std::size_t left_ = 0;
};

}  // namespace

std::unique_ptr<Clock> make_real_clock() { return std::make_unique<RealClock>(); }
std::unique_ptr<Random> make_real_random() { return std::make_unique<RealRandom>(); }

}  // namespace weir
