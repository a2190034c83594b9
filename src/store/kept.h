// A Store over the Machine whose every change is kept (on disk, or nowhere) before it is seen.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/machine.h"
#include "store/store.h"
#include "world/world.h"

namespace weir::store {

// Where deltas go before they are acknowledged. Called by one thread at a time.
class Keeper {
 public:
  virtual ~Keeper() = default;
  // Success: durable. outcome_unknown: nobody can say; the store then answers nothing any more
  // until it is opened again. Any other failure: certainly not kept.
  virtual Result<> keep(const Delta& delta) = 0;
};

// Thread-safe; waits only by alarms. Ended leases are removed by whichever call comes next, and by
// waiting watchers, so it needs no thread of its own. While an ended lease cannot be removed
// because the keeper fails, its keys stay and reads go on.
std::unique_ptr<Store> make_kept(Clock& clock, Workers& workers, Machine machine,
                                 std::unique_ptr<Keeper> keeper);

}  // namespace weir::store
