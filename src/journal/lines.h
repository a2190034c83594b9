// The journal's file as text: one line of JSON per intent and per outcome. Pure; private.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.h"

namespace weir::journal {

struct Conclusion {
  std::int64_t number = 0;
  Outcome outcome = Outcome::open;
  std::string detail;
  Duration took{};
  int format = kFormat;
};

std::string line_of(const Entry& entry);
std::string line_of(const Conclusion& conclusion);
void conclude(Entry& entry, const Conclusion& conclusion);

struct Read {
  std::vector<Entry> entries;  // by number, with their outcomes
  bool torn = false;           // the last line was not whole, and is left out
};
// With the line's number: bad_data for damage anywhere but in the last line, unsupported for a
// format that this weir does not read.
Result<Read> read_lines(std::string_view text);

// What is kept when the file is rewritten: the last kKept entries, and every open one.
std::vector<Entry> kept_of(const std::vector<Entry>& entries);

}  // namespace weir::journal
