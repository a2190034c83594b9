// One way to print lists, whatever is in them.
#include "cli/listing.h"

#include <algorithm>

#include "cli/table.h"

namespace weir::cli {

std::string text_of(const Listing& listing, const Options& options) {
  if (options.wants_data()) {
    Json items = Json::array();
    for (const Row& row : listing.rows) items.add(row.data);
    return as_data(Json::object().set("format", 1).set("kind", listing.kind).set("items", items),
                   options.output);
  }
  if (options.output == "name") {
    std::string out;
    for (const Row& row : listing.rows) out += listing.kind + "/" + row.name + "\n";
    return out;
  }
  const bool wide = options.output == "wide";
  std::vector<std::string> heads = listing.heads;
  if (wide) heads.insert(heads.end(), listing.wide_heads.begin(), listing.wide_heads.end());
  Table table(heads);
  for (const Row& row : listing.rows) {
    std::vector<std::string> cells = row.cells;
    if (wide) cells.insert(cells.end(), row.wide.begin(), row.wide.end());
    table.row(std::move(cells));
  }
  return table.show();
}

Changes changes(const Listing& before, const Listing& now) {
  Changes out{{now.kind, now.heads, now.wide_heads, {}}, {}};
  const auto find = [](const Listing& in, const Row& row) {
    return std::ranges::find(in.rows, row.name, &Row::name);
  };
  for (const Row& row : now.rows) {
    const auto old = find(before, row);
    if (old == before.rows.end() || old->cells != row.cells) out.changed.rows.push_back(row);
  }
  for (const Row& row : before.rows) {
    if (find(now, row) == now.rows.end()) out.gone.push_back(row.name);
  }
  return out;
}

}  // namespace weir::cli
