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

// For a world whose files lie in memory; a real one does not read what was not asked for.
Result<FilePart> Files::read_part(const std::string& path, std::uint64_t from, std::size_t most) {
  WEIR_TRY(const std::string all, read(path));
  return FilePart{all.substr(std::min<std::uint64_t>(from, all.size()), most), all.size()};
}

bool poll_until(Clock& clock, Deadline deadline, Duration pause,
                const std::function<bool()>& check) {
  while (true) {
    if (check()) return true;
    const Instant now = clock.now();
    if (now >= deadline.at) return false;
    clock.sleep_until(std::min(now + pause, deadline.at));
    // Slowly: what takes a while is noticed late by no more than about a quarter of that.
    pause = std::min<Duration>(pause * 5 / 4, 50ms);
  }
}

}  // namespace weir
