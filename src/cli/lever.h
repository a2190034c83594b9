// The safety lever (safety.md S14): one key of the store. While it stands, no drill begins, and
// those that run revert and clean up.
#pragma once

#include <string>

#include "cli/session.h"

namespace weir::cli {

// Who pulled it, when, and why, as a sentence; empty: nobody has.
Result<std::string> read_lever(Session& session, Deadline deadline);
// Success also where it was pulled already, and what was said then stays.
Result<> pull_lever(Session& session, const std::string& reason);
// Success also where it was not pulled.
Result<> release_lever(Session& session);

}  // namespace weir::cli
