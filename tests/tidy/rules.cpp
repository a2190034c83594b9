#include "tests/tidy/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

namespace weir::tidy {
namespace {

// design.md, The house: a folder sees the rows above its own, and what stands left of it in its
// row. Capabilities never see each other.
const std::vector<std::vector<std::string>> kRows = {
    {"base", "model", "world"},
    {"config", "access", "peer", "store", "journal"},
    {"engine"},
    {"ledger"},
    {"provision", "failover", "backup", "drill", "slo", "observe", "replay", "advise", "migrate",
     "region", "incident", "emit"},
    {"guard", "proxy"},
    {"agent", "api", "cli"},
    {"app"},
};
constexpr std::size_t kCapabilities = 4;

struct Door {
  const char* header;
  const char* why;
};

// Doors beside <folder>/<folder>.h, each with its reason.
constexpr Door kDoors[] = {
    {"store/keys.h", "the names of all records, for everyone who reads or writes one"},
    {"store/record_io.h", "the one way to read and compare-and-set a service's record"},
    {"store/remote.h", "the client that the processes of a fleet open"},
    {"store/sqlite/sqlite.h", "the store that `weir store` serves"},
    {"engine/postgres/postgres.h", "a row of the table of engines"},
};
// What only tests and the simulator open.
constexpr Door kTestDoors[] = {
    {"store/memory/memory.h", "the store of the simulator"},
    {"engine/fake/fake.h", "the engine of the simulator"},
    {"engine/conformance.h", "one suite for the fake and for real servers"},
    {"store/conformance.h", "one suite for all stores"},
    {"tests/golden/golden.h", "texts compared with files"},
    {"drill/decide.h", "its steps, each with its kill points in the simulator"},
    {"agent/board.h", "what peers say, for its fuzzer"},
    {"journal/lines.h", "what a torn file says, for its fuzzer"},
    {"engine/postgres/wal_end.h", "what a dead server's log says, for its fuzzer"},
};

struct Banned {
  const char* pattern;
  const char* instead;
};

constexpr Banned kBannedOutsideWorld[] = {
    {"(system|steady|high_resolution)_clock::now", "take the Clock of world/"},
    {"\\bstd::rand\\b|\\bsrand\\(|random_device|mt19937", "take the Random of world/"},
    {"\\b(usleep|nanosleep|sleep)\\(|this_thread", "wait by the Clock of world/"},
};
constexpr Banned kBannedThreads[] = {
    {"std::(thread|jthread|async)\\b|pthread_create", "give the work to the Workers of world/"},
};
constexpr Banned kBannedEverywhere[] = {
    {"\\b(TO"
     "DO|FIX"
     "ME|XX"
     "X)\\b",
     "do it, or file an issue"},
    {"GTEST_"
     "SKIP|DISA"
     "BLED_",
     "a skipped test proves nothing"},
};

bool begins(std::string_view text, std::string_view start) { return text.starts_with(start); }

std::string complaint(const Source& file, std::size_t index, const std::string& what) {
  return fmt::format("{}:{}: {}", file.path, index + 1, what);
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream stream(path);
  for (std::string part; std::getline(stream, part, '/');) parts.push_back(part);
  return parts;
}

bool is_header(const Source& file) { return file.path.ends_with(".h"); }

bool is_test(const Source& file) {
  static const std::regex test("^tests/|_test\\.(cpp|h)$|/(testing|conformance)\\.h$");
  return std::regex_search(file.path, test);
}

// "" if the line includes no file of ours.
std::string included(const std::string& line) {
  static const std::regex ours("^\\s*#include \"([^\"]+)\"");
  std::smatch found;
  return std::regex_search(line, found, ours) ? found[1].str() : std::string{};
}

// Code without its comment, so that a rule may be spoken of.
std::string code_of(const std::string& line) { return line.substr(0, line.find("//")); }

struct Seat {
  std::size_t row = 0;
  std::size_t column = 0;
};

bool seat_of(const std::string& folder, Seat& seat) {
  for (seat.row = 0; seat.row < kRows.size(); ++seat.row) {
    const auto& row = kRows[seat.row];
    const auto found = std::find(row.begin(), row.end(), folder);
    if (found == row.end()) continue;
    seat.column = static_cast<std::size_t>(found - row.begin());
    return true;
  }
  return false;
}

bool may_see(const std::string& from, const std::string& to) {
  Seat here;
  Seat there;
  if (from == to) return true;
  if (!seat_of(from, here) || !seat_of(to, there)) return false;
  if (there.row != here.row) return there.row < here.row;
  return here.row != kCapabilities && there.column < here.column;
}

bool is_door(const Source& file, const std::string& header) {
  const auto parts = parts_of(header);
  if (parts.size() < 2) return false;
  if (parts[0] == "base" || parts[0] == "model" || parts[0] == "world") return true;
  if (parts.size() == 2 && parts[1] == parts[0] + ".h") return true;
  const auto named = [&](const Door& door) { return header == door.header; };
  if (std::any_of(std::begin(kDoors), std::end(kDoors), named)) return true;
  if (!is_test(file) && !begins(file.path, "sim/")) return false;
  return std::any_of(std::begin(kTestDoors), std::end(kTestDoors), named);
}

// Why this file of `folder` may not include `header`; "" if it may.
std::string why_not(const Source& file, const std::string& folder, const std::string& header) {
  const auto target = parts_of(header);
  if (target.size() < 2) return "name the folder of " + header;
  const bool test_door = std::any_of(std::begin(kTestDoors), std::end(kTestDoors),
                                     [&](const Door& door) { return header == door.header; });
  if (target[0] == "sim" || target[0] == "tests") {
    const bool allowed = is_test(file) && test_door;
    return allowed ? "" : fmt::format("{} may not include {}", folder, header);
  }
  if (target[0] == folder) {
    const auto here = parts_of(file.path);
    const bool engines = folder == "engine" && here.size() > 3 && target.size() > 2;
    if (engines && here[2] != target[1]) return "engines never see each other: " + header;
    return "";
  }
  if (!may_see(folder, target[0])) return fmt::format("{} may not include {}", folder, header);
  if (!is_door(file, header)) return fmt::format("{} is no door of {}", header, target[0]);
  return "";
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

std::size_t file_limit(const Source& file) {
  if (file.path == "src/guard/guard.c") return 300;
  const auto parts = parts_of(file.path);
  const bool door = parts.size() == 3 && parts[0] == "src" && parts[2] == parts[1] + ".h";
  if (!door) return 600;
  return parts[1] == "engine" ? 300 : 150;
}

// Functions at the left margin; the last line of one is a lone brace.
void long_functions(const Source& file, Complaints& out) {
  constexpr std::size_t kLines = 60;
  static const std::regex opens("^[A-Za-z].*[^=] \\{$");
  static const std::regex other("^(namespace|struct|class|enum|union|extern|typedef|static const)");
  std::size_t begun = 0;
  bool inside = false;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (std::regex_search(line, opens)) {
      inside = !std::regex_search(line, other);
      begun = i;
    } else if (line == "}" && inside) {
      inside = false;
      const std::size_t length = i - begun + 1;
      if (length > kLines) {
        out.push_back(complaint(file, begun, fmt::format("a function of {} lines", length)));
      }
    }
  }
}

template <std::size_t n>
void search(const Source& file, const Banned (&banned)[n], Complaints& out) {
  for (const Banned& each : banned) {
    const std::regex pattern(each.pattern);
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (!std::regex_search(code_of(file.lines[i]), pattern)) continue;
      out.push_back(complaint(file, i, std::string("banned here; ") + each.instead));
    }
  }
}

}  // namespace

