// Every step of every capability, cut off at every port call: before its intent, after it, at each
// call of its effect in turn, and before its outcome is written; once the agent dies there, once
// its whole host. Whatever is left half-done, the next life finds its way from it: the service is
// as its file says with all members in it, no step is half-done, nothing acknowledged is lost.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <tuple>
#include <variant>

#include "base/text.h"
#include "failover/failover.h"
#include "provision/provision.h"
#include "sim/shrink.h"
#include "sim/swarm.h"

namespace weir::sim {
namespace {

constexpr int kPointsMax = 120;

FaultPlan at(Duration when, Fault fault, Target::Who who, Duration lasts) {
  FaultPlan out;
  out.at = when;
  out.fault = fault;
  out.target.who = who;
  out.lasts = lasts;
  return out;
}

// The courses of events in which the steps come up.
std::vector<FaultPlan> nothing() { return {}; }
std::vector<FaultPlan> leader_host_dies() {
  return {at(1s, Fault::kill_host, Target::Who::leader, 5s)};
}
std::vector<FaultPlan> leader_server_dies() {
  return {at(1s, Fault::kill_server, Target::Who::leader, 10ms)};
}
std::vector<FaultPlan> leader_agent_dies() {
  return {at(1s, Fault::kill_agent, Target::Who::leader, {})};
}
std::vector<FaultPlan> replica_dies() {
  return {at(1s, Fault::kill_host, Target::Who::replica, 5s)};
}
// Nobody can confirm what it writes, and nobody is promoted; then the store is back.
std::vector<FaultPlan> leader_is_alone() {
  std::vector<FaultPlan> out{at(500ms, Fault::kill_store, Target::Who::leader, 8s)};
  for (const int replica : {0, 1}) {
    FaultPlan cut = at(500ms, Fault::cut_link, Target::Who::replica, 8s);
    cut.target.index = replica;
    cut.to.who = Target::Who::leader;
    cut.both_ways = true;
    out.push_back(cut);
  }
  return out;
}
// A value that no running server takes: each stops for it in its turn, replicas first.
std::vector<FaultPlan> settings_change() {
  FaultPlan out = at(1s, Fault::apply, Target::Who::leader, {});
  out.detail = "max_connections=200";
  return {out};
}
std::vector<FaultPlan> member_leaves() { return {at(1s, Fault::leave, Target::Who::replica, {})}; }
// The first who is about to promise loses its power: the round cannot end well.
std::vector<FaultPlan> round_fails() {
  FaultPlan second;
  second.fault = Fault::kill_host;
  second.call = "append";
  second.detail = "\"kind\":\"GivePromise\"";
  second.lasts = 6s;
  return {at(1s, Fault::kill_host, Target::Who::leader, 9s), second};
}

struct Row {
  const char* kind;
  std::vector<FaultPlan> (*course)();
  bool from_start = false;  // the step comes up before the load begins
  const char* call = "append";
  const char* detail = nullptr;  // else the intent of that kind
};

// How a failing test names its parameter.
void PrintTo(const Row& row, std::ostream* out) { *out << row.kind; }

// One row for each alternative. Asking writes nothing and has no intent; neither has a fence, whose
// effect is here seen in front of a restart.
const Row kFailover[] = {
    {"AskOthers", leader_host_dies, false, "call", "/suspicion"},
    {"OpenRound", leader_host_dies},
    {"CloseRound", round_fails},
    {"GivePromise", leader_host_dies},
    {"Take", leader_host_dies},
    {"Promote", leader_host_dies},
    {"Confirm", leader_host_dies},
    {"Release", round_fails},
    {"Follow", leader_host_dies},
    {"Fence", leader_server_dies, false, "server.kill_all", ""},
    {"LoadSet", replica_dies},
    {"RecordSet", replica_dies},
    {"Reclaim", leader_agent_dies},
    {"Restart", leader_server_dies},
    {"Rejoin", leader_host_dies},
    {"Isolate", leader_is_alone},
};
static_assert(std::size(kFailover) == std::variant_size_v<failover::Step>);

const Row kProvision[] = {
    {"Create", nothing, true}, {"RecordBirth", nothing, true},
    {"Settle", nothing, true}, {"StopForSettings", settings_change},
    {"Shape", nothing, true},  {"StopToLeave", member_leaves},
    {"Leave", member_leaves},
};
static_assert(std::size(kProvision) == std::variant_size_v<provision::Step>);

class KillPoints : public testing::TestWithParam<std::tuple<Row, Fault>> {};

TEST_P(KillPoints, AreSurvived) {
  const auto& [row, fault] = GetParam();
  int points = 0;
  for (int crossings = 0; crossings < kPointsMax; ++crossings) {
    FaultPlan kill;
    kill.fault = fault;
    kill.lasts = 3s;
    kill.at = Duration{};
    kill.call = row.call;
    kill.detail = row.detail != nullptr ? row.detail : fmt::format("\"kind\":\"{}\"", row.kind);
    kill.crossings = crossings;
    kill.same_fiber = row.detail == nullptr;
    kill.from_start = row.from_start;
    Plan plan;
    plan.seed = 1000 + static_cast<std::uint64_t>(crossings);
    plan.rate = 20;
    plan.shaped = true;
    plan.load_for = 12s;
    plan.faults = row.course();
    plan.faults.push_back(kill);
    const Report report = run(plan);
    ASSERT_TRUE(report.violations.empty()) << show(report) << scenario_of(plan, plan.seed, "");
    ASSERT_GT(report.acknowledged, 20u) << show(report);
    const auto in_code = std::ranges::count_if(
        plan.faults, [](const FaultPlan& planned) { return !planned.call.empty(); });
    ASSERT_EQ(std::ssize(report.killed_at), in_code) << row.kind << " did not come up";
    ++points;
    if (report.outcomes_passed > 0 || (row.detail != nullptr && crossings >= 3)) break;
  }
  EXPECT_GE(points, 2);
  EXPECT_LT(points, kPointsMax) << "the outcome was never reached";
}

const auto kName = [](const auto& row) {
  const bool host = std::get<Fault>(row.param) == Fault::kill_host;
  return std::get<Row>(row.param).kind + std::string(host ? "Host" : "Agent");
};
const auto kVictims = testing::Values(Fault::kill_agent, Fault::kill_host);
INSTANTIATE_TEST_SUITE_P(Failover, KillPoints,
                         testing::Combine(testing::ValuesIn(kFailover), kVictims), kName);
INSTANTIATE_TEST_SUITE_P(Provision, KillPoints,
                         testing::Combine(testing::ValuesIn(kProvision), kVictims), kName);

}  // namespace
}  // namespace weir::sim
