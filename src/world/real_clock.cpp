// The clock and the chance of this machine.
#include <sys/random.h>
#include <time.h>

#include <cerrno>

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

class RealRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t number = 0;
    ssize_t got = 0;
    do {
      got = ::getrandom(&number, sizeof number, 0);
    } while (got < 0 && errno == EINTR);
    WEIR_ASSERT(got == sizeof number);
    return number;
  }
};

}  // namespace

std::unique_ptr<Clock> make_real_clock() { return std::make_unique<RealClock>(); }
std::unique_ptr<Random> make_real_random() { return std::make_unique<RealRandom>(); }

}  // namespace weir
