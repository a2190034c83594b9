// The acknowledgement log: what the outside client was told, kept outside of the database.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "world/world.h"

namespace weir::ledger {

constexpr int kLogFormat = 1;

// The first line: which drill this is, and how its instants relate to wall time.
std::string log_head(const std::string& drill, Instant now, WallTime wall);
// One line per attempt, with its end of line.
std::string log_line(const Attempt& attempt);
// All attempts. A torn last line (its writer was killed) is dropped; damage elsewhere, another
// format or another drill is bad_data.
Result<std::vector<Attempt>> parse_log(const std::string& text, const std::string& drill);

}  // namespace weir::ledger
