// weir plan -f FILE: what apply would change; works before the first agent.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/verbs.h"
#include "model/report.h"
#include "provision/provision.h"

namespace weir::cli {
namespace {

// A password that the file leaves to weir is what the store already has for it.
void keep_generated(Service& wanted, const Service& known) {
  for (Resource& resource : wanted.resources) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end() || password->second != "generated") continue;
    for (const Resource& before : known.resources) {
      const bool same = before.kind == resource.kind && before.name == resource.name;
      if (same && before.attributes.contains("password")) {
        password->second = before.attributes.at("password");
      }
    }
  }
}

Result<> plan_known(Session& session, Service wanted, PlanReport& report) {
  WEIR_TRY(engine::Engine* const engine, session.engine(wanted.engine));
  WEIR_TRY(const auto known,
           store::read_desired(session.store(), session.keys(), wanted.name, session.within(3s)));
  provision::Found found;
  std::optional<Look> look;
  if (known) {
    found.known = &known->service;
    keep_generated(wanted, known->service);
    WEIR_TRY(look, look_at(session, *known));
    if (look->held) found.record = &look->held->record;
    found.present = present_at(session, *engine, *look, wanted.resources);
    if (found.present) take_present_passwords(wanted.resources, *found.present);
    for (const auto& [member, sighting] : look->members) {
      found.members.emplace_back(member.name, sighting.reach);
    }
  }
  provision::plan_service(wanted, found, engine->shapes()->attributes(), report);
  return {};
}

Result<> plan(Session& session) {
  WEIR_TRY(const Fleet fleet, load_fleet(session));
  WEIR_TRY_(refuse_unsupported(fleet));
  PlanReport report;
  report.fleet = fleet.name;
  const auto opened = session.open();
  const bool known = opened && session.facts().name == fleet.name;
  if (known) {
    WEIR_TRY_(session.wake_store());
    for (const Service& service : fleet.services) {
      WEIR_TRY_(plan_known(session, service, report));
    }
    WEIR_TRY(const auto services,
             store::list_desired(session.store(), session.keys(), session.within(5s)));
    for (const auto& held : services) {
      if (fleet.find(held.service.name) != nullptr) continue;
      report.warnings.push_back("service " + held.service.name.text +
                                " runs and is not in the file; this version leaves it as it is");
    }
  } else {
    if (!opened && opened.error().failure != Failure::not_found) return fail(opened.error());
    for (const Service& service : fleet.services) {
      provision::plan_service(service, {}, {}, report);
    }
  }
  if (session.wants_data()) {
    session.print_data(to_json(report));
  } else {
    session.show(show(report));
  }
  if (session.options().detailed_exit && !report.changes.empty()) {
    return fail(Failure::plan_has_changes, "");
  }
  return {};
}

void plan_takes(Grammar& grammar, Options& options) {
  take_file(grammar, options);
  grammar.flag("--detailed-exitcode", options.detailed_exit,
               "Exit 0 without changes, 2 with changes, 1 on errors");
}

}  // namespace

constinit const Verb kPlan{
    "plan",
    Group::fleet,
    "Show what apply would change",
    "Changes nothing. Works before the first agent runs: it looks at the store and at the members\n"
    "themselves. What cannot be looked at is planned as unknown, never as absent.",
    "# What would change\n"
    "weir plan -f fleet.yaml\n"
    "\n"
    "# In a script: exit 2 when there are changes\n"
    "weir plan -f fleet.yaml --detailed-exitcode -o json",
    kAnswers,
    plan_takes,
    plan,
};

}  // namespace weir::cli
