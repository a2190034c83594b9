// What every world shares, real or simulated.
#include "world/world.h"

#include <algorithm>

namespace weir {

std::string Random::id(std::size_t length) {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string out;
  while (out.size() < length) {
    const std::uint64_t limit = out.empty() ? 26 : kLetters.size();
    out += kLetters[static_cast<std::size_t>(next() % limit)];
  }
  return out;
}

bool poll_until(Clock& clock, Deadline deadline, Duration pause,
                const std::function<bool()>& check) {
  while (true) {
    if (check()) return true;
    const Instant now = clock.now();
    if (now >= deadline.at) return false;
    clock.sleep_until(std::min(now + pause, deadline.at));
    pause = std::min<Duration>(pause * 3 / 2, 50ms);
  }
}

}  // namespace weir
