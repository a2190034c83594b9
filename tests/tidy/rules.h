// The house rules as functions of one file's text, so that the test can feed them violations.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace weir::tidy {

struct Source {
  std::string path;  // from the root of the repository
  std::vector<std::string> lines;
};

Source source(std::string path, const std::string& text);

// Each complaint reads "path:line: what is wrong"; none means that the rule is kept.
using Complaints = std::vector<std::string>;

Complaints layering(const Source& file);        // who may include whom, and only by doors
Complaints sizes(const Source& file);           // lines of files and functions, columns
Complaints banned_words(const Source& file);    // clocks, threads, randomness, leftovers, skips
Complaints plain_headers(const Source& file);   // no third party's type in a header
Complaints deciding_agent(const Source& file);  // src/agent decides nothing
Complaints face_sizes(const Source& file);      // calls of a face, fields of a View
Complaints strange_paths(const Source& file);   // no folder of anybody's machine

// A decision may not know of ports or effects, neither itself nor by headers of its own folder.
using Read = std::function<Source(const std::string& path)>;
Complaints pure_decision(const Source& file, const Read& read);

// Every path that a page names exists.
using Exists = std::function<bool(const std::string& path)>;
Complaints named_paths(const Source& page, const Exists& exists);

// Every test that a page names exists, as SUITE.CASE.
Complaints named_tests(const Source& page, const std::set<std::string>& tests);
void collect_tests(const Source& file, std::set<std::string>& tests);

}  // namespace weir::tidy
