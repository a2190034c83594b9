// Each rule of safety.md that can be switched off is found missing by the search: a mutant that
// lives would mean that the checker, or the schedule that it needs, is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "base/mutant.h"
#include "base/text.h"
#include "sim/scenario.h"
#include "sim/swarm.h"

namespace weir::sim {
namespace {

struct Mutant {
  const char* name;
  std::uint64_t seeds;   // it is found among the first so many drawn plans; 0: by the scenario
  const char* scenario;  // below tests/scenarios
};

// How a failing test names its parameter.
void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }

class Mutants : public testing::TestWithParam<Mutant> {
 protected:
  void TearDown() override { mutants_on().clear(); }
};

std::string scenario_path(const Mutant& mutant) {
  return std::string(WEIR_SCENARIOS) + "/" + mutant.scenario + ".txt";
}

TEST_P(Mutants, IsFound) {
  const Mutant& mutant = GetParam();
  mutants_on() = {mutant.name};
  if (mutant.seeds == 0) {
    const auto report = run_scenario(scenario_path(mutant));
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_FALSE(report->violations.empty()) << mutant.name << " lives";
    return;
  }
  for (std::uint64_t seed = 1; seed <= mutant.seeds; ++seed) {
    const Report report = run(drawn_plan(seed));
    if (report.violations.empty()) continue;
    RecordProperty("found", show(report));
    return;
  }
  ADD_FAILURE() << mutant.name << " lives through " << mutant.seeds << " seeds";
}

// The same schedules hold once the rule is on: it is the mutant that is found, not the schedule.
TEST_P(Mutants, IsTheOnlyFault) {
  if (GetParam().seeds != 0) return;  // the swarm test runs those seeds
  const auto report = run_scenario(scenario_path(GetParam()));
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_TRUE(report->violations.empty()) << join(report->violations, "\n");
}

INSTANTIATE_TEST_SUITE_P(
    All, Mutants,
    testing::Values(Mutant{"promise-too-few", 200, ""},
                    Mutant{"answer-after-the-reload", 0, "failover/promise_with_replay_paused"},
                    Mutant{"record-before-load", 200, ""}, Mutant{"no-claim", 3, ""},
                    Mutant{"rejoin-before-confirmation", 600, ""}),
    [](const auto& mutant) {
      std::string name = mutant.param.name;
      std::ranges::replace(name, '-', '_');
      return name;
    });

}  // namespace
}  // namespace weir::sim
