// A journal may have been cut off anywhere and damaged anyhow: it is refused, or read into entries
// in their order.
#include "base/check.h"
#include "journal/lines.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = weir::journal::read_lines({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  std::int64_t before = 0;
  for (const weir::journal::Entry& entry : read->entries) {
    WEIR_ASSERT(entry.number > before);
    before = entry.number;
  }
  return 0;
}
