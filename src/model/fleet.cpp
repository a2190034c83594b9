// The desired fleet in JSON, as `apply` writes it to the store and agents read it.
#include "model/fleet.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

Json to_json(const Member& member) {
  Json json = Json::object();
  json.set("name", member.name.text).set("host", member.host.text);
  json.set("address", member.address).set("port", int{member.port});
  return json;
}

Json to_json(const Objective& objective) {
  Json json = Json::object();
  if (objective.availability) json.set("availability", *objective.availability);
  if (objective.rpo) json.set("rpo_ns", std::int64_t{objective.rpo->count()});
  if (objective.rto) json.set("rto_ns", std::int64_t{objective.rto->count()});
  return json;
}

Objective objective_from(const Json& json) {
  Objective objective;
  if (json["availability"].is_number()) objective.availability = json["availability"].number();
  if (json["rpo_ns"].is_integer()) objective.rpo = Duration{json["rpo_ns"].integer()};
  if (json["rto_ns"].is_integer()) objective.rto = Duration{json["rto_ns"].integer()};
  return objective;
}

Json to_json(const Resource& resource) {
  Json attributes = Json::object();
  for (const auto& [name, value] : resource.attributes) attributes.set(name, value);
  Json json = Json::object();
  json.set("kind", resource.kind).set("name", resource.name);
  json.set("attributes", std::move(attributes));
  return json;
}

Resource resource_from(const Json& json) {
  Resource resource{json["kind"].text(), json["name"].text(), {}};
  for (const auto& [name, value] : json["attributes"].members()) {
    resource.attributes[name] = value.text();
  }
  return resource;
}

Json to_json(const Freeze& freeze) {
  return Json::object()
      .set("from_ns", std::int64_t{freeze.from.time_since_epoch().count()})
      .set("until_ns", std::int64_t{freeze.until.time_since_epoch().count()})
      .set("reason", freeze.reason);
}

Freeze freeze_from(const Json& json) {
  return {WallTime(Duration(json["from_ns"].integer())),
          WallTime(Duration(json["until_ns"].integer())), json["reason"].text()};
}

bool whole_freeze(const Json& json) {
  return json["from_ns"].is_integer() && json["until_ns"].is_integer();
}

bool whole_member(const Json& json) {
  const std::int64_t port = json["port"].integer();
  return !json["name"].text().empty() && !json["host"].text().empty() &&
         !json["address"].text().empty() && port > 0 && port < 65536;
}

// The first field that is absent or of another type; nullptr if the service is whole.
const char* broken_field(const Json& json) {
  const auto& members = json["members"].items();
  const auto& resources = json["resources"].items();
  if (json["name"].text().empty()) return "name";
  if (json["engine"].text().empty()) return "engine";
  const auto& leaving = json["leaving"].items();
  const bool somebody = !members.empty() || !leaving.empty();
  if (!somebody || !std::all_of(members.begin(), members.end(), whole_member)) return "members";
  if (!std::all_of(leaving.begin(), leaving.end(), whole_member)) return "leaving";
  if (!json["sync"].is_integer() || json["sync"].integer() < 0) return "sync";
  if (!durability_named(json["durability"].text())) return "durability";
  if (!json["objective"].is_object()) return "objective";
  if (!json["resources"].is_array()) return "resources";
  for (const Json& resource : resources) {
    if (resource["kind"].text().empty() || resource["name"].text().empty()) return "resources";
  }
  // Absent from what an older weir wrote.
  const auto& freezes = json["freezes"].items();
  if (!std::all_of(freezes.begin(), freezes.end(), whole_freeze)) return "freezes";
  return nullptr;
}

std::vector<Member> members_from(const ServiceName& service, const Json& json) {
  std::vector<Member> out;
  for (const Json& item : json.items()) {
    out.push_back({service, MemberName{item["name"].text()}, HostName{item["host"].text()},
                   item["address"].text(), static_cast<std::uint16_t>(item["port"].integer())});
  }
  return out;
}

template <class T, class NameType>
const T* find_in(const std::vector<T>& items, const NameType& name) {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const T& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const Member* Service::find(const MemberName& member) const { return find_in(members, member); }

const Freeze* Service::frozen_at(WallTime now) const {
  for (const Freeze& freeze : freezes) {
    if (freeze.from <= now && now < freeze.until) return &freeze;
  }
  return nullptr;
}

const Member* Service::find_leaving(const MemberName& member) const {
  return find_in(leaving, member);
}

std::vector<Member> Service::all() const {
  std::vector<Member> out = members;
  out.insert(out.end(), leaving.begin(), leaving.end());
  return out;
}

const Host* Fleet::find_host(const HostName& host) const { return find_in(hosts, host); }

const Service* Fleet::find(const ServiceName& service) const { return find_in(services, service); }

Json to_json(const Service& service) {
  Json members = Json::array();
  for (const Member& member : service.members) members.add(to_json(member));
  Json resources = Json::array();
  for (const Resource& resource : service.resources) resources.add(to_json(resource));
  Json json = Json::object();
  json.set("format", kDesiredFormat).set("name", service.name.text).set("engine", service.engine);
  json.set("members", std::move(members)).set("sync", service.sync);
  json.set("durability", name_of(service.durability));
  json.set("objective", to_json(service.objective)).set("resources", std::move(resources));
  if (!service.freezes.empty()) {
    Json freezes = Json::array();
    for (const Freeze& freeze : service.freezes) freezes.add(to_json(freeze));
    json.set("freezes", std::move(freezes));
  }
  if (!service.leaving.empty()) {
    Json leaving = Json::array();
    for (const Member& member : service.leaving) leaving.add(to_json(member));
    json.set("leaving", std::move(leaving));
  }
  if (!service.final_copies) json.set("final_copies", false);
  return json;
}

Result<Service> service_from(const Json& json) {
  if (!json["format"].is_integer() || json["format"].integer() < 1) {
    return fail(Failure::bad_data, "cannot read the desired service: it carries no format");
  }
  if (json["format"].integer() > kDesiredFormat) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the desired service: its format {} is newer than {}, "
                            "the newest that this weir knows",
                            json["format"].integer(), kDesiredFormat));
  }
  if (const char* field = broken_field(json)) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the desired service: its `{}` is not whole", field));
  }
  Service service;
  service.name = ServiceName{json["name"].text()};
  service.engine = json["engine"].text();
  service.members = members_from(service.name, json["members"]);
  service.leaving = members_from(service.name, json["leaving"]);
  service.final_copies = json["final_copies"].boolean(true);
  service.sync = static_cast<int>(json["sync"].integer());
  service.durability = *durability_named(json["durability"].text());
  service.objective = objective_from(json["objective"]);
  for (const Json& item : json["resources"].items()) {
    service.resources.push_back(resource_from(item));
  }
  for (const Json& item : json["freezes"].items()) service.freezes.push_back(freeze_from(item));
  return service;
}

Json to_json(const Host& host) {
  Json json = Json::object();
  json.set("name", host.name.text).set("address", host.address);
  return json;
}

Host host_from(const Json& json) { return {HostName{json["name"].text()}, json["address"].text()}; }

}  // namespace weir
