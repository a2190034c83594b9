// A failing plan made as small as it goes while it still fails in the same way: what a person reads
// first, and what becomes a scenario.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/run.h"

namespace weir::sim {

// What a violation is of, without its numbers: the checker's name.
std::string kind_of(const std::string& violation);

struct Shrunk {
  Plan plan;
  int tried = 0;  // plans that were run
};

// Greedy: the first simpler plan that still fails is taken, until none does or the budget is used.
// `fails` is asked about each candidate; `plan` itself is known to fail.
Shrunk shrink(const Plan& plan, const std::function<bool(const Plan&)>& fails, int tries_max = 400);

// Runs the plan; nullopt if it holds. A candidate counts if it violates what the plan violated.
std::optional<Shrunk> shrink_run(const Plan& plan);

// As a scenario file: the text of the plan under a sentence that says what it is.
std::string scenario_of(const Plan& plan, std::uint64_t found_by, const std::string& violation);

}  // namespace weir::sim
