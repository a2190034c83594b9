// Typed quantities as people write them: 16MB, 30s, 99.95%.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace weir {

// Parsing refuses empty text, unknown units, negatives and overflow with Failure::bad_config.
// Durations: ns us ms s m (or min) h d, e.g. "30s", "1.5h"; "0" needs no unit.
Result<Duration> parse_duration(std::string_view text);
// Bytes with binary multiples as Postgres has them: B kB (or KB, KiB) MB (MiB) GB TB.
Result<std::uint64_t> parse_bytes(std::string_view text);
// "99.95%" to 0.9995; 0% to 100% only.
Result<double> parse_percent(std::string_view text);

// Shortest exact form for a person: "1.2s", "350ms", "2m 5s"; never more than three digits.
std::string show(Duration duration);
std::string show_bytes(std::uint64_t bytes);
std::string show_percent(double share);
// "2026-12-24", its midnight, or "2026-12-24T08:30Z", "2026-12-24T08:30:00Z": UTC only, so that
// nobody's time zone moves it; from 1970 to 2261.
Result<WallTime> parse_time(std::string_view text);
// RFC 3339 with milliseconds, UTC.
std::string show(WallTime time);

}  // namespace weir
