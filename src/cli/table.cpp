// Columns as wide as their widest cell.
#include "cli/table.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace weir::cli {
namespace {

// Characters, not bytes: names of databases may be of any alphabet.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

}  // namespace

void Table::row(std::vector<std::string> cells) {
  WEIR_ASSERT(cells.size() == heads_.size());
  for (std::string& cell : cells) {
    std::replace(cell.begin(), cell.end(), '\n', ' ');
    if (cell.empty()) cell = "-";
  }
  rows_.push_back(std::move(cells));
}

std::string Table::show(const std::string& indent) const {
  std::vector<std::size_t> widths;
  for (const std::string& head : heads_) widths.push_back(width_of(head));
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(cells[i]));
    }
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out = indent;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out += std::string(widths[i] - width_of(cells[i]) + 3, ' ');
    }
    return out + "\n";
  };
  std::string out = line(heads_);
  for (const auto& cells : rows_) out += line(cells);
  return out;
}

std::string indented(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string out;
  for (const std::string& line : lines) out += line.empty() ? "\n" : "  " + line + "\n";
  return out;
}

}  // namespace weir::cli
