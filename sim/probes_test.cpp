// Every mark is listed and every listed one is marked; and a run that is too small is told so.
#include "sim/probes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/probe.h"
#include "base/text.h"
#include "sim/scenario.h"

namespace weir::sim {
namespace {

constexpr int kDice = 20;  // a branch may be rare in its scenario, too

std::vector<std::string> marked() {
  std::set<std::string> out;
  const std::regex mark("\\bprobe\\(\"([^\"]+)\"\\)");
  const std::string sources = std::string(WEIR_SOURCE_DIR) + "/src";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(sources)) {
    if (entry.path().extension() != ".cpp" || entry.path().stem().string().ends_with("_test")) {
      continue;
    }
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string whole = text.str();
    for (std::sregex_iterator at(whole.begin(), whole.end(), mark), end; at != end; ++at) {
      out.insert((*at)[1].str());
    }
  }
  return {out.begin(), out.end()};
}

TEST(Probes, EveryMarkIsListedAndEveryListedOneIsMarked) {
  ASSERT_GT(marked().size(), 20u);
  EXPECT_EQ(join(all_probes(), "\n"), join(marked(), "\n"));
}

// The branch is reached by the seed that this test runs, and by nothing when nothing runs.
TEST(Probes, ABranchThatNothingReachedIsNamed) {
  EXPECT_EQ(never_reached(all_probes(), {}), all_probes());
  Plan plan;
  plan.seed = 5;
  plan.load_for = 6s;
  FaultPlan kill;
  kill.at = 1s;
  kill.fault = Fault::kill_host;
  kill.target.who = Target::Who::leader;
  kill.lasts = 3s;
  plan.faults = {kill};
  ASSERT_TRUE(run(plan).violations.empty());
  std::vector<std::string> wanted = all_probes();
  wanted.push_back("sim.nobody_comes_here");
  const auto missing = never_reached(wanted, probes_passed());
  EXPECT_LT(missing.size(), wanted.size());
  ASSERT_FALSE(missing.empty());
  EXPECT_EQ(missing.back(), "sim.nobody_comes_here");
}

// The seeds are excused from them, so the scenarios are held to them; those that need a rule to be
// off by a test of the mutants.
TEST(Probes, WhatNoSeedReachesAScenarioDoes) {
  for (const RarestProbe& rarest : probes_of_scenarios()) {
    EXPECT_TRUE(std::ranges::find(all_probes(), rarest.name) != all_probes().end()) << rarest.name;
    if (rarest.mutant != nullptr) continue;
    const auto passed = [&] {
      const auto all = probes_passed();
      const auto found = all.find(rarest.name);
      return found == all.end() ? 0 : found->second;
    };
    const auto before = passed();
    auto scenario = read_scenario(std::string(WEIR_SCENARIOS) + "/" + rarest.scenario + ".txt");
    ASSERT_TRUE(scenario.has_value()) << scenario.error().what;
    for (int dice = 0; dice < kDice && passed() == before; ++dice, ++scenario->plan.seed) {
      const Report report = run(*scenario);
      EXPECT_TRUE(report.violations.empty()) << join(report.violations, "\n");
    }
    EXPECT_GT(passed(), before) << rarest.name;
  }
  EXPECT_EQ(probes_of_seeds().size() + probes_of_scenarios().size(), all_probes().size());
}

}  // namespace
}  // namespace weir::sim
