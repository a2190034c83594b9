// A line is one write(2), so that threads and processes that share a log file never mix lines.
#include "world/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/quantity.h"

namespace weir {
namespace {

std::atomic<Level> floor_of_levels{Level::info};

const char* name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "info";
}

}  // namespace

void set_log_floor(Level floor) { floor_of_levels = floor; }

void say_line(WallTime at, Level level, std::string_view text) {
  if (level < floor_of_levels.load()) return;
  std::string line = fmt::format("{} {} {}", show(at), name_of(level), text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  // A log that cannot be written has nobody to tell; the process goes on.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace weir
