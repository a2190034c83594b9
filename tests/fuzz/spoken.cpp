// What a peer says is believed only as far as it was understood: any answer reads as something
// that can be said again.
#include "agent/board.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = weir::Json::parse({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const weir::Instant heard(std::chrono::seconds(1));
  const weir::agent::Spoken once = weir::agent::spoken_from(*json, heard);
  const weir::Json said = to_json(once);
  WEIR_ASSERT(to_json(weir::agent::spoken_from(said, heard)).dump() == said.dump());
  return 0;
}
