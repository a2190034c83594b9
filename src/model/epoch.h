// The number of a service's leadership; compared before anything else.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/json.h"

namespace weir {

// `number` grows at every promotion, `reign` when the leading region changes.
struct Epoch {
  std::int64_t reign = 0;
  std::int64_t number = 0;

  auto operator<=>(const Epoch&) const = default;
  bool none() const { return number == 0 && reign == 0; }
  Epoch next() const { return {reign, number + 1}; }
};

std::string show(const Epoch& epoch);  // "7", or "2.7" once reign is not 0
Json to_json(const Epoch& epoch);      // [reign, number]
Epoch epoch_from(const Json& json);

}  // namespace weir
