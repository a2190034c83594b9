// A sighting as it is published. `at` stays behind: another host's clock means nothing here.
#include "model/sighting.h"

#include <algorithm>
#include <array>

#include "model/record.h"

namespace weir {
namespace {

constexpr std::array kReaches{Reach::unknown, Reach::serving, Reach::starting,
                              Reach::refused, Reach::silent,  Reach::sick};
constexpr std::array kRoles{Role::unknown, Role::leader, Role::replica};

template <class T, std::size_t N>
T named(const std::array<T, N>& values, const std::string& text) {
  for (const T value : values) {
    if (text == name_of(value)) return value;
  }
  return values[0];  // a name of a later version is unknown here, and unknown is never healthy
}

Json to_json(const Follower& follower) {
  Json json = Json::object();
  json.set("voter", weir::to_json(follower.voter)).set("streaming", follower.streaming);
  json.set("counted", follower.counted).set("flushed", show(follower.flushed));
  return json;
}

Position position_in(const Json& json) { return position_from(json.text()).value_or(Position{}); }

}  // namespace

const char* name_of(Reach reach) {
  switch (reach) {
    case Reach::unknown:
      return "unknown";
    case Reach::serving:
      return "serving";
    case Reach::starting:
      return "starting";
    case Reach::refused:
      return "refused";
    case Reach::silent:
      return "silent";
    case Reach::sick:
      return "sick";
  }
  return "unknown";
}

const char* name_of(Role role) {
  switch (role) {
    case Role::unknown:
      return "unknown";
    case Role::leader:
      return "leader";
    case Role::replica:
      return "replica";
  }
  return "unknown";
}

bool Sighting::streams(const Voter& voter) const {
  return std::ranges::any_of(followers, [&](const Follower& follower) {
    return follower.voter == voter && follower.streaming;
  });
}

Json to_json(const Sighting& sighting) {
  Json followers = Json::array();
  for (const Follower& follower : sighting.followers) followers.add(to_json(follower));
  Json json = Json::object();
  json.set("format", 1).set("reach", name_of(sighting.reach)).set("detail", sighting.detail);
  json.set("role", name_of(sighting.role)).set("system", sighting.system);
  json.set("timeline", sighting.timeline).set("written", show(sighting.written));
  json.set("replayed", show(sighting.replayed)).set("position_known", sighting.position_known);
  json.set("receives_from", sighting.receives_from).set("followers", std::move(followers));
  json.set("set_loaded", sighting.set_loaded).set("writable", sighting.writable);
  return json;
}

Sighting sighting_from(const Json& json, Instant at) {
  Sighting sighting;
  sighting.at = at;
  sighting.reach = named(kReaches, json["reach"].text());
  sighting.detail = json["detail"].text();
  sighting.role = named(kRoles, json["role"].text());
  sighting.system = json["system"].text();
  sighting.timeline = json["timeline"].integer();
  sighting.written = position_in(json["written"]);
  sighting.replayed = position_in(json["replayed"]);
  sighting.position_known = json["position_known"].boolean();
  sighting.receives_from = json["receives_from"].text();
  for (const Json& item : json["followers"].items()) {
    sighting.followers.push_back({voter_from(item["voter"]), item["streaming"].boolean(),
                                  item["counted"].boolean(), position_in(item["flushed"])});
  }
  sighting.set_loaded = json["set_loaded"].text();
  sighting.writable = json["writable"].boolean();
  return sighting;
}

}  // namespace weir
