// The plan file in JSON.
#include "cli/saved_plan.h"

#include <fmt/format.h>

namespace weir::cli {
namespace {

constexpr const char* kKind = "weir plan";

store::Revision at(const std::map<ServiceName, store::Revision>& revisions,
                   const ServiceName& name) {
  const auto found = revisions.find(name);
  return found == revisions.end() ? 0 : found->second;
}

}  // namespace

Json to_json(const SavedPlan& plan) {
  Json hosts = Json::array(), services = Json::array(), targets = Json::array();
  for (const Host& host : plan.fleet.hosts) hosts.add(weir::to_json(host));
  for (const Service& service : plan.fleet.services) services.add(weir::to_json(service));
  for (const std::string& target : plan.targets) targets.add(target);
  Json revisions = Json::object();
  for (const auto& [name, revision] : plan.revisions) revisions.set(name.text, revision);
  Json json = Json::object();
  json.set("format", kPlanFormat).set("kind", kKind).set("fleet", plan.fleet.name.text);
  json.set("hosts", hosts).set("services", services).set("targets", targets);
  return json.set("revisions", revisions);
}

Result<SavedPlan> saved_plan_from(const Json& json) {
  if (json["kind"].text() != kKind || !json["format"].is_integer()) {
    return fail(Failure::bad_data, "this is no plan that weir saved",
                "weir plan -f FILE --out PLAN");
  }
  if (json["format"].integer() > kPlanFormat) {
    return fail(Failure::bad_data,
                fmt::format("the plan has format {}, and this weir knows up to {}",
                            json["format"].integer(), kPlanFormat));
  }
  SavedPlan plan;
  plan.fleet.name = FleetName(json["fleet"].text());
  for (const Json& host : json["hosts"].items()) plan.fleet.hosts.push_back(host_from(host));
  for (const Json& item : json["services"].items()) {
    WEIR_TRY(Service service, service_from(item));
    plan.fleet.services.push_back(std::move(service));
  }
  for (const Json& target : json["targets"].items()) plan.targets.push_back(target.text());
  for (const auto& [name, revision] : json["revisions"].members()) {
    plan.revisions[ServiceName(name)] = revision.integer();
  }
  if (plan.fleet.name.empty()) return fail(Failure::bad_data, "the plan names no fleet");
  return plan;
}

Result<> check_unmoved(const SavedPlan& plan, const std::map<ServiceName, store::Revision>& now) {
  const auto moved = [&](const ServiceName& name) {
    return fail(Failure::refused,
                fmt::format("the plan is stale: service {} stood at revision {} when it was made, "
                            "and stands at {} now",
                            name.text, at(plan.revisions, name), at(now, name)),
                "weir plan again, and read what it says");
  };
  for (const auto& [name, revision] : plan.revisions) {
    if (at(now, name) != revision) return moved(name);
  }
  for (const auto& [name, revision] : now) {
    if (at(plan.revisions, name) != revision) return moved(name);
  }
  return {};
}

}  // namespace weir::cli
