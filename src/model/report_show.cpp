// Reports for people: one block for a drill, terraform's signs for a plan.
#include <fmt/format.h>

#include "base/quantity.h"
#include "model/report.h"

namespace weir {
namespace {

std::int64_t milliseconds(Duration duration) {
  return std::chrono::round<std::chrono::milliseconds>(duration).count();
}

// Always in seconds with milliseconds, so that a column of them can be compared and added.
std::string in_seconds(std::int64_t ms) {
  const char* sign = ms < 0 ? "-" : "";
  const std::int64_t size = ms < 0 ? -ms : ms;
  return fmt::format("{}{}.{:03} s", sign, size / 1000, size % 1000);
}

std::string in_seconds(Duration duration) { return in_seconds(milliseconds(duration)); }

std::string known(const std::optional<Duration>& duration) {
  return duration ? in_seconds(*duration) : "unknown";
}

std::string counted(std::uint64_t count, const char* thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string objective(const std::optional<Duration>& limit) {
  return limit ? fmt::format("   (objective {})", show(*limit)) : std::string{};
}

std::string row(const char* label, const std::string& value) {
  return fmt::format("  {:<13}{}\n", label, value);
}

// The rounded sums are shown by their differences: so the column adds up to the total shown.
std::string phase_rows(const std::vector<Phase>& phases) {
  std::string out;
  Duration sum{};
  std::int64_t shown = 0;
  for (const Phase& phase : phases) {
    sum += phase.took;
    const std::int64_t until = milliseconds(sum);
    out += fmt::format("    {:<13}{:>9}\n", phase.name, in_seconds(until - shown));
    shown = until;
  }
  return out;
}

// Where nothing was acknowledged nothing can be lost, and nothing is known.
std::string lost(const LossReport& loss) {
  if (loss.acknowledged == 0) return "unknown, no write was acknowledged";
  return fmt::format("{}, {}, {}", counted(loss.lost_commits, "commit"),
                     show_bytes(loss.lost_bytes), in_seconds(loss.lost_seconds));
}

std::string leaders(const DrillReport& report) {
  const auto one = [](const MemberName& member, std::int64_t epoch) {
    return member.empty() ? std::string("unknown")
                          : fmt::format("{} (epoch {})", member.text, epoch);
  };
  return one(report.leader_before, report.epoch_before) + " -> " +
         one(report.leader_after, report.epoch_after);
}

std::string old_leader(const DrillReport& report) {
  if (!report.old_leader_follows) {
    return fmt::format("{} was not seen to follow again", report.leader_before.text);
  }
  const std::string follows = report.leader_before.text + " follows again";
  if (!report.old_leader_back) return follows;
  return fmt::format("{}, {} after the fault", follows, in_seconds(*report.old_leader_back));
}

const char* sign_of(const std::string& action) {
  if (action == "create") return "  + ";
  if (action == "update") return "  ~ ";
  if (action == "delete") return "  - ";
  if (action == "replace") return "-/+ ";
  if (action == "adopt") return "  = ";
  return "  ? ";
}

std::string attribute_line(const PlannedChange& change, const std::string& name,
                           const std::pair<std::string, std::string>& values) {
  const auto& [before, after] = values;
  const auto shown = [](const std::string& text) {
    return text.empty() ? std::string("(none)") : text;
  };
  if (change.action == "create") return fmt::format("        {}: {}\n", name, shown(after));
  if (change.action == "delete") return fmt::format("        {}: {}\n", name, shown(before));
  return fmt::format("        {}: {} -> {}\n", name, shown(before), shown(after));
}

std::string change_lines(const PlannedChange& change) {
  std::string out = sign_of(change.action) + change.address;
  if (change.action == "adopt" || change.action == "unknown") out += " (" + change.action + ")";
  if (!change.effect.empty() && change.effect != change.action) out += " (" + change.effect + ")";
  out += '\n';
  for (const auto& [name, values] : change.attributes) out += attribute_line(change, name, values);
  if (!change.reason.empty()) out += "        # " + change.reason + "\n";
  return out;
}

std::string drift_lines(const std::vector<PlannedChange>& drift) {
  if (drift.empty()) return {};
  std::string out = "Not as it was last applied: changed outside weir, or not done yet.\n\n";
  for (const PlannedChange& change : drift) out += change_lines(change);
  return out + '\n';
}

std::string last_line(const PlanReport& report) {
  if (!report.has_changes()) {
    return fmt::format("No changes. Fleet {} is as the file says.\n", report.fleet.text);
  }
  std::string out = "Plan: ";
  if (const int adopts = report.count("adopt"); adopts > 0) {
    out += fmt::format("{} to adopt, ", adopts);
  }
  out +=
      fmt::format("{} to add, {} to change, {} to replace, {} to destroy.", report.count("create"),
                  report.count("update"), report.count("replace"), report.count("delete"));
  // What could not be looked at may still need a change; that is never told as "no changes".
  if (const int unknowns = report.count("unknown"); unknowns > 0) {
    out += fmt::format(" {} unknown.", unknowns);
  }
  return out + "\n";
}

}  // namespace

std::string show(const DrillReport& report) {
  const LossReport& loss = report.loss;
  std::string out =
      fmt::format("drill {} {}: {}\n", report.fault, report.service.text, name_of(report.verdict));
  out += row("because", report.because);
  out += row("fault", fmt::format("{} on host {} at {}, drill {}", report.fault, report.host.text,
                                  show(report.started), report.id));
  out += row("fault gone", report.fault_gone ? "yes, verified" : "NO, it was not seen to be gone");
  out += row("leader", leaders(report));
  out += row("old leader", old_leader(report));
  out += row("RTO", known(report.rto) + objective(report.objective.rto));
  out += phase_rows(report.phases);
  out += row("outage", known(report.outage) + ", the longest gap between acknowledgements");
  out += row("RPO", lost(loss) + objective(report.objective.rpo));
  out += row("acknowledged",
             fmt::format("{} by {}", counted(loss.acknowledged, "commit"),
                         counted(static_cast<std::uint64_t>(report.writers), "writer")));
  out += row("in doubt", fmt::format("{}, {} of them kept", counted(loss.in_doubt, "commit"),
                                     loss.in_doubt_kept));
  if (loss.unexpected > 0) {
    out += row("unexpected", counted(loss.unexpected, "row") + " that the ledger never wrote");
  }
  out += row("evidence", name_of(report.evidence));
  return out;
}

std::string show(const PlanReport& report) {
  std::string out = drift_lines(report.drift);
  for (const PlannedChange& change : report.changes) {
    if (change.action != "no-op") out += change_lines(change);
  }
  if (report.has_changes()) out += '\n';
  for (const std::string& warning : report.warnings) out += "warning: " + warning + "\n";
  if (!report.warnings.empty()) out += '\n';
  return out + last_line(report);
}

}  // namespace weir
