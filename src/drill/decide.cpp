// The order of a drill in rules; the first that applies answers. Nothing is left broken on the way
// out: revert, end the load, clean up, in this order, whatever the reason for leaving is.
#include "drill/decide.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/quantity.h"

namespace weir::drill {
namespace {

Decision leave(const View& view, const std::string& why) {
  if (view.damage == Damage::standing) return {Revert{}, why + ": the fault is reverted first"};
  if (view.load == Load::running) return {EndLoad{}, why};
  if (view.prepared) return {CleanUp{}, why + ": schema and role are dropped"};
  return {Finish{}, why};
}

Decision begin(const View& view) {
  if (!view.ready.frozen.empty()) return {Refuse{}, view.ready.frozen};
  if (!view.ready.other_drill.empty()) {
    return {Refuse{}, fmt::format("drill {} is running on this fleet", view.ready.other_drill)};
  }
  if (!view.ready.leader_serves) return {Refuse{}, "the service has no leader that takes writes"};
  if (view.ready.replicas_healthy == 0) {
    return {Refuse{}, "no replica of the synchronous set is healthy, so nobody could take over"};
  }
  return {Prepare{}, "the leader takes writes and a replica could take over"};
}

Decision before_fault(const View& view) {
  if (view.green_for >= view.limits.green_for) {
    return {Inject{}, fmt::format("the probe has been green for {}", show(view.limits.green_for))};
  }
  if (view.load_for >= view.limits.green_within) {
    return {EndLoad{}, fmt::format("the probe was not green for {} within {}",
                                   show(view.limits.green_for), show(view.limits.green_within))};
  }
  return {std::nullopt, "waiting for a green probe"};
}

Decision during_fault(const View& view) {
  if (view.served_for) {
    if (*view.served_for >= view.limits.served_for) {
      return {Revert{},
              fmt::format("writes have been served again for {}", show(view.limits.served_for))};
    }
    return {std::nullopt, "writes are served again; the load goes on"};
  }
  if (view.damage_for >= view.limits.writes_within) {
    return {Revert{}, fmt::format("no write was served within {} of the fault",
                                  show(view.limits.writes_within))};
  }
  return {std::nullopt, "waiting for the first write after the fault"};
}

Decision after_fault(const View& view) {
  if (view.after.fault_gone && view.after.old_leader_follows) {
    return {EndLoad{}, "the fault is gone and the old leader follows"};
  }
  if (view.damage_for >= view.limits.follows_within) {
    return {EndLoad{}, fmt::format("{} {} after the revert",
                                   view.after.fault_gone ? "the old leader does not follow"
                                                         : "the fault is not verified as gone",
                                   show(view.limits.follows_within))};
  }
  return {std::nullopt, view.after.fault_gone ? "waiting for the old leader to follow"
                                              : "waiting for the fault to be gone"};
}

// Zero as an RPO is a promise about commits, not about seconds: one lost commit breaks it.
bool rpo_held(const DrillReport& report) {
  if (report.loss.lost_commits == 0) return true;
  const Duration bound = report.objective.rpo.value_or(Duration::zero());
  return bound > Duration::zero() && report.loss.lost_seconds <= bound;
}

std::string praise(const DrillReport& report) {
  std::string out = fmt::format("writes were served again after {}", show(*report.rto));
  if (report.objective.rto) out += fmt::format(" of {} allowed", show(*report.objective.rto));
  out += report.loss.lost_commits == 0
             ? ", and no acknowledged commit was lost"
             : fmt::format(", and the {} lost commits are within the objective",
                           report.loss.lost_commits);
  if (!report.old_leader_follows) out += "; the old leader does not follow yet";
  return out;
}

}  // namespace

Decision decide(const View& view) {
  if (!view.called_off.empty()) return leave(view, view.called_off);
  if (!view.lever.empty()) {
    const bool untouched = !view.prepared && view.load == Load::none;
    return untouched ? Decision{Refuse{}, view.lever} : leave(view, view.lever);
  }
  if (!view.trouble.empty()) return leave(view, view.trouble);
  switch (view.load) {
    case Load::none:
      if (view.prepared) return {StartLoad{}, "schema and role are there"};
      return begin(view);
    case Load::running:
      if (view.damage == Damage::none) return before_fault(view);
      return view.damage == Damage::standing ? during_fault(view) : after_fault(view);
    case Load::ended:
      break;
  }
  if (!view.after.audited) return {Audit{}, "the load has ended"};
  if (view.prepared) return {CleanUp{}, "everything is measured"};
  return {Finish{}, "nothing of the drill is left"};
}

Judgement judge(const DrillReport& report, const Measured& measured) {
  const auto nothing = [](std::string why) { return Judgement{Verdict::void_run, std::move(why)}; };
  const auto breached = [](std::string why) {
    return Judgement{Verdict::breached, std::move(why)};
  };
  if (!measured.was_green) return nothing("the probe was not green before the fault");
  if (!measured.injected) return nothing("the fault was not injected: " + measured.trouble);
  // Harm that was seen counts, however little was written; only `met` needs the numbers behind it.
  if (measured.audited && !rpo_held(report)) {
    return breached(fmt::format("{} acknowledged commits were lost", report.loss.lost_commits));
  }
  if (measured.audited && report.loss.unexpected > 0) {
    return breached(fmt::format("{} rows were found that nobody wrote so", report.loss.unexpected));
  }
  if (!report.rto) return breached("no write was served again while the drill waited");
  if (report.objective.rto && *report.rto > *report.objective.rto) {
    return breached(fmt::format("writes were served again after {}, {} are allowed",
                                show(*report.rto), show(*report.objective.rto)));
  }
  if (!measured.audited) return nothing("what was lost is not known: " + measured.trouble);
  if (!report.fault_gone) return nothing("the fault could not be verified as gone");
  if (!measured.left_behind.empty()) return nothing(measured.left_behind);
  if (report.loss.acknowledged < measured.acknowledged_min) {
    return nothing(fmt::format("only {} writes were acknowledged, {} are needed",
                               report.loss.acknowledged, measured.acknowledged_min));
  }
  return {Verdict::met, praise(report)};
}

std::vector<Phase> complete(std::vector<Phase> phases, Duration rto) {
  Duration left = std::max(rto, Duration::zero());
  std::vector<Phase> out;
  for (Phase& phase : phases) {
    phase.took = std::clamp(phase.took, Duration::zero(), left);
    left -= phase.took;
    if (phase.took > Duration::zero()) out.push_back(std::move(phase));
  }
  out.push_back({"unattributed", left});
  return out;
}

}  // namespace weir::drill
