// Marks of rare branches. A search that never came by one has not searched it: the simulator lists
// those (sim/probes.h), and `./dev night` fails for them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace weir {

// Counts one passage under a name such as "failover.lost_the_race". For branches that are rare:
// it takes a lock. From any thread; changes nothing that a decision could see.
void probe(std::string_view name);

// Every name that was passed in this process so far, and how often.
std::map<std::string, std::uint64_t, std::less<>> probes_passed();

}  // namespace weir
