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
  // The epoch whose log this is: that of the last leader from whose history the log was seen to
  // descend when it began to follow, or that it led itself. Compared before the standing.
  Epoch of;
  Standing standing;  // the end of the valid log on its own disk
  bool operator==(const Promise&) const = default;
};

Json to_json(const Promise& promise);
Promise promise_from(const Json& json);

}  // namespace weir