Source source(std::string path, const std::string& text) {
  Source file{std::move(path), {}};
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
  return file;
}

Complaints layering(const Source& file) {
  Complaints out;
  const auto parts = parts_of(file.path);
  if (parts.size() < 3 || parts[0] != "src") return out;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string header = included(file.lines[i]);
    if (header.empty()) continue;
    const std::string why = why_not(file, parts[1], header);
    if (!why.empty()) out.push_back(complaint(file, i, why));
  }
  return out;
}

Complaints sizes(const Source& file) {
  Complaints out;
  const std::size_t limit = file_limit(file);
  if (file.lines.size() > limit) {
    const std::string what = fmt::format("{} lines, at most {}", file.lines.size(), limit);
    out.push_back(complaint(file, limit, what));
  }
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::size_t wide = columns(file.lines[i]);
    if (wide > 100) out.push_back(complaint(file, i, fmt::format("{} columns", wide)));
  }
  if (!is_test(file)) long_functions(file, out);
  return out;
}

Complaints banned_words(const Source& file) {
  Complaints out;
  if (begins(file.path, "tests/tidy/")) return out;  // It names what it bans.
  // The guard is a program of its own, and bench/ stands outside of every world.
  const bool has_clock = begins(file.path, "src/world/") || file.path == "src/guard/guard.c" ||
                         begins(file.path, "bench/");
  const bool has_threads = has_clock || is_test(file) || begins(file.path, "src/peer/");
  if (!has_clock) search(file, kBannedOutsideWorld, out);
  if (!has_threads) search(file, kBannedThreads, out);
  for (const Banned& each : kBannedEverywhere) {
    const std::regex pattern(each.pattern);
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (!std::regex_search(file.lines[i], pattern)) continue;
      out.push_back(complaint(file, i, std::string("banned here; ") + each.instead));
    }
  }
  return out;
}

