// Things of one kind as rows: a table, names for xargs, or data.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace weir::cli {

struct Row {
  std::string name;                // "orders/a"; unique within its kind
  std::vector<std::string> cells;  // beside Listing::heads
  std::vector<std::string> wide;   // beside Listing::wide_heads
  Json data;
  bool operator==(const Row&) const = default;
};
struct Listing {
  std::string kind;  // "member"
  std::vector<std::string> heads;
  std::vector<std::string> wide_heads;
  std::vector<Row> rows;
};

// As -o asks: one table, lines of kind/name, or {format, kind, items}.
std::string text_of(const Listing& listing, const Options& options);
// What of `now` is new or changed since `before`; of rows that are gone, only their names.
struct Changes {
  Listing changed;
  std::vector<std::string> gone;
};
Changes changes(const Listing& before, const Listing& now);

}  // namespace weir::cli
