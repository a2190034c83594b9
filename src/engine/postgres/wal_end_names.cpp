// The texts around the log: segment names, history files, pg_controldata's output.
#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "engine/postgres/wal_end.h"

namespace weir::engine::postgres {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string segment_name(std::int64_t timeline, std::uint64_t segment,
                         std::uint64_t segment_bytes) {
  const std::uint64_t per_id = (std::uint64_t{1} << 32) / segment_bytes;
  return fmt::format("{:08X}{:08X}{:08X}", timeline, segment / per_id, segment % per_id);
}

std::optional<SegmentId> segment_from(const std::string& name, std::uint64_t segment_bytes) {
  if (name.size() != 24 || name.find_first_not_of("0123456789ABCDEF") != std::string::npos) {
    return std::nullopt;
  }
  const std::uint64_t per_id = (std::uint64_t{1} << 32) / segment_bytes;
  const auto timeline = number_in(std::string_view(name).substr(0, 8), 16);
  const auto high = number_in(std::string_view(name).substr(8, 8), 16);
  const auto low = number_in(std::string_view(name).substr(16, 8), 16);
  if (!timeline || !high || !low || *low >= per_id) return std::nullopt;
  return SegmentId{static_cast<std::int64_t>(*timeline), *high * per_id + *low};
}

Result<std::vector<Branch>> parse_history(const std::string& text) {
  std::vector<Branch> out;
  for (const std::string& raw : split(text, '\n')) {
    const std::string line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string> words;
    std::string word;
    for (const char c : line + " ") {
      if (c != ' ' && c != '\t') {
        word += c;
      } else if (!word.empty()) {
        words.push_back(std::move(word));
        word.clear();
      }
    }
    const auto timeline = number_in(words[0], 10);
    const auto until = words.size() > 1 ? position_from(words[1]) : std::nullopt;
    const bool rising =
        timeline && (out.empty() || static_cast<std::int64_t>(*timeline) > out.back().timeline);
    if (!until || !rising) {
      return fail(Failure::bad_data, "cannot read a timeline's history: '" + line + "'");
    }
    out.push_back({static_cast<std::int64_t>(*timeline), *until});
  }
  return out;
}

Result<Control> parse_control(const std::string& printed) {
  Control out;
  for (const std::string& line : split(printed, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, colon);
    const std::string value = trim(line.substr(colon + 1));
    const auto number = number_in(value, 10).value_or(0);
    const Position position = position_from(value).value_or(Position{});
    if (key == "Database system identifier") out.system = value;
    if (key == "Database cluster state") out.state = value;
    if (key == "Latest checkpoint location") out.checkpoint = position;
    if (key == "Latest checkpoint's REDO location") out.redo = position;
    if (key == "Latest checkpoint's TimeLineID") out.timeline = static_cast<std::int64_t>(number);
    if (key == "Minimum recovery ending location") out.min_recovery = position;
    if (key == "Min recovery ending loc's timeline") {
      out.min_recovery_timeline = static_cast<std::int64_t>(number);
    }
    if (key == "Bytes per WAL segment") out.segment_bytes = number;
  }
  if (out.system.empty() || out.redo.at == 0 || out.timeline == 0 || out.segment_bytes == 0) {
    return fail(Failure::bad_data, "cannot read the control file: pg_controldata said too little");
  }
  return out;
}

Lineage trimmed(const Lineage& lineage, Position end) {
  Lineage out = lineage;
  while (!out.branches.empty() && out.branches.back().until >= end) {
    out.timeline = out.branches.back().timeline;
    out.branches.pop_back();
  }
  return out;
}

}  // namespace weir::engine::postgres
