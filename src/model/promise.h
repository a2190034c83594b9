// A member's durable word to acknowledge nothing of an older epoch (safety.md S6).
#pragma once

#include <cstdint>

#include "base/json.h"
#include "model/epoch.h"
#include "model/lineage.h"
#include "model/names.h"

namespace weir {

struct Promise {
  Voter voter;
  std::int64_t round = 0;
  // The epoch of the log's last record: of the leader that wrote it. Compared before the standing.
  // Not the epoch of the leader that the member follows: one that follows and has received nothing
  // yet may hold less than another of an older epoch.
  Epoch of;
  Standing standing;  // the end of the valid log on its own disk
  bool operator==(const Promise&) const = default;
};

Json to_json(const Promise& promise);
Promise promise_from(const Json& json);

}  // namespace weir
