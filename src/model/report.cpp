// Reports in JSON. Durations are seconds, as Prometheus has them; unknown is null, never zero.
#include "model/report.h"

#include <algorithm>

#include "base/quantity.h"

namespace weir {
namespace {

constexpr int kReportFormat = 1;

Json seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Json seconds(const std::optional<Duration>& duration) {
  return duration ? seconds(*duration) : Json();
}

Json to_json(const Objective& objective) {
  Json json = Json::object();
  json.set("availability", objective.availability ? Json(*objective.availability) : Json());
  json.set("rpo_seconds", seconds(objective.rpo)).set("rto_seconds", seconds(objective.rto));
  return json;
}

Json to_json(const std::vector<Phase>& phases) {
  Json json = Json::array();
  for (const Phase& phase : phases) {
    Json item = Json::object();
    item.set("name", phase.name).set("seconds", seconds(phase.took));
    json.add(std::move(item));
  }
  return json;
}

Json to_json(const LossReport& loss) {
  // Where nothing was acknowledged nothing can be lost, and nothing is known.
  const bool known = loss.acknowledged > 0;
  Json json = Json::object();
  json.set("acknowledged_commits", loss.acknowledged);
  json.set("lost_commits", known ? Json(loss.lost_commits) : Json());
  json.set("lost_bytes", known ? Json(loss.lost_bytes) : Json());
  json.set("lost_seconds", known ? seconds(loss.lost_seconds) : Json());
  json.set("in_doubt_commits", loss.in_doubt).set("in_doubt_kept", loss.in_doubt_kept);
  json.set("unexpected_rows", loss.unexpected);
  return json;
}

Json head(const ReportHead& head) {
  Json json = Json::object();
  json.set("format", kReportFormat).set("kind", head.kind).set("id", head.id);
  json.set("service", head.service.text).set("at", show(head.at));
  json.set("verdict", name_of(head.verdict)).set("because", head.because);
  json.set("evidence", name_of(head.evidence));
  return json;
}

Json leader(const MemberName& member, std::int64_t epoch) {
  Json json = Json::object();
  json.set("leader", member.empty() ? Json() : Json(member.text)).set("epoch", epoch);
  return json;
}

Json actions(const std::string& action) {
  if (action == "replace") return Json::array().add("delete").add("create");
  return Json::array().add(action);
}

// "orders/role/shop_app" is of type role and named shop_app; what has no slash is a service.
Json named(const std::string& address) {
  const std::size_t first = address.find('/');
  const std::size_t second = address.find('/', first + 1);
  Json json = Json::object();
  json.set("address", address);
  if (first == std::string::npos || second == std::string::npos) {
    return json.set("service", address).set("type", "service").set("name", address);
  }
  json.set("service", address.substr(0, first));
  json.set("type", address.substr(first + 1, second - first - 1));
  return json.set("name", address.substr(second + 1));
}

Json to_json(const PlannedChange& change) {
  Json before = Json::object(), after = Json::object();
  for (const auto& [name, values] : change.attributes) {
    before.set(name, values.first);
    after.set(name, values.second);
  }
  // As terraform has it: what is made has no before, what is deleted no after.
  if (change.action == "create") before = Json();
  if (change.action == "delete") after = Json();
  Json inner = Json::object();
  inner.set("actions", actions(change.action));
  inner.set("before", std::move(before)).set("after", std::move(after));
  Json json = named(change.address);
  json.set("change", std::move(inner));
  json.set("effect", change.effect).set("reason", change.reason);
  return json;
}

Json to_json(const std::vector<PlannedChange>& changes) {
  Json json = Json::array();
  for (const PlannedChange& change : changes) json.add(to_json(change));
  return json;
}

}  // namespace

const char* name_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::measured_real:
      return "measured-real";
    case Evidence::measured_emulated:
      return "measured-emulated";
    case Evidence::estimated:
      return "estimated";
  }
  return "estimated";
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::met:
      return "met";
    case Verdict::breached:
      return "breached";
    case Verdict::void_run:
      return "void";
  }
  return "void";
}

Json to_json(const DrillReport& report) {
  Json json = Json::object();
  json.set("format", kReportFormat).set("kind", "drill").set("id", report.id);
  json.set("fleet", report.fleet.text).set("service", report.service.text);
  json.set("fault", report.fault).set("host", report.host.text);
  json.set("started", show(report.started));
  json.set("verdict", name_of(report.verdict)).set("because", report.because);
  json.set("evidence", name_of(report.evidence)).set("objective", to_json(report.objective));
  json.set("rto_seconds", seconds(report.rto)).set("phases", to_json(report.phases));
  json.set("outage_seconds", seconds(report.outage)).set("loss", to_json(report.loss));
  json.set("before", leader(report.leader_before, report.epoch_before));
  json.set("after", leader(report.leader_after, report.epoch_after));
  json.set("fault_gone", report.fault_gone).set("old_leader_follows", report.old_leader_follows);
  json.set("old_leader_back_seconds", seconds(report.old_leader_back));
  json.set("writers", report.writers);
  return json;
}

int PlanReport::count(std::string_view action) const {
  return static_cast<int>(std::ranges::count_if(
      changes, [&](const PlannedChange& change) { return change.action == action; }));
}

bool PlanReport::has_changes() const {
  return std::ranges::any_of(changes,
                             [](const PlannedChange& change) { return change.action != "no-op"; });
}

Json to_json(const PlanReport& report) {
  Json warnings = Json::array();
  for (const std::string& warning : report.warnings) warnings.add(warning);
  Json json = Json::object();
  json.set("format", kReportFormat).set("fleet", report.fleet.text);
  json.set("resource_changes", to_json(report.changes));
  json.set("resource_drift", to_json(report.drift)).set("warnings", std::move(warnings));
  return json;
}

Json to_json(const BackupReport& report) {
  Json json = head(report.head);
  json.set("bytes", report.bytes).set("took_seconds", seconds(report.took));
  return json;
}

Json to_json(const ProofReport& report) {
  Json json = head(report.head);
  json.set("loss", to_json(report.loss));
  json.set("expires", report.expires ? Json(show(*report.expires)) : Json());
  return json;
}

Json to_json(const IncidentReport& report) {
  Json json = head(report.head);
  json.set("phases", to_json(report.phases));
  return json;
}

}  // namespace weir
