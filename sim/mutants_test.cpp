// Each rule of safety.md that can be switched off is found missing by the search: a mutant that
// lives would mean that the checker, or the schedule that it needs, is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "base/mutant.h"
#include "base/text.h"
#include "sim/scenario.h"
#include "sim/swarm.h"

namespace weir::sim {
namespace {

struct Mutant {
  const char* name;
  // Found by this scenario below tests/scenarios, or else among the seeds of drawn plans from
  // `first` on.
  const char* scenario;
  std::uint64_t first = 1;
  std::uint64_t seeds = 0;
  // Another rule that is off as well, where two rules hold the same thing; alone it is no fault.
  const char* beside = nullptr;
};

// How a failing test names its parameter.
void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }

class Mutants : public testing::TestWithParam<Mutant> {
 protected:
  void TearDown() override { mutants_on().clear(); }

  static Report play(std::uint64_t seed) {
    const Mutant& mutant = GetParam();
    if (mutant.scenario == nullptr) return run(drawn_plan(seed));
    const auto report = run_scenario(std::string(WEIR_SCENARIOS) + "/" + mutant.scenario + ".txt");
    EXPECT_TRUE(report.has_value()) << report.error().what;
    return report.value_or(Report{});
  }
};

// Once it is found, the same schedule holds with the rule on: it is the mutant that is found, not
// the schedule.
TEST_P(Mutants, IsFound) {
  const Mutant& mutant = GetParam();
  const std::uint64_t last = mutant.first + (mutant.scenario == nullptr ? mutant.seeds : 1);
  for (std::uint64_t seed = mutant.first; seed < last; ++seed) {
    mutants_on() = {mutant.name};
    if (mutant.beside != nullptr) mutants_on().insert(mutant.beside);
    const Report found = play(seed);
    if (found.violations.empty()) continue;
    RecordProperty("found", show(found));
    mutants_on().clear();
    if (mutant.beside != nullptr) mutants_on() = {mutant.beside};
    const Report sound = play(seed);
    EXPECT_TRUE(sound.violations.empty()) << join(sound.violations, "\n");
    return;
  }
  ADD_FAILURE() << mutant.name << " lives";
}

constexpr Mutant kMutants[] = {
    {"promise-too-few", nullptr, 1, 200},
    {"answer-after-the-reload", "failover/promise_with_replay_paused"},
    {"record-before-load", nullptr, 1, 200},
    {"rejoin-before-confirmation", nullptr, 1, 600},
    {"no-claim", nullptr, 1, 20},
    {"an-old-record-believed", "store/old_copy"},
    {"kill-the-group-only", "failover/async_sessions_outlive_their_server"},
    {"no-guard-check", "failover/async_guard_hangs_then_agent_killed"},
    {"dead-taken-for-fenced", "failover/async_sessions_outlive_their_server"},
};

INSTANTIATE_TEST_SUITE_P(All, Mutants, testing::ValuesIn(kMutants), [](const auto& mutant) {
  std::string name = mutant.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace weir::sim
