// One base View in the middle of a good drill; each row changes one thing.
#include "drill/decide.h"

#include <gtest/gtest.h>

namespace weir::drill {
namespace {

View at_rest() {
  View view;
  view.ready = {"", true, 2, ""};
  return view;
}
View loaded() {
  View view = at_rest();
  view.prepared = true;
  view.load = Load::running;
  view.load_for = 3s;
  view.green_for = 2s;
  return view;
}
View broken() {
  View view = loaded();
  view.damage = Damage::standing;
  view.damage_for = 4s;
  return view;
}
View mended() {
  View view = broken();
  view.damage = Damage::reverted;
  view.served_for = 6s;
  view.after.fault_gone = true;
  return view;
}
View ended() {
  View view = mended();
  view.load = Load::ended;
  view.after.old_leader_follows = true;
  return view;
}

const struct {
  const char* when;
  View (*base)();
  void (*change)(View&);
  Decision want;
} kRows[] = {
    {"all is ready",
     at_rest,
     [](View&) {},
     {Prepare{}, "the leader takes writes and a replica could take over"}},
    {"another drill runs",
     at_rest,
     [](View& v) { v.ready.other_drill = "k3"; },
     {Refuse{}, "drill k3 is running on this fleet"}},
    {"no leader",
     at_rest,
     [](View& v) { v.ready.leader_serves = false; },
     {Refuse{}, "the service has no leader that takes writes"}},
    {"frozen",
     at_rest,
     [](View& v) { v.ready.frozen = "frozen until tomorrow"; },
     {Refuse{}, "frozen until tomorrow"}},
    {"the lever is pulled before it begins",
     at_rest,
     [](View& v) { v.lever = "all drills are stopped"; },
     {Refuse{}, "all drills are stopped"}},
    {"the lever is pulled under load",
     loaded,
     [](View& v) { v.lever = "all drills are stopped"; },
     {EndLoad{}, "all drills are stopped"}},
    {"the lever is pulled while the fault stands",
     broken,
     [](View& v) { v.lever = "all drills are stopped"; },
     {Revert{}, "all drills are stopped: the fault is reverted first"}},
    {"the lever is pulled while it is cleaned up",
     ended,
     [](View& v) { v.lever = "all drills are stopped"; },
     {CleanUp{}, "all drills are stopped: schema and role are dropped"}},
    {"no replica",
     at_rest,
     [](View& v) { v.ready.replicas_healthy = 0; },
     {Refuse{}, "no replica of the synchronous set is healthy, so nobody could take over"}},
    {"cancelled at once",
     at_rest,
     [](View& v) { v.called_off = "the drill was cancelled"; },
     {Finish{}, "the drill was cancelled"}},
    {"prepared",
     at_rest,
     [](View& v) { v.prepared = true; },
     {StartLoad{}, "schema and role are there"}},
    {"preparing failed",
     at_rest,
     [](View& v) {
       v.prepared = true;
       v.trouble = "it said no";
     },
     {CleanUp{}, "it said no: schema and role are dropped"}},
    {"green long enough", loaded, [](View&) {}, {Inject{}, "the probe has been green for 2s"}},
    {"not green yet",
     loaded,
     [](View& v) { v.green_for = 1999ms; },
     {std::nullopt, "waiting for a green probe"}},
    {"never green",
     loaded,
     [](View& v) {
       v.green_for = 1s;
       v.load_for = 30s;
     },
     {EndLoad{}, "the probe was not green for 2s within 30s"}},
    {"a healthy replica is lost after the start",
     loaded,
     [](View& v) { v.ready.replicas_healthy = 0; },
     {Inject{}, "the probe has been green for 2s"}},
    {"cancelled under load",
     loaded,
     [](View& v) { v.called_off = "the drill was cancelled"; },
     {EndLoad{}, "the drill was cancelled"}},
    {"broken", broken, [](View&) {}, {std::nullopt, "waiting for the first write after the fault"}},
    {"served again, not for long",
     broken,
     [](View& v) { v.served_for = 4s; },
     {std::nullopt, "writes are served again; the load goes on"}},
    {"served again",
     broken,
     [](View& v) { v.served_for = 5s; },
     {Revert{}, "writes have been served again for 5s"}},
    {"never served",
     broken,
     [](View& v) { v.damage_for = 60s; },
     {Revert{}, "no write was served within 1m of the fault"}},
    {"cancelled while broken",
     broken,
     [](View& v) { v.called_off = "the drill was cancelled"; },
     {Revert{}, "the drill was cancelled: the fault is reverted first"}},
    {"trouble while broken",
     broken,
     [](View& v) { v.trouble = "the log broke"; },
     {Revert{}, "the log broke: the fault is reverted first"}},
    {"mended", mended, [](View&) {}, {std::nullopt, "waiting for the old leader to follow"}},
    {"the fault is not gone",
     mended,
     [](View& v) { v.after.fault_gone = false; },
     {std::nullopt, "waiting for the fault to be gone"}},
    {"the old leader is back",
     mended,
     [](View& v) { v.after.old_leader_follows = true; },
     {EndLoad{}, "the fault is gone and the old leader follows"}},
    {"the old leader stays away",
     mended,
     [](View& v) { v.damage_for = 120s; },
     {EndLoad{}, "the old leader does not follow 2m after the revert"}},
    {"the fault stays",
     mended,
     [](View& v) {
       v.after.fault_gone = false;
       v.damage_for = 120s;
     },
     {EndLoad{}, "the fault is not verified as gone 2m after the revert"}},
    {"ended", ended, [](View&) {}, {Audit{}, "the load has ended"}},
    {"audited",
     ended,
     [](View& v) { v.after.audited = true; },
     {CleanUp{}, "everything is measured"}},
    {"the audit failed",
     ended,
     [](View& v) { v.trouble = "no answer"; },
     {CleanUp{}, "no answer: schema and role are dropped"}},
    {"cleaned",
     ended,
     [](View& v) {
       v.after.audited = true;
       v.prepared = false;
     },
     {Finish{}, "nothing of the drill is left"}},
};

TEST(DrillDecide, Table) {
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.when);
    View view = row.base();
    row.change(view);
    const Decision got = decide(view);
    EXPECT_EQ(got.because, row.want.because);
    EXPECT_EQ(got, row.want);
  }
}

