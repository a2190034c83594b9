// One look, service by service.
#include "cli/planning.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/verbs.h"
#include "config/config.h"
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

// Only a disk of this machine can be looked at; elsewhere nothing is said.
std::optional<Incarnation> data_on_disk(Session& session, const Service& service,
                                        const Member& member) {
  if (!session.machine().files.exists(session.place().host_folder(member.host))) return {};
  const auto engine = session.engine_of(member.host, service.engine);
  if (!engine || (*engine)->runs() == nullptr) return {};
  const auto local = (*engine)->runs()->local(member);
  if (!local || !local->data) return {};
  return local->incarnation;
}

void add_disks(Session& session, const Service& wanted, provision::Found& found) {
  for (const Member& member : wanted.members) {
    if (found.known != nullptr && found.known->find(member.name) != nullptr) continue;
    found.members.push_back({member.name, Reach::unknown, data_on_disk(session, wanted, member)});
  }
}

// What is known of the service in the store and on its servers.
struct Looked {
  std::optional<store::HeldService> held;
  std::optional<Look> look;
};

Result<Looked> look_up(Session& session, const ServiceName& name) {
  Looked out;
  WEIR_TRY(out.held,
           store::read_desired(session.store(), session.keys(), name, session.within(3s)));
  if (out.held) {
    WEIR_TRY(out.look, look_at(session, *out.held));
  }
  return out;
}

// The part of the file that is asked for; nothing, if no target lies in this service.
Result<std::optional<Service>> part_of(const Service& file, const Looked& looked,
                                       const std::vector<std::string>& targets) {
  if (targets.empty()) return file;
  const bool whole = std::ranges::find(targets, file.name.text) != targets.end();
  const bool inside = std::ranges::any_of(
      targets, [&](const std::string& target) { return target.starts_with(file.name.text + "/"); });
  if (whole) return file;
  if (!inside) return std::optional<Service>{};
  if (looked.held) return provision::targeted(file, looked.held->service, targets);
  return fail(
      Failure::bad_config,
      fmt::format("service {} is new: nothing in it can be made without it", file.name.text),
      "--target " + file.name.text);
}

Result<> plan_service(Session& session, const Service& file,
                      const std::vector<std::string>& targets, Planned& planned) {
  WEIR_TRY(engine::Engine* const engine, session.engine(file.engine));
  WEIR_TRY(const Looked looked, look_up(session, file.name));
  WEIR_TRY(const std::optional<Service> part, part_of(file, looked, targets));
  if (!part) return {};
  planned.wanted.services.push_back(*part);
  planned.revisions[file.name] = looked.held ? looked.held->revision : 0;

  // From here on only what is shown: passwords are taken for what is there.
  Service wanted = *part;
  std::optional<Service> applied;
  provision::Found found;
  std::vector<engine::Attribute> attributes;
  if (engine->shapes() != nullptr) attributes = engine->shapes()->attributes();
  if (looked.held) {
    applied = looked.held->service;
    keep_generated(wanted, *applied);
    found.present = present_at(session, *engine, *looked.look, wanted.resources);
    if (found.present) {
      take_present_passwords(wanted.resources, *found.present);
      take_present_passwords(applied->resources, *found.present);
    }
    found.known = &*applied;
    for (const auto& [member, sighting] : looked.look->members) {
      found.members.push_back({member.name, sighting.reach, std::nullopt});
    }
  }
  add_disks(session, wanted, found);
  provision::plan_service(wanted, found, attributes, planned.report);
  return {};
}

void plan_gone(const std::vector<store::HeldService>& known, const Fleet& file,
               const std::vector<std::string>& targets, Planned& planned) {
  for (const auto& held : known) {
    const std::string& name = held.service.name.text;
    const bool asked = targets.empty() || std::ranges::find(targets, name) != targets.end();
    if (file.find(held.service.name) != nullptr || !asked) continue;
    planned.revisions[held.service.name] = held.revision;
    planned.gone.push_back(held.service.name);
    provision::plan_gone(held.service, planned.report);
  }
}

Result<> check_targets(const std::vector<std::string>& targets, const Fleet& file,
                       const std::vector<store::HeldService>& known) {
  std::vector<std::string> all;
  const auto add = [&](const Service& service) {
    const auto addresses = provision::addresses_of(service);
    all.insert(all.end(), addresses.begin(), addresses.end());
  };
  for (const Service& service : file.services) add(service);
  for (const auto& held : known) add(held.service);
  for (const std::string& target : targets) {
    if (std::ranges::find(all, target) != all.end()) continue;
    const std::string meant = nearest(target, all);
    return fail(Failure::bad_config,
                fmt::format("there is no {} in the file or in the fleet", target),
                meant.empty() ? "an address is what `weir plan` shows, e.g. orders/role/app"
                              : "did you mean `" + meant + "`?");
  }
  return {};
}

}  // namespace

Result<Planned> make_plan(Session& session, const Fleet& file,
                          const std::vector<std::string>& targets) {
  Planned planned;
  planned.report.fleet = file.name;
  planned.wanted.name = file.name;
  planned.wanted.hosts = file.hosts;
  const auto opened = session.open();
  if (!opened && opened.error().failure != Failure::not_found) return fail(opened.error());
  if (!opened || session.facts().name != file.name) {
    WEIR_TRY_(check_targets(targets, file, {}));
    for (const Service& service : file.services) {
      WEIR_TRY(const std::optional<Service> part, part_of(service, {}, targets));
      if (!part) continue;
      planned.wanted.services.push_back(*part);
      planned.revisions[service.name] = 0;
      provision::plan_service(*part, {}, {}, planned.report);
    }
    return planned;
  }
  WEIR_TRY_(session.wake_store());
  WEIR_TRY(const auto known,
           store::list_desired(session.store(), session.keys(), session.within(5s)));
  WEIR_TRY_(check_targets(targets, file, known));
  for (const Service& service : file.services) {
    WEIR_TRY_(plan_service(session, service, targets, planned));
  }
  plan_gone(known, file, targets, planned);
  return planned;
}

Result<Fleet> load_fleet(Session& session) {
  if (session.options().file.empty()) {
    return fail(Failure::bad_config, "which fleet file? none was given", "weir up -f fleet.yaml");
  }
  return config::load(session.machine().files, session.options().file);
}

Result<> refuse_unsupported(const Fleet& fleet) {
  std::string sentences;
  for (const Service& service : fleet.services) {
    for (const std::string& sentence : provision::unsupported(service)) {
      sentences += (sentences.empty() ? "" : "\n") + sentence;
    }
  }
  if (sentences.empty()) return {};
  return fail(Failure::refused, sentences);
}

void take_targets(Grammar& grammar, Options& options) {
  grammar.option("--target", "ADDRESS", &options.targets,
                 "Only this, e.g. orders/role/app; may be repeated");
}

void print_plan(const Session& session, const PlanReport& report) {
  if (session.wants_data()) {
    session.print_data(to_json(report));
  } else {
    session.show(show(report));
  }
}

}  // namespace weir::cli
