// A mutant's seed shrinks to fewer faults, and the small plan fails still: as text, too.
#include <gtest/gtest.h>

#include "base/mutant.h"
#include "base/text.h"
#include "sim/scenario.h"
#include "sim/shrink.h"
#include "sim/swarm.h"

namespace weir::sim {
namespace {

class ShrinkMutants : public testing::Test {
 protected:
  ~ShrinkMutants() override { mutants_on().clear(); }
};

TEST_F(ShrinkMutants, TheSeedOfAMutantLosesFaultsAndStillFails) {
  mutants_on() = {"promise-too-few"};
  Plan failing;
  Report found;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    failing = drawn_plan(seed);
    if (failing.faults.size() < 5) continue;  // not all of so many are needed
    found = run(failing);
    if (!found.violations.empty()) break;
  }
  ASSERT_FALSE(found.violations.empty()) << "the mutant lives";
  const auto small = shrink_run(failing);
  ASSERT_TRUE(small.has_value());
  EXPECT_LT(small->plan.faults.size(), failing.faults.size()) << to_text(small->plan);

  const std::string text = scenario_of(small->plan, failing.seed, found.violations.front());
  const auto read = parse_scenario("shrunk.txt", text);
  ASSERT_TRUE(read.has_value()) << read.error().what;
  const Report again = run(*read);
  ASSERT_FALSE(again.violations.empty()) << text;
  EXPECT_EQ(kind_of(again.violations.front()), kind_of(found.violations.front())) << text;

  // The rule that is off is what fails in it.
  mutants_on().clear();
  EXPECT_TRUE(run(*read).violations.empty()) << text;
}

}  // namespace
}  // namespace weir::sim