// From every state a drill that is cancelled or in trouble comes to Finish, with the fault
// reverted, the load ended and the schema gone, in at most three steps.
TEST(DrillDecide, EveryStateHasAWayOut) {
  for (const bool prepared : {false, true})
    for (const Load load : {Load::none, Load::running, Load::ended})
      for (const Damage damage : {Damage::none, Damage::standing, Damage::reverted})
        for (const bool cancelled : {false, true}) {
          View view = at_rest();
          view.prepared = prepared;
          view.load = load;
          view.damage = damage;
          if (cancelled) view.called_off = "the drill was cancelled";
          view.after.audited = !cancelled;
          if (!cancelled) view.trouble = "something failed";
          for (int steps = 0; steps < 4; ++steps) {
            const Decision decision = decide(view);
            ASSERT_TRUE(decision.step.has_value());
            if (std::holds_alternative<Finish>(*decision.step)) break;
            ASSERT_LT(steps, 3);
            if (std::holds_alternative<Revert>(*decision.step)) view.damage = Damage::reverted;
            if (std::holds_alternative<EndLoad>(*decision.step)) view.load = Load::ended;
            if (std::holds_alternative<CleanUp>(*decision.step)) view.prepared = false;
          }
          EXPECT_FALSE(view.prepared);
          EXPECT_NE(view.damage, Damage::standing);
          EXPECT_NE(view.load, Load::running);
        }
}

DrillReport good_report() {
  DrillReport report;
  report.rto = 1400ms;
  report.objective.rto = 5s;
  report.objective.rpo = 0s;
  report.loss.acknowledged = 3000;
  report.fault_gone = true;
  report.old_leader_follows = true;
  return report;
}

