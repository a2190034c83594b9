// Every scenario file holds, and the parser says where it does not understand.
#include "sim/scenario.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/text.h"

namespace weir::sim {
namespace {

std::vector<std::string> scenario_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(WEIR_SCENARIOS)) {
    if (entry.path().extension() == ".txt") out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Scenarios : public testing::TestWithParam<std::string> {};

TEST_P(Scenarios, Holds) {
  const auto report = run_scenario(GetParam());
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_TRUE(report->violations.empty())
      << join(report->violations, "\n") << "\n"
      << join(report->faults, "\n") << "\nreplay: ./dev sim --scenario " << GetParam();
  EXPECT_GT(report->acknowledged, 100u);
}

INSTANTIATE_TEST_SUITE_P(Files, Scenarios, testing::ValuesIn(scenario_files()),
                         [](const auto& file) {
                           return std::filesystem::path(file.param).stem().string();
                         });

TEST(Scenario, IsReadWhole) {
  const auto read = parse_scenario("x.txt",
                                   "# a comment\n"
                                   "service orders postgres members=4 sync=2 durability=required\n"
                                   "seed 7\n"
                                   "load 30 writes/s for 5s\n"
                                   "at 2s kill-host replica 2 for 3s\n"
                                   "at 1s kill-agent after write promise.json +2\n"
                                   "expect promoted within 3s, lost 0, promotions 1\n");
  ASSERT_TRUE(read.has_value()) << read.error().what;
  EXPECT_EQ(read->plan.members, 4);
  EXPECT_EQ(read->plan.sync, 2);
  EXPECT_EQ(read->plan.seed, 7u);
  EXPECT_EQ(read->plan.load_for, Duration(5s));
  ASSERT_EQ(read->plan.faults.size(), 2u);
  EXPECT_EQ(read->plan.faults[0].fault, Fault::kill_host);
  EXPECT_EQ(read->plan.faults[0].target.index, 1);
  EXPECT_EQ(read->plan.faults[0].lasts, Duration(3s));
  EXPECT_EQ(read->plan.faults[1].call, "write");
  EXPECT_EQ(read->plan.faults[1].crossings, 2);
  EXPECT_EQ(read->promoted_within, Duration(3s));
  EXPECT_EQ(read->promotions, 1);
}

TEST(Scenario, SaysWhereItDoesNotUnderstand) {
  for (const std::string bad :
       {"at 2s burn leader", "at 2s cut-link leader", "at 2s kill-server store",
        "at 2s kill-server nobody", "at 2s set-mode maybe", "at 2s kill-host a by 2s", "sirvice x",
        "load many writes/s", "expect fame 3", "at soon kill-host leader"}) {
    const auto read = parse_scenario("x.txt", "seed 1\n" + bad + "\n");
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().failure, Failure::bad_config);
    EXPECT_TRUE(read.error().what.starts_with("x.txt:2: ")) << read.error().what;
  }
}

TEST(Scenario, AnExpectationThatDoesNotComeTrueIsAViolation) {
  const auto read =
      parse_scenario("x.txt", "seed 3\nload 50 writes/s for 2s\nexpect promotions 1\n");
  ASSERT_TRUE(read.has_value());
  const Report report = run(*read);
  ASSERT_EQ(report.violations.size(), 1u) << join(report.violations, "\n");
  EXPECT_EQ(report.violations[0], "expected 1 promotions, saw 0");
}

TEST(Scenario, NamesEveryFaultAndWhomItHits) {
  const auto read = parse_scenario("x.txt",
                                   "load 100 writes/s by 20 for 5s\n"
                                   "at 1s freeze-host leader for 8s\n"
                                   "at 1s cut-link leader -> replica 2 for 3s\n"
                                   "at 1s slow-link everyone <-> store\n"
                                   "at 1s doubt-store for 4s\n"
                                   "at 1s lose-data leader after write rewinding +1\n"
                                   "at 1s set-sync 2\n"
                                   "at 1s step-clock a by -1500ms\n"
                                   "at 1s set-mode async\n"
                                   "at 1s stale-reads for 4s\n");
  ASSERT_TRUE(read.has_value()) << read.error().what;
  EXPECT_EQ(read->plan.writers, 20);
  const auto& faults = read->plan.faults;
  ASSERT_EQ(faults.size(), 9u);
  EXPECT_EQ(faults[0].fault, Fault::freeze_host);
  EXPECT_EQ(faults[0].lasts, Duration(8s));
  EXPECT_EQ(faults[1].to, (Target{Target::Who::replica, 1}));
  EXPECT_FALSE(faults[1].both_ways);
  EXPECT_EQ(faults[2].target.who, Target::Who::everyone);
  EXPECT_EQ(faults[2].to.who, Target::Who::store);
  EXPECT_TRUE(faults[2].both_ways);
  EXPECT_EQ(faults[3].lasts, Duration(4s));
  EXPECT_TRUE(faults[4].aimed);
  EXPECT_EQ(faults[4].call, "write");
  EXPECT_EQ(faults[4].crossings, 1);
  EXPECT_EQ(faults[5].target.index, 2);
  EXPECT_EQ(faults[6].lasts, Duration(-1500ms));
  EXPECT_EQ(faults[7].detail, "async");
  EXPECT_EQ(faults[8].lasts, Duration(4s));
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    EXPECT_EQ(fault_named(name_of(fault)), fault);
  }
}

}  // namespace
}  // namespace weir::sim
