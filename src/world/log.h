// One line to standard error: what the long-running processes tell whoever reads their log file.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "world/world.h"

namespace weir {

enum class Level { debug, info, warning, error };

// Lines below `floor` are dropped; the default is info. Any thread.
void set_log_floor(Level floor);

// Writes "2026-01-31T12:00:00.000Z warning TEXT" as one line by one write; line breaks in the text
// become blanks. Any thread; never blocks on another thread's line and never fails.
void say_line(WallTime at, Level level, std::string_view text);

template <class... Args>
void say(Clock& clock, Level level, fmt::format_string<Args...> text, Args&&... args) {
  say_line(clock.wall(), level, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace weir
