// Reading and showing of typed quantities; the units are tables, the arithmetic refuses overflow.
#include "base/quantity.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array kTimeUnits{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", kSecond},
    Unit{"m", 60 * kSecond},
    Unit{"min", 60 * kSecond},
    Unit{"h", 3600 * kSecond},
    Unit{"d", 86400 * kSecond},
};
constexpr std::array kByteUnits{
    Unit{"B", 1},          Unit{"kB", 1LL << 10},  Unit{"KB", 1LL << 10}, Unit{"KiB", 1LL << 10},
    Unit{"MB", 1LL << 20}, Unit{"MiB", 1LL << 20}, Unit{"GB", 1LL << 30}, Unit{"GiB", 1LL << 30},
    Unit{"TB", 1LL << 40}, Unit{"TiB", 1LL << 40},
};

struct Written {
  long double number = 0;
  std::string unit;
};

// Splits "1.5h" into its number and its unit. A long double has 64 bits of mantissa on our
// platforms, so that every whole count of nanoseconds or bytes stays exact.
Result<Written> read_number(std::string_view text, std::string_view wanted) {
  const std::string trimmed = trim(text);
  const auto refuse = [&] {
    return fail(Failure::bad_config, fmt::format("expected {}, got '{}'", wanted, trimmed));
  };
  Written written;
  std::size_t i = 0, digits = 0;
  long double scale = 1;
  bool point = false;
  for (; i < trimmed.size(); ++i) {
    const char c = trimmed[i];
    if (c == '.' && !point && digits > 0) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    ++digits;
    if (point) scale *= 10;
    written.number = written.number * 10 + (c - '0');
  }
  if (digits == 0 || digits > 30 || trimmed[i - 1] == '.') return refuse();
  written.number /= scale;
  written.unit = trim(std::string_view(trimmed).substr(i));
  return written;
}

template <std::size_t N>
Result<std::int64_t> read_units(std::string_view text, const std::array<Unit, N>& units,
                                std::string_view wanted, bool bare_allowed) {
  WEIR_TRY(const Written written, read_number(text, wanted));
  std::int64_t size = 0;
  for (const Unit& unit : units) {
    if (unit.name == written.unit) size = unit.size;
  }
  if (written.unit.empty() && (bare_allowed || written.number == 0)) size = 1;
  if (size == 0) {
    return fail(Failure::bad_config, fmt::format("expected {}, got '{}'", wanted, trim(text)));
  }
  const long double total = std::round(written.number * static_cast<long double>(size));
  if (total > static_cast<long double>(std::numeric_limits<std::int64_t>::max())) {
    return fail(Failure::bad_config, fmt::format("'{}' is too large", trim(text)));
  }
  return static_cast<std::int64_t>(total);
}

// At most three digits that say something, without the zeros that say nothing.
std::string three_digits(double value) {
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string two_units(std::int64_t seconds, std::int64_t large, const char* large_name,
                      std::int64_t small, const char* small_name) {
  const std::int64_t rest = (seconds % large) / small;
  const std::string first = fmt::format("{}{}", seconds / large, large_name);
  return rest == 0 ? first : fmt::format("{} {}{}", first, rest, small_name);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  WEIR_TRY(const std::int64_t count, read_units(text, kTimeUnits, "a time such as 30s", false));
  return Duration{count};
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  WEIR_TRY(const std::int64_t count, read_units(text, kByteUnits, "a size such as 16MB", true));
  return static_cast<std::uint64_t>(count);
}

Result<double> parse_percent(std::string_view text) {
  static constexpr std::string_view kWanted = "a share such as 99.95%";
  WEIR_TRY(const Written written, read_number(text, kWanted));
  if (std::string_view(written.unit) != "%" || written.number > 100) {
    return fail(Failure::bad_config, fmt::format("expected {}, got '{}'", kWanted, trim(text)));
  }
  return static_cast<double>(written.number / 100);
}

std::string show(Duration duration) {
  if (duration == Duration::min()) return show(Duration::min() + 1ns);
  if (duration < 0ns) return "-" + show(-duration);
  // The limits are those at which rounding to three digits would reach the next unit.
  const std::int64_t ns = duration.count();
  if (ns == 0) return "0s";
  if (ns < 1'000) return fmt::format("{}ns", ns);
  if (ns < 999'500) return three_digits(static_cast<double>(ns) / 1e3) + "us";
  if (ns < 999'500'000) return three_digits(static_cast<double>(ns) / 1e6) + "ms";
  if (ns < 59'950'000'000) return three_digits(static_cast<double>(ns) / 1e9) + "s";
  const std::int64_t seconds = ns / kSecond + (ns % kSecond >= kSecond / 2 ? 1 : 0);
  if (seconds < 3600) return two_units(seconds, 60, "m", 1, "s");
  if (seconds < 86400) return two_units(seconds, 3600, "h", 60, "m");
  return two_units(seconds, 86400, "d", 3600, "h");
}

std::string show_bytes(std::uint64_t bytes) {
  static constexpr std::array kNames{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", three_digits(value), kNames[unit]);
}

std::string show_percent(double share) {
  std::string text = fmt::format("{:.4f}", share * 100);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "%";
}

Result<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  constexpr year kLastYear{2261};  // 64 bits of nanoseconds end in the next one
  const std::string trimmed = trim(text);
  // Digits where the pattern has a 0, else its very characters.
  const auto fits = [&](std::string_view pattern) {
    if (trimmed.size() != pattern.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      const bool digit = trimmed[i] >= '0' && trimmed[i] <= '9';
      if (pattern[i] == '0' ? !digit : trimmed[i] != pattern[i]) return false;
    }
    return true;
  };
  const auto number = [&](std::size_t at, std::size_t length) {
    unsigned out = 0;
    for (std::size_t i = at; i < at + length; ++i) {
      out = 10 * out + static_cast<unsigned>(trimmed[i] - '0');
    }
    return out;
  };
  const bool with_seconds = fits("0000-00-00T00:00:00Z");
  const bool with_time = with_seconds || fits("0000-00-00T00:00Z");
  if (with_time || fits("0000-00-00")) {
    const year_month_day date{year(static_cast<int>(number(0, 4))), month(number(5, 2)),
                              day(number(8, 2))};
    const unsigned hour = with_time ? number(11, 2) : 0;
    const unsigned minute = with_time ? number(14, 2) : 0;
    const unsigned second = with_seconds ? number(17, 2) : 0;
    const bool fits_ours = date.year() >= year(1970) && date.year() <= kLastYear;
    if (date.ok() && fits_ours && hour < 24 && minute < 60 && second < 60) {
      return WallTime(sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) +
                      seconds(second));
    }
  }
  return fail(
      Failure::bad_config,
      fmt::format("expected a time such as 2026-12-24T08:30Z, of 1970 to 2261, got '{}'", trimmed));
}

std::string show(WallTime time) {
  using namespace std::chrono;
  const auto ms = floor<milliseconds>(time);
  const auto day = floor<days>(ms);
  const year_month_day date{day};
  const hh_mm_ss clock{ms - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace weir
