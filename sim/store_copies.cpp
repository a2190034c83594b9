// Revisions of the new life begin at one: whoever waits for a higher one has to look again.
#include "sim/store_copies.h"

#include <algorithm>

#include "base/check.h"
#include "store/memory/memory.h"

namespace weir::sim {
namespace {

constexpr Duration kLimit = 1s;

}  // namespace

CopiedStore::CopiedStore(SimHost& host) : host_(host) { lose(); }

void CopiedStore::copy() {
  auto entries = lives_.back()->list("", host_.clock.within(kLimit));
  WEIR_ASSERT(entries.has_value());
  copied_ = std::move(*entries);
  std::ranges::stable_sort(copied_, {}, &store::Entry::revision);
}

void CopiedStore::lose() { lives_.push_back(store::make_memory(host_.clock, host_.workers)); }

void CopiedStore::go_back() {
  lose();
  for (const store::Entry& entry : copied_) {
    const auto written =
        lives_.back()->commit({{entry.key, 0, entry.value, 0}}, host_.clock.within(kLimit));
    WEIR_ASSERT(written.has_value());
  }
}

}  // namespace weir::sim
