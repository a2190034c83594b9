// The log of a server that died: whatever lies in its segments, the walk ends within them.
#include <array>
#include <cstring>

#include "base/check.h"
#include "engine/postgres/wal_end.h"

using namespace weir;
using namespace weir::engine::postgres;

namespace {

constexpr std::uint32_t kSegmentBytes = 1u << 20;  // the least that a server can have
constexpr std::uint64_t kSystem = 7000000000000000001;

template <class T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// The input is what two segments begin with, half of it each, zeros behind it as a server fills its
// own. Their first headers are made valid, or hardly any input would get past them.
std::string beginning_of(std::string_view text, std::uint64_t index) {
  const std::size_t half = text.size() / 2;
  std::string out(index == 1 ? text.substr(0, half) : text.substr(half));
  out.resize(std::max<std::size_t>(out.size(), 40));
  put<std::uint16_t>(out, 0, 0xd110);
  put<std::uint16_t>(out, 2, 2);
  put<std::uint32_t>(out, 4, 1);
  put<std::uint64_t>(out, 8, index * kSegmentBytes);
  put<std::uint64_t>(out, 24, kSystem);
  put<std::uint32_t>(out, 32, kSegmentBytes);
  put<std::uint32_t>(out, 36, 8192);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::array<std::string, 2> segments{beginning_of(text, 1), beginning_of(text, 2)};
  const Lineage lineage{std::to_string(kSystem), {}, 1};
  const SegmentSource source = [&](std::int64_t, std::uint64_t segment, std::uint64_t from,
                                   std::size_t most) -> std::optional<SegmentPart> {
    if (segment < 1 || segment > segments.size()) return std::nullopt;
    const std::string& all = segments[segment - 1];
    std::string bytes = all.substr(std::min<std::size_t>(from, all.size()), most);
    bytes.resize(std::min<std::uint64_t>(most, kSegmentBytes - from));
    return SegmentPart{std::move(bytes), kSegmentBytes};
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
