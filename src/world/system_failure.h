// What the operating system refused, as an Error: one mapping for every adapter that calls it.
#pragma once

#include <string>

#include "base/result.h"

namespace weir {

// `what` names the action and its object, e.g. "cannot write /x"; the reason is appended.
// ENOENT is not_found, EACCES, EPERM and EROFS denied, ECONNREFUSED unreachable, all others io.
tl::unexpected<Error> system_failure(int error_number, const std::string& what,
                                     Here where = Here::now());

}  // namespace weir
