// The environment, read once.
#include "cli/place.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"

namespace weir::cli {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string(value);
}

Result<> absolute(const char* name, const std::string& path) {
  if (starts_with(path, "/")) return {};
  return fail(Failure::bad_config,
              fmt::format("{} must be an absolute path, got '{}'", name, path));
}

}  // namespace

std::vector<HostName> FleetFacts::hosts_here() const {
  if (apart()) return here;
  std::vector<HostName> all;
  for (const Host& host : hosts) all.push_back(host.name);
  return all;
}

namespace {

Json to_json(const peer::Address& address) {
  return Json::object()
      .set("name", address.name)
      .set("ip", address.ip)
      .set("port", int{address.port});
}

peer::Address address_from(const Json& json) {
  return {json["name"].text(), json["ip"].text(),
          static_cast<std::uint16_t>(json["port"].integer())};
}

}  // namespace

Json to_json(const FleetFacts& facts) {
  Json hosts = Json::array();
  for (const Host& host : facts.hosts) hosts.add(weir::to_json(host));
  Json here = Json::array();
  for (const HostName& host : facts.here) here.add(host.text);
  const auto life = std::chrono::floor<std::chrono::seconds>(facts.certificate_life);
  Json json = Json::object()
                  .set("format", kFactsFormat)
                  .set("fleet", facts.name.text)
                  .set("store", to_json(facts.store))
                  .set("hosts", hosts)
                  .set("certificate_life_s", std::int64_t{life.count()});
  if (facts.apart()) json.set("here", here);
  if (facts.signer) json.set("signer", to_json(*facts.signer));
  return json;
}

Result<FleetFacts> facts_from(const Json& json) {
  if (json["format"].integer() > kFactsFormat) {
    return fail(Failure::bad_data, "fleet.json was written by a newer weir");
  }
  FleetFacts facts;
  facts.name = FleetName(json["fleet"].text());
  facts.store = address_from(json["store"]);
  facts.store.name = "store";
  for (const Json& host : json["hosts"].items()) facts.hosts.push_back(host_from(host));
  for (const Json& host : json["here"].items()) facts.here.emplace_back(host.text());
  if (json.has("signer")) facts.signer = address_from(json["signer"]);
  if (json.has("certificate_life_s")) {
    facts.certificate_life = std::chrono::seconds(json["certificate_life_s"].integer());
  }
  if (facts.name.empty() || facts.store.ip.empty()) {
    return fail(Failure::bad_data, "fleet.json is not whole");
  }
  return facts;
}

Result<Place> find_place() {
  Place place;
  const bool root = geteuid() == 0;
  place.state = from_environment("WEIR_STATE");
  if (place.state.empty()) {
    const std::string xdg = from_environment("XDG_STATE_HOME");
    const std::string home = from_environment("HOME");
    if (root) {
      place.state = "/var/lib/weir";
    } else if (!xdg.empty()) {
      place.state = xdg + "/weir";
    } else if (!home.empty()) {
      place.state = home + "/.local/state/weir";
    } else {
      return fail(Failure::bad_config, "no HOME and no WEIR_STATE: nowhere to keep state",
                  "export WEIR_STATE=/some/folder");
    }
  }
  place.run = from_environment("WEIR_RUN");
  if (place.run.empty()) place.run = root ? "/run/weir" : fmt::format("/tmp/weir-{}", geteuid());
  WEIR_TRY_(absolute("WEIR_STATE", place.state));
  WEIR_TRY_(absolute("WEIR_RUN", place.run));
  if (root) {
    if (getpwnam("postgres") == nullptr) {
      return fail(Failure::missing_package, "no user `postgres` to run servers as",
                  "apt-get install postgresql-15");
    }
    place.server_user = "postgres";
  }
  return place;
}

Result<FleetFacts> find_fleet(Files& files, Place& place, const std::string& named) {
  std::string name = named;
  if (name.empty()) {
    std::vector<std::string> fleets;
    if (const auto names = files.list(place.state)) {
      for (const std::string& entry : *names) {
        if (files.exists(place.state + "/" + entry + "/fleet.json")) fleets.push_back(entry);
      }
    }
    if (fleets.empty()) {
      return fail(Failure::not_found, "no fleet was made here, below " + place.state,
                  "weir up -f fleet.yaml");
    }
    if (fleets.size() > 1) {
      return fail(Failure::bad_config, "several fleets are here: " + join(fleets, ", "),
                  "name one: --fleet " + fleets.front());
    }
    name = fleets.front();
  }
  place.fleet = FleetName(name);
  const auto text = files.read(place.facts());
  if (!text) {
    return fail(Failure::not_found, fmt::format("no fleet {} was made here", name),
                "weir up -f fleet.yaml");
  }
  WEIR_TRY(const Json json, Json::parse(*text));
  return facts_from(json);
}

}  // namespace weir::cli
