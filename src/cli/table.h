// Columns for people, as kubectl prints them.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  // As many cells as heads. An empty cell is drawn as "-"; line breaks become blanks.
  void row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Each line begins with `indent`; the last column is not padded.
  std::string show(const std::string& indent = {}) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

// Each line with two blanks before it; empty lines stay empty.
std::string indented(const std::string& text);

}  // namespace weir::cli
