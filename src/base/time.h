// The two times of weir: an instant on CLOCK_BOOTTIME, for deciding, and wall time, for showing.
#pragma once

#include <chrono>
#include <compare>

namespace weir {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

// CLOCK_BOOTTIME of one machine. It has no now(): only world::Clock knows the time.
struct BootTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  static constexpr bool is_steady = true;
};
using Instant = std::chrono::time_point<BootTime, Duration>;

// Time of day, UTC. For people, files and certificates; nothing is ever decided by it.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Every effect takes one and returns by it.
struct Deadline {
  Instant at;
  auto operator<=>(const Deadline&) const = default;
};

inline Deadline sooner(Deadline a, Deadline b) { return a.at < b.at ? a : b; }

}  // namespace weir
