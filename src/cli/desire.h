// Writing what is desired, compare-and-set, one state after the other until it is as wanted.
#pragma once

#include <functional>

#include "cli/planning.h"

namespace weir::cli {

// Refuses what cannot be reached whatever happens, e.g. a member moved that commits wait for.
Result<> check_possible(const Planned& planned);

// Writes and waits until the fleet is as planned. The first write of each service is refused if it
// has moved since it was planned. Cut off at any point, a new plan goes on from there.
// `keep` is called again and again while it waits; its failure ends the wait. `limit` holds where
// no
// --timeout was given.
Result<> reach_desired(Session& session, const Planned& planned, Duration limit,
                       const std::function<Result<>()>& keep);

}  // namespace weir::cli