const struct {
  const char* when;
  void (*change)(DrillReport&, Measured&);
  Judgement want;
} kVerdicts[] = {
    {"all is well",
     [](DrillReport&, Measured&) {},
     {Verdict::met,
      "writes were served again after 1.4s of 5s allowed, and no acknowledged commit was lost"}},
    {"no objective",
     [](DrillReport& r, Measured&) { r.objective = {}; },
     {Verdict::met, "writes were served again after 1.4s, and no acknowledged commit was lost"}},
    {"not green",
     [](DrillReport&, Measured& m) { m.was_green = false; },
     {Verdict::void_run, "the probe was not green before the fault"}},
    {"not injected",
     [](DrillReport&, Measured& m) {
       m.injected = false;
       m.trouble = "no supervisor";
     },
     {Verdict::void_run, "the fault was not injected: no supervisor"}},
    {"too slow",
     [](DrillReport& r, Measured&) { r.rto = 6s; },
     {Verdict::breached, "writes were served again after 6s, 5s are allowed"}},
    {"just in time",
     [](DrillReport& r, Measured&) { r.rto = 5s; },
     {Verdict::met,
      "writes were served again after 5s of 5s allowed, and no acknowledged commit was lost"}},
    {"never back",
     [](DrillReport& r, Measured&) { r.rto.reset(); },
     {Verdict::breached, "no write was served again while the drill waited"}},
    {"one commit lost, its time unknown to be later than the fault",
     [](DrillReport& r, Measured&) { r.loss.lost_commits = 1; },
     {Verdict::breached, "1 acknowledged commits were lost"}},
    {"lost within the objective",
     [](DrillReport& r, Measured&) {
       r.loss.lost_commits = 3;
       r.loss.lost_seconds = 1s;
       r.objective.rpo = 2s;
     },
     {Verdict::met,
      "writes were served again after 1.4s of 5s allowed, and the 3 lost commits are within the "
      "objective"}},
    {"lost beyond the objective",
     [](DrillReport& r, Measured&) {
       r.loss.lost_commits = 3;
       r.loss.lost_seconds = 3s;
       r.objective.rpo = 2s;
     },
     {Verdict::breached, "3 acknowledged commits were lost"}},
    {"invented rows",
     [](DrillReport& r, Measured&) { r.loss.unexpected = 2; },
     {Verdict::breached, "2 rows were found that nobody wrote so"}},
    {"not audited",
     [](DrillReport&, Measured& m) {
       m.audited = false;
       m.trouble = "no answer";
     },
     {Verdict::void_run, "what was lost is not known: no answer"}},
    {"the fault is there",
     [](DrillReport& r, Measured&) { r.fault_gone = false; },
     {Verdict::void_run, "the fault could not be verified as gone"}},
    {"too few writes",
     [](DrillReport& r, Measured&) { r.loss.acknowledged = 999; },
     {Verdict::void_run, "only 999 writes were acknowledged, 1000 are needed"}},
    {"the role stays",
     [](DrillReport&, Measured& m) {
       m.left_behind = "could not drop role weir_ledger: no answer";
     },
     {Verdict::void_run, "could not drop role weir_ledger: no answer"}},
    {"too few writes, yet one lost",
     [](DrillReport& r, Measured&) {
       r.loss.acknowledged = 999;
       r.loss.lost_commits = 1;
     },
     {Verdict::breached, "1 acknowledged commits were lost"}},
    {"the old leader stays away",
     [](DrillReport& r, Measured&) { r.old_leader_follows = false; },
     {Verdict::met,
      "writes were served again after 1.4s of 5s allowed, and no acknowledged commit was lost; "
      "the old leader does not follow yet"}},
};

TEST(DrillJudge, Table) {
  for (const auto& row : kVerdicts) {
    SCOPED_TRACE(row.when);
    DrillReport report = good_report();
    Measured measured{true, true, true, "", "", 1000};
    row.change(report, measured);
    const Judgement got = judge(report, measured);
    EXPECT_EQ(got.verdict, row.want.verdict);
    EXPECT_EQ(got.because, row.want.because);
  }
}

TEST(DrillPhases, SumToTheRto) {
  using Phases = std::vector<Phase>;
  EXPECT_EQ(complete({}, 2s), (Phases{{"unattributed", 2s}}));
  EXPECT_EQ(complete({{"detect", 1s}, {"promote", 600ms}}, 2s),
            (Phases{{"detect", 1s}, {"promote", 600ms}, {"unattributed", 400ms}}));
  // Spans that reach beyond the first write are cut there.
  EXPECT_EQ(complete({{"detect", 1s}, {"promote", 3s}, {"first write", 1s}}, 2s),
            (Phases{{"detect", 1s}, {"promote", 1s}, {"unattributed", 0s}}));
  EXPECT_EQ(complete({{"detect", -1s}}, 2s), (Phases{{"unattributed", 2s}}));
}

}  // namespace
}  // namespace weir::drill
