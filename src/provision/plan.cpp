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

std::string at(const Member& member) { return fmt::format("{}:{}", member.address, member.port); }

std::string address_of(const Service& service, const MemberName& member) {
  return service.name.text + "/member/" + member.text;
}

// A member that did not answer is unknown, never absent; data that is ours and that the store does
// not know is taken over, never made anew.
PlannedChange joining(const Service& wanted, const Member& member, const Found& found) {
  const auto seen = std::ranges::find(found.members, member.name, &FoundMember::name);
  if (seen != found.members.end() && seen->data) {
    return {address_of(wanted, member.name),
            "adopt",
            "",
            "its data is ours, but not in the store",
            {{"address", {"", at(member)}}, {"incarnation", {seen->data->text, seen->data->text}}}};
  }
  return made(address_of(wanted, member.name),
              {{"host", {"", member.host.text}}, {"address", {"", at(member)}}});
}

void plan_new(const Service& wanted, const Found& found, PlanReport& report) {
  report.changes.push_back(
      made(wanted.name.text, {{"engine", {"", wanted.engine}},
                              {"sync", {"", std::to_string(wanted.sync)}},
                              {"durability", {"", name_of(wanted.durability)}}}));
  for (const Member& member : wanted.members) {
    report.changes.push_back(joining(wanted, member, found));
  }
  for (const Resource& resource : wanted.resources) {
    report.changes.push_back(
        made(wanted.name.text + "/" + resource.kind + "/" + resource.name, of(resource)));
  }
}

constexpr const char* kKept = "the file no longer names it; its data is kept as a final copy";

void plan_members(const Service& wanted, const Found& found, PlanReport& report) {
  const Service& known = *found.known;
  for (const Member& member : wanted.members) {
    const Member* before = known.find(member.name);
    if (known.find_leaving(member.name) != nullptr) continue;
    if (before == nullptr) {
      report.changes.push_back(joining(wanted, member, found));
    } else if (*before != member) {
      report.changes.push_back({address_of(wanted, member.name),
                                "replace",
                                "replace",
                                "a member's address cannot change: it leaves, its data is kept as "
                                "a final copy, and it joins anew",
                                {{"address", {at(*before), at(member)}}}});
    }
  }
  for (const Member& member : known.members) {
    if (wanted.find(member.name) != nullptr) continue;
    report.changes.push_back({address_of(wanted, member.name),
                              "delete",
                              "",
                              kKept,
                              {{"address", {at(member), ""}}, {"host", {member.host.text, ""}}}});
  }
  for (const Member& member : known.leaving) {
    report.changes.push_back({address_of(wanted, member.name),
                              wanted.find(member.name) == nullptr ? "delete" : "replace",
                              "",
                              "it is leaving already",
                              {{"address", {at(member), ""}}},
                              true});
  }
  for (const FoundMember& member : found.members) {
    const bool stays = known.find(member.name) != nullptr && wanted.find(member.name) != nullptr;
    if (!stays || member.reach == Reach::serving) continue;
    report.changes.push_back(
        {address_of(wanted, member.name),
         "unknown",
         "",
         fmt::format("its server is {}: what is there cannot be said", name_of(member.reach)),
         {}});
  }
}

