// The rare branches that a search has to come by (base/probe.h). The list is explicit, so that a
// branch that nothing reaches any more is missed; a test compares it with the marks in src/.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::sim {

const std::vector<std::string>& all_probes();

// Those of `wanted` that `passed` lacks.
std::vector<std::string> never_reached(
    const std::vector<std::string>& wanted,
    const std::map<std::string, std::uint64_t, std::less<>>& passed);

}  // namespace weir::sim
