// The log of a server that died: whatever lies in its segments, the walk ends within them.
#include "base/check.h"
#include "engine/postgres/wal_end.h"

using namespace weir;
using namespace weir::engine::postgres;

namespace {

constexpr std::uint64_t kSegmentBytes = 1u << 16;

// The input is two segments, filled up with zeros as a server fills its own.
std::string segment(std::string_view text, std::uint64_t index) {
  const std::size_t from = std::min<std::size_t>(text.size(), index * kSegmentBytes);
  std::string out(text.substr(from, kSegmentBytes));
  out.resize(kSegmentBytes);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Lineage lineage;
  lineage.system = "7000000000000000001";
  lineage.timeline = 1;
  const SegmentSource source = [&](std::int64_t,
                                   std::uint64_t index) -> std::optional<std::string> {
    if (index < 1 || index > 2) return std::nullopt;
    return segment(text, index - 1);
  };
  const WalkStart start{Position{kSegmentBytes + 40}, kSegmentBytes, false};
  const auto end = walk_wal(lineage, start, source);
  // Where the page of the start cannot be read there is no end to tell.
  WEIR_ASSERT(end || end.error().failure == Failure::bad_data);
  WEIR_ASSERT(!end || (end->end >= start.at && end->end.at <= 3 * kSegmentBytes));
  (void)count_commits(lineage, start, source);
  (void)parse_history(std::string(text));
  (void)parse_control(std::string(text));
  return 0;
}
