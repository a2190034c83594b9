// The store in memory passes the suite of all stores.
#include "store/memory/memory.h"

#include "store/conformance.h"

namespace weir::store {
namespace {

Clock& clock() {
  static const auto clock = make_real_clock();
  return *clock;
}
Workers& workers() {
  static const auto workers = make_real_workers();
  return *workers;
}

const bool kRegistered =
    register_conformance("memory", [] { return make_memory(clock(), workers()); });

TEST(Memory, TheSuiteIsRegistered) { EXPECT_TRUE(kRegistered); }

}  // namespace
}  // namespace weir::store
