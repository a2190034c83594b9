// What a fleet file would change, in words that terraform's users know.
#include <fmt/format.h>
#include <algorithm>

#include "provision/provision.h"

namespace weir::provision {
namespace {

using Attributes = std::map<std::string, std::pair<std::string, std::string>>;

PlannedChange made(std::string address, Attributes attributes, std::string reason = {}) {
  return {std::move(address), "create", "", std::move(reason), std::move(attributes)};
}

Attributes of(const Resource& resource) {
  Attributes out;
  for (const auto& [name, value] : resource.attributes) {
    out[name] = {"", name == "password" && !value.empty() ? "(secret)" : value};
  }
  return out;
}

void plan_new(const Service& wanted, PlanReport& report) {
  report.changes.push_back(
      made(wanted.name.text, {{"engine", {"", wanted.engine}},
                              {"sync", {"", std::to_string(wanted.sync)}},
                              {"durability", {"", name_of(wanted.durability)}}}));
  for (const Member& member : wanted.members) {
    report.changes.push_back(
        made(wanted.name.text + "/member/" + member.name.text,
             {{"host", {"", member.host.text}},
              {"address", {"", fmt::format("{}:{}", member.address, member.port)}}}));
  }
  for (const Resource& resource : wanted.resources) {
    report.changes.push_back(
        made(wanted.name.text + "/" + resource.kind + "/" + resource.name, of(resource)));
  }
}

void plan_members(const Service& wanted, const Service& known, PlanReport& report) {
  for (const Member& member : wanted.members) {
    const Member* before = known.find(member.name);
    const std::string address = wanted.name.text + "/member/" + member.name.text;
    const auto at = [](const Member& m) { return fmt::format("{}:{}", m.address, m.port); };
    if (before == nullptr) {
      report.changes.push_back(made(address, {{"address", {"", at(member)}}}));
    } else if (*before != member) {
      report.changes.push_back({address,
                                "replace",
                                "replace",
                                "a member's address cannot change",
                                {{"address", {at(*before), at(member)}}}});
    }
  }
  for (const Member& member : known.members) {
    if (wanted.find(member.name) != nullptr) continue;
    report.changes.push_back({wanted.name.text + "/member/" + member.name.text,
                              "delete",
                              "",
                              "the file no longer names it",
                              {}});
  }
}

// The diff compares only what is declared, so a parameter that the file gave up is found here.
void plan_given_up(const Service& wanted, const Service& known,
                   const std::vector<engine::Attribute>& attributes, PlanReport& report) {
  for (const Resource& before : known.resources) {
    if (before.kind != "param") continue;
    const bool kept = std::ranges::any_of(wanted.resources, [&](const Resource& resource) {
      return resource.kind == before.kind && resource.name == before.name;
    });
    if (kept) continue;
    const auto attribute = std::ranges::find_if(attributes, [&](const engine::Attribute& a) {
      return a.kind == before.kind && a.name == before.name;
    });
    PlannedChange change{wanted.name.text + "/param/" + before.name,
                         "delete",
                         attribute == attributes.end() ? "reload" : attribute->effect,
                         "the file no longer sets it: the server's default returns",
                         {}};
    for (const auto& [name, value] : before.attributes) change.attributes[name] = {value, ""};
    report.changes.push_back(std::move(change));
  }
}

std::string value_of(const Resource& resource, const std::string& attribute) {
  const auto found = resource.attributes.find(attribute);
  return found == resource.attributes.end() ? std::string{} : found->second;
}

void plan_resources(const Service& wanted, const Found& found,
                    const std::vector<engine::Attribute>& attributes, PlanReport& report) {
  if (!found.present) {
    report.warnings.push_back(fmt::format(
        "service {}: no member could be asked what is there, so its parameters, roles and "
        "databases are unknown",
        wanted.name.text));
    return;
  }
  for (const engine::Difference& difference :
       engine::diff(wanted.resources, *found.present, attributes)) {
    const bool creates = difference.present.name.empty();
    const bool deletes = difference.wanted.name.empty();
    const Resource& named = deletes ? difference.present : difference.wanted;
    PlannedChange change{wanted.name.text + "/" + named.kind + "/" + named.name,
                         creates   ? "create"
                         : deletes ? "delete"
                                   : "update",
                         difference.effect, difference.reason, of(difference.wanted)};
    for (const auto& [name, value] : difference.present.attributes) {
      auto& pair = change.attributes[name];
      pair.first = name == "password" && !value.empty() ? "(secret)" : value;
    }
    std::erase_if(change.attributes, [&](const auto& entry) {
      return value_of(difference.wanted, entry.first) == value_of(difference.present, entry.first);
    });
    report.changes.push_back(std::move(change));
  }
}

}  // namespace

void plan_service(const Service& wanted, const Found& found,
                  const std::vector<engine::Attribute>& attributes, PlanReport& report) {
  if (found.known == nullptr) {
    plan_new(wanted, report);
    return;
  }
  if (found.known->sync != wanted.sync) {
    report.changes.push_back(
        {wanted.name.text,
         "update",
         "",
         "",
         {{"sync", {std::to_string(found.known->sync), std::to_string(wanted.sync)}}}});
  }
  if (found.known->durability != wanted.durability) {
    report.changes.push_back(
        {wanted.name.text,
         "update",
         "",
         "",
         {{"durability", {name_of(found.known->durability), name_of(wanted.durability)}}}});
  }
  if (!(found.known->objective == wanted.objective)) {
    report.changes.push_back({wanted.name.text,
                              "update",
                              "",
                              "the objective is measured from now "
                              "on",
                              {}});
  }
  if (found.known->freezes != wanted.freezes) {
    report.changes.push_back(
        {wanted.name.text, "update", "", "drills are refused in the windows of `freeze`", {}});
  }
  plan_members(wanted, *found.known, report);
  plan_given_up(wanted, *found.known, attributes, report);
  plan_resources(wanted, found, attributes, report);
  for (const auto& [member, reach] : found.members) {
    if (reach == Reach::serving) continue;
    report.warnings.push_back(
        fmt::format("member {} of {} is {}", member.text, wanted.name.text, name_of(reach)));
  }
}

}  // namespace weir::provision
