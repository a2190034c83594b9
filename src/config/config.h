// The fleet file: read with libyaml's events, checked against tables, every mistake at its place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/fleet.h"
#include "world/world.h"

namespace weir::config {

// One mistake: where, what we read, what we would have accepted.
struct Complaint {
  std::string file;
  int line = 0;    // from 1
  int column = 0;  // from 1, in characters
  std::string what;
  std::string text;  // the offending line: secrets masked, cut out of a very long one
  int caret = 1;     // where in `text` the mistake begins, from 1
  int width = 1;     // how many characters the caret underlines
  std::string hint;  // "did you mean `members`?"
  bool operator==(const Complaint&) const = default;
};
// "FILE:LINE:COLUMN: WHAT", the line, a caret line, and the hint.
std::string show(const Complaint& complaint);

struct Parsed {
  Fleet fleet;                        // only meaningful when `complaints` is empty
  std::vector<Complaint> complaints;  // all mistakes at once, in file order
};

constexpr std::size_t kFileBytesMax = 16u << 20;
constexpr int kDepthMax = 32;

// Pure: parses and checks `text`. `file` is only named in complaints.
// A password stays a reference ("generated", "env:NAME", "file:PATH"); a literal is a complaint.
Parsed parse(const std::string& file, const std::string& text);

// Reads the file and parses it. Failure::bad_config with every complaint, shown, in `what`.
Result<Fleet> load(Files& files, const std::string& path);

// A key of the fleet file: "services.SERVICE.members"; names of one's own are in capitals.
struct FileKey {
  std::string path;
  std::string_view takes;  // "a list of hosts"
  std::string_view help;
  bool needed = false;
};
// All of them, from the tables that read the file.
std::vector<FileKey> file_keys();

// The same value as one YAML document; a text that a reader would take for a number, a truth or
// nothing is quoted.
std::string to_yaml(const Json& json);

}  // namespace weir::config
