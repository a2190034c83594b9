// Comparing histories. A lineage is walked as a list of segments: each ended timeline up to its
// switch point, then the present one, open.
#include "model/lineage.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace weir {
namespace {

constexpr Position kOpen{std::numeric_limits<std::uint64_t>::max()};

Branch segment(const Lineage& lineage, std::size_t index) {
  if (index < lineage.branches.size()) return lineage.branches[index];
  return {lineage.timeline, kOpen};
}

// How far both lineages describe one and the same log, each followed to its open end.
Position shared_until(const Lineage& a, const Lineage& b) {
  const std::size_t segments = std::min(a.branches.size(), b.branches.size()) + 1;
  Position shared;
  for (std::size_t i = 0; i < segments; ++i) {
    const Branch left = segment(a, i);
    const Branch right = segment(b, i);
    if (left.timeline != right.timeline) return shared;
    shared = std::min(left.until, right.until);
    if (left.until != right.until) return shared;
  }
  return shared;
}

// The text of a half of an LSN: one to eight hexadecimal digits.
std::optional<std::uint64_t> half_from(std::string_view text) {
  if (text.empty() || text.size() > 8) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<std::uint64_t>(digit);
  }
  return value;
}

}  // namespace

bool comparable(const Lineage& a, const Lineage& b) {
  if (!a.known() || !b.known() || a.system != b.system) return false;
  const std::size_t shorter = std::min(a.branches.size(), b.branches.size());
  for (std::size_t i = 0; i < shorter; ++i) {
    if (a.branches[i] != b.branches[i]) return false;
  }
  // The shorter one's present timeline is where the longer one must have branched off.
  return segment(a, shorter).timeline == segment(b, shorter).timeline;
}

bool contained(const Standing& older, const Standing& newer) {
  if (!comparable(older.lineage, newer.lineage)) return false;
  if (older.lineage.branches.size() > newer.lineage.branches.size()) return false;
  return older.at <= common_until(older, newer);
}

std::optional<Position> common_until(const Standing& a, const Standing& b) {
  if (!a.lineage.known() || !b.lineage.known() || a.lineage.system != b.lineage.system) {
    return std::nullopt;
  }
  return std::min({shared_until(a.lineage, b.lineage), a.at, b.at});
}

std::string show(Position position) {
  return fmt::format("{:X}/{:X}", position.at >> 32, position.at & 0xffffffffu);
}

std::optional<Position> position_from(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto high = half_from(std::string_view(text).substr(0, slash));
  const auto low = half_from(std::string_view(text).substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Position{*high << 32 | *low};
}

Json to_json(const Lineage& lineage) {
  Json branches = Json::array();
  for (const Branch& branch : lineage.branches) {
    branches.add(Json::array().add(branch.timeline).add(show(branch.until)));
  }
  Json json = Json::object();
  json.set("system", lineage.system);
  json.set("timeline", lineage.timeline).set("branches", std::move(branches));
  return json;
}

Lineage lineage_from(const Json& json) {
  Lineage lineage;
  lineage.system = json["system"].text();
  lineage.timeline = json["timeline"].integer();
  for (const Json& item : json["branches"].items()) {
    const auto until =
        item.items().size() == 2 ? position_from(item.items()[1].text()) : std::nullopt;
    // A damaged branch makes the whole descent unknown: half of one would prove too much.
    if (!until) return {};
    lineage.branches.push_back({item.items()[0].integer(), *until});
  }
  return lineage;
}

Json to_json(const Standing& standing) {
  Json json = Json::object();
  json.set("lineage", to_json(standing.lineage)).set("at", show(standing.at));
  return json;
}

Standing standing_from(const Json& json) {
  const auto at = position_from(json["at"].text());
  // A place without its number is no place at all.
  if (!at) return {};
  return {lineage_from(json["lineage"]), *at};
}

}  // namespace weir
