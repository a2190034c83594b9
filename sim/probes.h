// The rare branches that a search has to come by (base/probe.h). The list is explicit, so that a
// branch that nothing reaches any more is missed; a test compares it with the marks in src/.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::sim {

const std::vector<std::string>& all_probes();

// Those that drawn seeds hardly ever come by, each with the scenario below tests/scenarios that
// does, and the rule that has to be off for it; null: none.
struct RarestProbe {
  const char* name;
  const char* scenario;
  const char* mutant;
};
const std::vector<RarestProbe>& probes_of_scenarios();
// The others.
std::vector<std::string> probes_of_seeds();

// Those of `wanted` that `passed` lacks.
std::vector<std::string> never_reached(
    const std::vector<std::string>& wanted,
    const std::map<std::string, std::uint64_t, std::less<>>& passed);

}  // namespace weir::sim
