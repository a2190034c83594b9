// Many seeds, one after the other; determinism is checked on the way.
#pragma once

#include <string>
#include <vector>

#include "sim/run.h"

namespace weir::sim {

struct Swarm {
  std::vector<std::string> failures;  // each ends with the one command that replays it
  std::string summary;
  std::uint64_t runs = 0;
};

// Every 50th seed and every failing one runs twice: equal traces, or that is a failure of its own.
Swarm run_swarm(std::uint64_t first, std::uint64_t last);

// For people: what was done to the fleet, what came of it, the violations.
std::string show(const Report& report);

}  // namespace weir::sim