Complaints plain_headers(const Source& file) {
  // The standard library, tl::expected, fmt, and what the kernel's calls need.
  static const std::regex plain(
      "^([a-z0-9_]+|tl/.*|fmt/.*|(poll|signal|stdint|stdlib|unistd|sys/[a-z]+)\\.h)$");
  static const std::regex angled("^\\s*#include <([^>]+)>");
  Complaints out;
  if (!is_header(file) || is_test(file)) return out;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    std::smatch found;
    if (!std::regex_search(file.lines[i], found, angled)) continue;
    if (std::regex_match(found[1].str(), plain)) continue;
    out.push_back(complaint(file, i, "keep " + found[1].str() + " in one .cpp file"));
  }
  return out;
}

Complaints deciding_agent(const Source& file) {
  static const std::regex decides(
      "\\b(if|switch|while) \\(.*(Role::|Reach::|Durability::|\\.role\\b|\\.reach\\b|"
      "\\.engine [!=]=|\"(postgres|redis|mongodb)\")");
  Complaints out;
  if (!begins(file.path, "src/agent/") || is_test(file)) return out;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (!std::regex_search(code_of(file.lines[i]), decides)) continue;
    out.push_back(complaint(file, i, "the agent decides nothing; ask a capability or a face"));
  }
  return out;
}

Complaints face_sizes(const Source& file) {
  Complaints out;
  if (!is_header(file) || !begins(file.path, "src/")) return out;
  static const std::regex opens("^(class|struct) ([A-Za-z]+).*\\{");
  static const std::regex field("^  [A-Za-z].*;");
  const bool faces = file.path == "src/engine/engine.h";
  std::string name;
  std::size_t begun = 0;
  int calls = 0;
  int fields = 0;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string line = code_of(file.lines[i]);
    std::smatch found;
    if (std::regex_search(line, found, opens)) {
      name = found[2];
      begun = i;
      calls = fields = 0;
    }
    if (line.find("= 0;") != std::string::npos) ++calls;
    if (std::regex_search(line, field)) ++fields;
    if (!begins(line, "};")) continue;
    if (faces && calls > 8) {
      out.push_back(complaint(file, begun, fmt::format("{} has {} calls, at most 8", name, calls)));
    }
    if (name == "View" && fields > 12) {
      const std::string what = fmt::format("a View of {} fields, at most 12", fields);
      out.push_back(complaint(file, begun, what));
    }
    name.clear();
  }
  return out;
}

