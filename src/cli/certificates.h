// What the agents have told of their certificates: when they end, and what is wrong with one.
#pragma once

#include "cli/session.h"

namespace weir::cli {

// One object a host: host, until (seconds since 1970), left_s, trouble. A host that has told
// nothing yet is not among them.
Result<Json> certificates(Session& session);
// For a person: when the first of them ends, and a line for each trouble.
std::string certificates_text(const Json& certificates);

}  // namespace weir::cli