// What the server still has of a parameter that the file gave up, the diff finds; what nobody could
// be asked about is found here.
void plan_given_up(const Service& wanted, const Service& known,
                   const std::vector<engine::Attribute>& attributes, PlanReport& report) {
  for (const Resource& before : known.resources) {
    if (before.kind != "param") continue;
    const bool kept = std::ranges::any_of(wanted.resources, [&](const Resource& resource) {
      return resource.kind == before.kind && resource.name == before.name;
    });
    const std::string address = wanted.name.text + "/param/" + before.name;
    const bool told =
        std::ranges::find(report.changes, address, &PlannedChange::address) != report.changes.end();
    if (kept || told) continue;
    const auto attribute = std::ranges::find_if(attributes, [&](const engine::Attribute& a) {
      return a.kind == before.kind && a.name == before.name;
    });
    PlannedChange change{address,
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

PlannedChange change_of(const Service& service, const engine::Difference& difference) {
  const bool deletes = difference.wanted.name.empty();
  const bool creates = difference.present.name.empty();
  const Resource& named = deletes ? difference.present : difference.wanted;
  const bool replaces = difference.effect == "replace";
  PlannedChange change{service.name.text + "/" + named.kind + "/" + named.name,
                       creates    ? "create"
                       : deletes  ? "delete"
                       : replaces ? "replace"
                                  : "update",
                       difference.effect, difference.reason, of(difference.wanted)};
  for (const auto& [name, value] : difference.present.attributes) {
    auto& pair = change.attributes[name];
    pair.first = name == "password" && !value.empty() ? "(secret)" : value;
  }
  std::erase_if(change.attributes, [&](const auto& entry) {
    return value_of(difference.wanted, entry.first) == value_of(difference.present, entry.first);
  });
  if (deletes && named.kind == "database") change.reason = kKept;
  return change;
}

// What the leader has beside what was last applied. The diff tells how to come back; drift is told
// the other way round: as applied, then as it is.
void plan_drift(const Found& found, const std::vector<engine::Attribute>& attributes,
                PlanReport& report) {
  for (const engine::Difference& back :
       engine::diff(found.known->resources, *found.present, attributes)) {
    PlannedChange change = change_of(*found.known, back);
    for (auto& [name, values] : change.attributes) std::swap(values.first, values.second);
    if (change.action == "create") {
      change.action = "delete";
      change.reason = "it was made, and is not there";
    } else if (change.action == "delete") {
      change.action = "create";
      change.reason = back.present.kind == "param" ? "it was set on the server, not in the file"
                                                   : "weir made it, and it was not applied";
    } else {
      change.reason.clear();
    }
    report.drift.push_back(std::move(change));
  }
}

void plan_resources(const Service& wanted, const Found& found,
                    const std::vector<engine::Attribute>& attributes, PlanReport& report) {
  if (!found.present) {
    report.changes.push_back({wanted.name.text,
                              "unknown",
                              "",
                              "its leader could not be asked: its parameters, roles, databases "
                              "and grants cannot be said",
                              {}});
    return;
  }
  for (const engine::Difference& difference :
       engine::diff(wanted.resources, *found.present, attributes)) {
    report.changes.push_back(change_of(wanted, difference));
  }
  plan_drift(found, attributes, report);
}

}  // namespace

void plan_service(const Service& wanted, const Found& found,
                  const std::vector<engine::Attribute>& attributes, PlanReport& report) {
  if (found.known == nullptr) {
    plan_new(wanted, found, report);
    return;
  }
  const Service& known = *found.known;
  PlannedChange own{wanted.name.text, "update", "", "", {}};
  if (known.sync != wanted.sync) {
    own.attributes["sync"] = {std::to_string(known.sync), std::to_string(wanted.sync)};
  }
  if (known.durability != wanted.durability) {
    own.attributes["durability"] = {name_of(known.durability), name_of(wanted.durability)};
  }
  if (!(known.objective == wanted.objective)) own.reason = "the objective is measured from now on";
  if (known.freezes != wanted.freezes) {
    own.reason += own.reason.empty() ? "" : "; ";
    own.reason += "drills are refused in the windows of `freeze`";
  }
  if (!own.attributes.empty() || !own.reason.empty()) report.changes.push_back(std::move(own));
  plan_members(wanted, found, report);
  plan_resources(wanted, found, attributes, report);
  plan_given_up(wanted, known, attributes, report);
}

void plan_gone(const Service& known, PlanReport& report) {
  const bool under_way = known.leaves();
  report.changes.push_back(
      {known.name.text,
       "delete",
       "",
       "the file no longer names it; its last leader's data is kept as a final copy",
       {{"engine", {known.engine, ""}}},
       under_way});
  for (const Member& member : known.all()) {
    report.changes.push_back({address_of(known, member.name),
                              "delete",
                              "",
                              "its service leaves",
                              {{"address", {at(member), ""}}, {"host", {member.host.text, ""}}},
                              under_way});
  }
}

}  // namespace weir::provision