Complaints strange_paths(const Source& file) {
  static const std::regex strange(
      "/wo"
      "rk/|/ro"
      "ot/|/ho"
      "me/[a-z]");
  Complaints out;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (!std::regex_search(file.lines[i], strange)) continue;
    out.push_back(complaint(file, i, "names a folder of somebody's machine"));
  }
  return out;
}

Complaints pure_decision(const Source& file, const Read& read) {
  static const std::regex decision("^src/([a-z]+)/decide[a-z_]*\\.(cpp|h)$");
  static const std::regex effects("^(world|store|journal|peer|access|guard|agent)/");
  Complaints out;
  std::smatch found;
  if (!std::regex_match(file.path, found, decision) || is_test(file)) return out;
  const std::string folder = found[1].str() + "/";
  std::set<std::string> seen;
  std::vector<Source> open = {file};
  while (!open.empty()) {
    const Source next = open.back();
    open.pop_back();
    for (std::size_t i = 0; i < next.lines.size(); ++i) {
      const std::string header = included(next.lines[i]);
      if (std::regex_search(header, effects)) {
        const std::string by = next.path == file.path ? "" : ", which " + file.path + " includes";
        out.push_back(complaint(next, i, "a decision may not know " + header + by));
      }
      // The folder's own door also declares who carries out; its ports are not the decision's.
      if (header == folder + found[1].str() + ".h") continue;
      if (begins(header, folder) && seen.insert(header).second)
        open.push_back(read("src/" + header));
    }
  }
  return out;
}

Complaints named_paths(const Source& page, const Exists& exists) {
  static const std::regex quoted("`([a-z._][A-Za-z0-9_./{},*-]*/[A-Za-z0-9_./{},*-]*)`");
  static const std::regex linked("\\]\\(([a-zA-Z][A-Za-z0-9_./-]*)\\)");
  Complaints out;
  for (std::size_t i = 0; i < page.lines.size(); ++i) {
    for (const std::regex& pattern : {quoted, linked}) {
      const std::string& line = page.lines[i];
      for (std::sregex_iterator it(line.begin(), line.end(), pattern), end; it != end; ++it) {
        std::string path = (*it)[1];
        // What is built is not there in a fresh clone.
        if (begins(path, "build/")) continue;
        if (begins(path, "./")) path = path.substr(2);
        if (exists(path) || exists("src/" + path)) continue;
        out.push_back(complaint(page, i, "names " + path + ", which is not there"));
      }
    }
  }
  return out;
}

Complaints named_tests(const Source& page, const std::set<std::string>& tests) {
  static const std::regex quoted("`([A-Z][A-Za-z]+\\.[A-Z][A-Za-z0-9]+)`");
  Complaints out;
  for (std::size_t i = 0; i < page.lines.size(); ++i) {
    const std::string& line = page.lines[i];
    for (std::sregex_iterator it(line.begin(), line.end(), quoted), end; it != end; ++it) {
      const std::string test = (*it)[1];
      if (tests.contains(test)) continue;
      out.push_back(complaint(page, i, "names the test " + test + ", which is not there"));
    }
  }
  return out;
}

void collect_tests(const Source& file, std::set<std::string>& tests) {
  static const std::regex test("^(?:TYPED_)?TEST(_F|_P)?\\(([A-Za-z]+), ([A-Za-z0-9]+)\\)");
  for (const std::string& line : file.lines) {
    std::smatch found;
    if (std::regex_search(line, found, test)) tests.insert(found[2].str() + "." + found[3].str());
  }
}

}  // namespace weir::tidy
