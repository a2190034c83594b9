// What a shell offers for the word under the cursor; computed from the table of verbs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/grammar.h"

namespace weir::cli {

struct Completion {
  std::vector<std::string> words;  // all begin with what is typed already
  bool files = false;              // the shell's own completion of paths
  bool operator==(const Completion&) const = default;
};
// `typed`: the words after `weir`, the last one being typed, perhaps empty. `offer` answers the
// names of things of the fleet; it is asked at most once.
using Offer = std::function<std::vector<std::string>(Offers)>;
Completion complete(const std::vector<std::string>& typed, const Offer& offer);

}  // namespace weir::cli
