// Every step of every capability, cut off at every port call: before its intent, after it, at each
// call of its effect in turn, and before its outcome is written. Whatever is left half done, the
// next life of the agent finds its way from it and nothing acknowledged is lost.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <variant>

#include "base/text.h"
#include "failover/failover.h"
#include "provision/provision.h"
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
};
static_assert(std::size(kFailover) == std::variant_size_v<failover::Step>);

// StopForSettings and Shape need parameters and databases that the fake service does not declare.
const Row kProvision[] = {
    {"Create", nothing, true},
    {"RecordBirth", nothing, true},
    {"Settle", nothing, true},
};

class KillPoints : public testing::TestWithParam<Row> {};

TEST_P(KillPoints, AreSurvived) {
  const Row& row = GetParam();
  int points = 0;
  for (int crossings = 0; crossings < kPointsMax; ++crossings) {
    FaultPlan kill;
    kill.fault = Fault::kill_agent;
    kill.at = Duration{};
    kill.call = row.call;
    kill.detail = row.detail != nullptr ? row.detail : fmt::format("\"kind\":\"{}\"", row.kind);
    kill.crossings = crossings;
    kill.same_fiber = row.detail == nullptr;
    kill.from_start = row.from_start;
    Plan plan;
    plan.seed = 1000 + static_cast<std::uint64_t>(crossings);
    plan.rate = 20;
    plan.load_for = 12s;
    plan.faults = row.course();
    plan.faults.push_back(kill);
    const Report report = run(plan);
    ASSERT_TRUE(report.violations.empty()) << row.kind << " + " << crossings << "\n"
                                           << show(report);
    const auto killed = std::ranges::find_if(report.killed_at, [&](const std::string& where) {
      return crossings > 0 || where.find(kill.detail) != std::string::npos;
    });
    ASSERT_NE(killed, report.killed_at.end()) << row.kind << " did not come up";
    ++points;
    const bool over = std::ranges::any_of(report.killed_at, [](const std::string& where) {
      return where.starts_with("append ") && where.find("\"of\":") != std::string::npos;
    });
    if (over || (row.detail != nullptr && crossings >= 3)) break;
  }
  EXPECT_GE(points, 3);
  EXPECT_LT(points, kPointsMax) << "the outcome was never reached";
}

const auto kName = [](const auto& row) { return std::string(row.param.kind); };
INSTANTIATE_TEST_SUITE_P(Failover, KillPoints, testing::ValuesIn(kFailover), kName);
INSTANTIATE_TEST_SUITE_P(Provision, KillPoints, testing::ValuesIn(kProvision), kName);

}  // namespace
}  // namespace weir::sim
