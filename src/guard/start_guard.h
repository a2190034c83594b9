// Starting a guard out of our own memory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "world/descriptor.h"
#include "world/world.h"

namespace weir::guard {

// Starts a guard over the page at `page`, which takes over `lock` and lets go of it when the page
// tells the outcome. `arguments` are those of guard.c after LOCK; `env` becomes the server's
// environment. Success: the guard runs detached from us.
Result<> start_guard(const std::string& page, const Descriptor& lock,
                     const std::vector<std::string>& arguments,
                     const std::vector<std::string>& env);

}  // namespace weir::guard
