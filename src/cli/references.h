// References of a fleet file (`env:`, `file:`) are resolved on the hosts that use them.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace weir::cli {

// One sentence for each host of a member and each reference that it lacks, or that it cannot be
// asked about; empty: none is missing. Values stay where they are.
std::vector<std::string> lacking(Session& session, const Fleet& fleet);

}  // namespace weir::cli
