// How long a drill waits for what. Part of every View, so that decide needs no clock of its own.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace weir::drill {

struct Limits {
  Duration green_for = 2s;                // the probe must be green so long before the fault
  Duration green_within = 30s;            // else nothing is broken and the drill is void
  Duration writes_within = 60s;           // from the fault; then it is reverted with no write seen
  Duration served_for = 5s;               // from the first write read back to the revert
  Duration follows_within = 120s;         // from the revert
  std::uint64_t acknowledged_min = 1000;  // fewer prove nothing (safety.md S14)
  Duration step = 10s;  // deadline of one effect: a statement, an order, an audit's read
};

}  // namespace weir::drill
