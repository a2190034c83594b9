// The record of a service decides who leads: one that is read is whole, and survives being written.
#include "model/record.h"

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = weir::Json::parse({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const auto record = weir::record_from(*json);
  if (!record) return 0;
  const auto again = weir::record_from(to_json(*record));
  WEIR_ASSERT(again.has_value() && *again == *record);
  return 0;
}
