// What is not needed for a failure goes, what is needed stays, and the rest is a scenario.
#include "sim/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/scenario.h"

namespace weir::sim {
namespace {

bool has(const Plan& plan, Fault fault) {
  return std::ranges::any_of(plan.faults, [&](const FaultPlan& f) { return f.fault == fault; });
}

FaultPlan fault_of(Fault fault, Duration at, Duration lasts) {
  FaultPlan out;
  out.fault = fault;
  out.at = at;
  out.lasts = lasts;
  return out;
}

TEST(Shrink, KeepsOnlyWhatTheFailureNeeds) {
  Plan plan;
  plan.seed = 9;
  plan.faults = {fault_of(Fault::kill_agent, 1234567ns, 1s),
                 fault_of(Fault::kill_host, 2345678901ns, 7654321ns),
                 fault_of(Fault::pause_replay, 3s, 5s), fault_of(Fault::lose_data, 4s, 1s)};
  const auto needs = [](const Plan& p) {
    return has(p, Fault::kill_host) && has(p, Fault::lose_data);
  };
  const Shrunk small = shrink(plan, needs);
  ASSERT_EQ(small.plan.faults.size(), 2u);
  EXPECT_TRUE(needs(small.plan));
  EXPECT_EQ(small.plan.faults[0].at, Duration(2s));
  EXPECT_EQ(small.plan.faults[0].lasts, Duration(7ms));
  EXPECT_LT(small.plan.load_for, plan.load_for);
  EXPECT_EQ(small.plan.writers, 1);
}

TEST(Shrink, StopsAtItsBudget) {
  Plan plan = drawn_plan(3);
  const Shrunk small = shrink(
      plan, [](const Plan&) { return false; }, 5);
  EXPECT_EQ(small.tried, 5);
  EXPECT_EQ(small.plan, plan);
}

TEST(Shrink, ARunThatHoldsHasNothingToShrink) {
  Plan plan;
  plan.seed = 3;
  plan.load_for = 1s;
  EXPECT_FALSE(shrink_run(plan).has_value());
}

// Else a failing seed could not become a scenario.
TEST(Shrink, EveryDrawnPlanIsReadBackFromItsText) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Plan plan = drawn_plan(seed);
    const auto read = parse_scenario("x.txt", scenario_of(plan, seed, "acknowledged at 3 s: x"));
    ASSERT_TRUE(read.has_value()) << read.error().what << "\n" << to_text(plan);
    ASSERT_EQ(to_text(read->plan), to_text(plan));
  }
}

TEST(Shrink, WhatIsNeverDrawnIsReadBackToo) {
  Plan plan;
  plan.seed = 4;
  plan.members = 4;
  plan.sync = 2;
  plan.writers = 5;
  plan.load_for = 3500ms;
  plan.back_within = 90s;
  FaultPlan kill = fault_of(Fault::kill_host, {}, 3s);
  kill.from_start = true;
  kill.call = "append";
  kill.detail = "\"kind\":\"Create\"";
  kill.crossings = 3;
  kill.same_fiber = true;
  FaultPlan member = fault_of(Fault::kill_server, 1500us, {});
  member.target.index = 2;
  FaultPlan apply = fault_of(Fault::apply, 2s, 5s);
  apply.detail = "max_connections=200";
  plan.faults = {kill, member, apply};
  const auto read = parse_scenario("x.txt", to_text(plan));
  ASSERT_TRUE(read.has_value()) << read.error().what;
  EXPECT_EQ(read->plan, plan) << to_text(plan);
}

TEST(Shrink, TheKindOfAViolationIsItsChecker) {
  EXPECT_EQ(kind_of("acknowledged at 3.002 s: row 7 is lost"), "acknowledged");
  EXPECT_EQ(kind_of("progress: not whole again: at last"), "progress");
}

}  // namespace
}  // namespace weir::sim
