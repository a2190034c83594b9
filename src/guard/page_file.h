// A guard's page as seen from outside the guard.
#pragma once

#include <string>

#include "base/result.h"
#include "guard/page.h"
#include "world/world.h"

namespace weir::guard {

// A copy of the page as it is now. not_found: there is none, or it is of another boot;
// bad_data: the file is not a page that this version knows.
Result<weir_guard_page> read_page(const std::string& path);

// Puts a fresh page in the place of the old one, which the old guard keeps to itself. Its guard
// holds `deadline` from its first moment on.
Result<> put_fresh_page(const std::string& path, const std::string& folder, Instant deadline,
                        const ServerSpec& spec);

}  // namespace weir::guard
