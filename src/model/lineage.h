// Which history a member's log belongs to, and how far it goes.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace weir {

// A byte position in a log; Postgres: an LSN.
struct Position {
  std::uint64_t at = 0;
  auto operator<=>(const Position&) const = default;
};

// One branch: history `timeline` ended at `until`, where the next began.
struct Branch {
  std::int64_t timeline = 0;
  Position until;
  bool operator==(const Branch&) const = default;
};

// The whole descent of a log: the system that made it, each ended timeline with its switch point,
// and the present one. Equal timeline numbers prove nothing; every switch point is compared.
struct Lineage {
  std::string system;            // Postgres: the system identifier
  std::vector<Branch> branches;  // oldest first
  std::int64_t timeline = 0;     // the present one; 0: unknown
  bool operator==(const Lineage&) const = default;
  bool known() const { return timeline != 0; }
};

// Where a member stands: its log ends at `at` on `lineage`.
struct Standing {
  Lineage lineage;
  Position at;
  bool operator==(const Standing&) const = default;
};

// Same system, and no switch point contradicts: one descends from the other, or they are equal.
bool comparable(const Lineage& a, const Lineage& b);
// Everything that `older` holds is in `newer`: comparable, and `older` does not reach beyond the
// point where `newer` left its timeline.
bool contained(const Standing& older, const Standing& newer);
// The point up to which both hold the same log; nullopt for different systems.
std::optional<Position> common_until(const Standing& a, const Standing& b);

std::string show(Position position);  // as Postgres writes an LSN: "0/3000148"
std::optional<Position> position_from(const std::string& text);
Json to_json(const Lineage& lineage);
Lineage lineage_from(const Json& json);
Json to_json(const Standing& standing);
Standing standing_from(const Json& json);

}  // namespace weir
