// Reports stay as their golden files have them: people read one form, programs the other.
#include "model/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/golden/golden.h"

namespace weir {
namespace {

DrillReport drill() {
  DrillReport report;
  report.id = "d4k2m9x7q1ab";
  report.fleet = FleetName{"quickstart"};
  report.service = ServiceName{"orders"};
  report.fault = "kill-host";
  report.host = HostName{"a"};
  report.started = WallTime{1'700'000'000s};
  report.verdict = Verdict::met;
  report.because = "writes came back within the objective, and nothing acknowledged was lost";
  report.rto = 1'234'567us;
  report.outage = 1'301ms;
  report.phases = {{"detect", 612'345us},    {"round", 40'499us},    {"promise", 180'499us},
                   {"take", 12'300us},       {"promote", 301'499us}, {"first write", 80'500us},
                   {"unattributed", 6'925us}};
  report.loss = {4812, 0, 0, 0s, 3, 2, 0};
  report.epoch_before = 1;
  report.epoch_after = 2;
  report.leader_before = MemberName{"a"};
  report.leader_after = MemberName{"b"};
  report.fault_gone = true;
  report.old_leader_follows = true;
  report.old_leader_back = 8'210ms;
  report.objective = {0.9995, 0s, 5s};
  report.writers = 4;
  return report;
}

DrillReport failed_drill() {
  DrillReport report = drill();
  report.verdict = Verdict::breached;
  report.because = "2 acknowledged commits were lost";
  report.rto.reset();
  report.outage.reset();
  report.phases.clear();
  report.loss = {4812, 2, 4096, 1500ms, 1, 0, 1};
  report.leader_after = MemberName{};
  report.fault_gone = false;
  report.old_leader_follows = false;
  report.old_leader_back.reset();
  report.objective = {};
  report.evidence = Evidence::measured_emulated;
  return report;
}

PlanReport plan() {
  PlanReport report;
  report.fleet = FleetName{"quickstart"};
  report.changes = {
      {"orders/member/a", "create", "", "it is declared, but not there", {{"host", {"", "a"}}}},
      {"orders/member/b", "adopt", "", "its data is ours, but not in the store", {}},
      {"orders/member/c", "unknown", "", "its host did not answer", {}},
      {"orders/param/max_connections",
       "update",
       "restart",
       "max_connections takes effect when the server restarts",
       {{"value", {"100", "200"}}}},
      {"orders/param/work_mem", "no-op", "", "", {}},
      {"orders/database/shop",
       "replace",
       "replace",
       "encoding cannot be changed in place",
       {{"encoding", {"LATIN1", "UTF8"}}}},
      {"orders/role/old",
       "delete",
       "",
       "it is there, but no longer declared",
       {{"login", {"true", ""}}}},
  };
  report.warnings = {"host b has no value for env:SHOP_PASSWORD"};
  report.drift = {{"orders/param/max_connections",
                   "update",
                   "restart",
                   "set by ALTER SYSTEM",
                   {{"value", {"80", "100"}}}},
                  {"orders/role/gone", "delete", "", "", {{"login", {"true", ""}}}}};
  return report;
}

TEST(Report, ADrill) {
  golden::expect("report/drill.json", to_json(drill()).dump(true) + "\n");
  golden::expect("report/drill.txt", show(drill()));
  golden::expect("report/drill_failed.json", to_json(failed_drill()).dump(true) + "\n");
  golden::expect("report/drill_failed.txt", show(failed_drill()));
}

TEST(Report, ADrillWithoutAWriteKnowsNoLoss) {
  DrillReport report = drill();
  report.loss = {};
  EXPECT_NE(show(report).find("RPO          unknown"), std::string::npos) << show(report);
  EXPECT_TRUE(to_json(report)["loss"]["lost_commits"].is_null());
  EXPECT_TRUE(to_json(report)["loss"].has("lost_commits"));
}

TEST(Report, TheShownPhasesAddUpToTheShownRto) {
  const DrillReport report = drill();
  const Duration sum =
      std::accumulate(report.phases.begin(), report.phases.end(), Duration{},
                      [](Duration total, const Phase& phase) { return total + phase.took; });
  ASSERT_EQ(sum, *report.rto);
  const std::string text = show(report);
  const auto read_ms = [&](const std::string& label) {
    const std::size_t row = text.find("\n" + label);
    const std::size_t number = text.find_first_of("0123456789", row + 1 + label.size());
    return std::lround(std::stod(text.substr(number)) * 1000);
  };
  long shown = 0;
  for (const Phase& phase : report.phases) shown += read_ms("    " + phase.name + " ");
  EXPECT_EQ(shown, read_ms("  RTO"));
}

TEST(Report, APlan) {
  golden::expect("report/plan.json", to_json(plan()).dump(true) + "\n");
  golden::expect("report/plan.txt", show(plan()));
  for (const char* action : {"create", "adopt", "unknown", "update", "replace", "delete"}) {
    EXPECT_EQ(plan().count(action), 1) << action;
  }
}

TEST(Report, APlanWithoutChangesSaysSo) {
  PlanReport nothing{FleetName{"quickstart"}, {{"orders", "no-op", "", "", {}}}, {}, {}};
  EXPECT_EQ(show(nothing), "No changes. Fleet quickstart is as the file says.\n");
  // What could not be looked at is not "no changes".
  nothing.changes[0].action = "unknown";
  EXPECT_EQ(show(nothing).find("No changes"), std::string::npos);
}

TEST(Report, ThoseThatComeLaterShareTheirHead) {
  const ReportHead head{"backup",
                        "b1",
                        ServiceName{"orders"},
                        WallTime{1'700'000'000s},
                        Verdict::met,
                        Evidence::measured_real,
                        "all segments are there"};
  golden::expect("report/backup.json",
                 to_json(BackupReport{head, 1u << 30, 90s}).dump(true) + "\n");
  ProofReport proof{head, {10, 0, 0, 0s, 0, 0, 0}, WallTime{1'700'086'400s}};
  proof.head.kind = "proof";
  golden::expect("report/proof.json", to_json(proof).dump(true) + "\n");
  IncidentReport incident{head, {{"detect", 1s}}};
  incident.head.kind = "incident";
  golden::expect("report/incident.json", to_json(incident).dump(true) + "\n");
}

}  // namespace
}  // namespace weir
