// Mutants of a promise that no schedule of the simulator can turn into a loss, because other rules
// hold the same thing there; each rule is searched here, by a directed test.
#include <gtest/gtest.h>

#include "base/mutant.h"
#include "base/probe.h"
#include "engine/fake/bench.h"
#include "failover/testing.h"
#include "sim/probes.h"
#include "sim/scenario.h"

namespace weir::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kDice = 60;  // a branch may be rare in its scenario, too

// Whether the server of a former leader runs after its promise: an agent that died had ordered it.
bool comes_up_after_its_promise() {
  engine::FakeBench bench;
  const Member& a = bench.member("a");
  const Deadline soon = bench.within(20s);
  EXPECT_TRUE(bench.engine("a").runs()->create(a, Incarnation("aaa"), bench.service(), soon));
  EXPECT_TRUE(bench.engine("a").runs()->start(a, Epoch{0, 1}, soon));
  bench.kill("a");
  bench.clock().sleep_for(2s);  // until its backends are gone, too
  ServerSpec spec;
  spec.name = "bench/a/orders-a";
  spec.argv = {"fake", bench.id("a")};
  bench.servers("a").order(spec);
  EXPECT_TRUE(bench.engine("a").leads()->promise(a, 2, bench.within(20s)));
  bench.servers("a").arrive(spec);
  bench.clock().sleep_for(2s);
  return bench.cluster.running(bench.id("a"));
}

// A start that comes up later is deposed before it does harm.
TEST(PromiseMutants, AStartInFlightIsFound) {
  mutants_on().clear();
  EXPECT_FALSE(comes_up_after_its_promise());
  mutants_on() = {"start-in-flight-at-a-promise"};
  EXPECT_TRUE(comes_up_after_its_promise());
  mutants_on().clear();
}

TEST(PromiseMutants, WhatOnlyAMutantReachesIsReached) {
  for (const RarestProbe& rarest : probes_of_scenarios()) {
    if (rarest.mutant == nullptr) continue;
    auto scenario = read_scenario(std::string(WEIR_SCENARIOS) + "/" + rarest.scenario + ".txt");
    ASSERT_TRUE(scenario.has_value()) << scenario.error().what;
    mutants_on() = {rarest.mutant};
    const auto reached = [&] { return probes_passed().contains(rarest.name); };
    for (int dice = 0; dice < kDice && !reached(); ++dice, ++scenario->plan.seed) run(*scenario);
    mutants_on().clear();
    EXPECT_TRUE(reached()) << rarest.name;
  }
}

// Whether the data that c has now, which the record does not know, helps to elect b.
bool elects_with_a_rebuilt_voter() {
  failover::View view = failover::testing::calm();
  failover::testing::promised(view);
  view.promises[1].voter.incarnation = Incarnation("rebuilt");
  return failover::decide(view).step.has_value();
}

// What is copied from a leader holds all that was acknowledged before; a copy from elsewhere, which
// only people make, does not.
TEST(PromiseMutants, ARebuiltVoterThatCountsIsFound) {
  mutants_on().clear();
  EXPECT_FALSE(elects_with_a_rebuilt_voter());
  mutants_on() = {"rebuilt-voter-counted"};
  EXPECT_TRUE(elects_with_a_rebuilt_voter());
  mutants_on().clear();
}

}  // namespace
}  // namespace weir::sim
