// The seeds of CI, and that one seed is one run.
#include "sim/swarm.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace weir::sim {
namespace {

TEST(Swarm, TwoHundredSeedsHold) {
  const Swarm swarm = run_swarm(1, 200);
  EXPECT_TRUE(swarm.failures.empty()) << join(swarm.failures, "\n");
  EXPECT_EQ(swarm.runs, 200u);
}

TEST(Swarm, OneSeedIsOneRun) {
  const Report once = run(drawn_plan(7));
  const Report again = run(drawn_plan(7));
  const Report other = run(drawn_plan(8));
  EXPECT_EQ(once.trace_hash, again.trace_hash);
  EXPECT_EQ(once.faults, again.faults);
  EXPECT_NE(once.trace_hash, other.trace_hash);
}

}  // namespace
}  // namespace weir::sim
