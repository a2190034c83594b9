// The store in memory: for the simulator and for tests. It forgets everything when it ends.
#pragma once

#include <memory>

#include "store/store.h"
#include "world/world.h"

namespace weir::store {

// Borrows both ports for its life. Waits only by Workers' alarms, so that the simulator's fibers
// may wait in it.
std::unique_ptr<Store> make_memory(Clock& clock, Workers& workers);

}  // namespace weir::store
