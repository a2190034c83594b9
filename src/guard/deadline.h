// The deadline of a guard as seen from outside: given, and answered for (safety.md S8).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "guard/page.h"

namespace weir::guard {

// The number of the asking, which the guard answers once it holds the deadline. unsupported: the
// page is of an older guard, which knows of no deadlines and has to be replaced.
Result<std::uint64_t> give_deadline(const std::string& path, Instant deadline);

// Zero: it holds none, or it has not answered for it.
Instant deadline_held(const weir_guard_page& page);

}  // namespace weir::guard
