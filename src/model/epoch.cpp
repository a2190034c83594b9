// How an epoch is shown and written.
#include "model/epoch.h"

#include <fmt/format.h>

namespace weir {

std::string show(const Epoch& epoch) {
  if (epoch.reign == 0) return fmt::format("{}", epoch.number);
  return fmt::format("{}.{}", epoch.reign, epoch.number);
}

Json to_json(const Epoch& epoch) { return Json::array().add(epoch.reign).add(epoch.number); }

Epoch epoch_from(const Json& json) {
  if (json.items().size() != 2) return {};
  return {json.items()[0].integer(), json.items()[1].integer()};
}

}  // namespace weir
