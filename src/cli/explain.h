// The words that weir uses, with what they mean: what `weir explain` prints.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace weir::cli {

struct Meaning {
  std::string word;
  std::string text;  // one sentence or two
};
// Each is a topic of its own: `weir explain NAME`; its words can be asked for one by one too.
struct Glossary {
  const char* name;   // "verdicts"
  const char* kind;   // what one of its words is: "a verdict of a drill"
  const char* about;  // one line
  const std::vector<Meaning>& (*meanings)();
};
const std::vector<Glossary>& glossaries();

// A constant of this program, and why it is what it is.
struct Timing {
  std::string name;
  std::string value;
  std::string reason;
};
std::vector<Timing> timings();

// All that can be asked for: topics, words, keys of the fleet file.
std::vector<std::string> explained_words();

}  // namespace weir::cli
