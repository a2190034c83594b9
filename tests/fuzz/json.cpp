// JSON comes from peers, the store and files: any text is refused or read, and what was read is
// written so that it reads the same.
#include "base/json.h"

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = weir::Json::parse(text);
  if (!read) return 0;
  const std::string written = read->dump();
  const auto again = weir::Json::parse(written);
  WEIR_ASSERT(again.has_value() && again->dump() == written);
  return 0;
}
