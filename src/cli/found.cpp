#include "cli/found.h"

#include <algorithm>
#include <charconv>

#include "access/access.h"
#include "base/text.h"

namespace weir::cli {
namespace {

// Folders that the servers' user must pass through are 0711; what is secret lies below 0700.
int passable(const Place& place) { return place.server_user.empty() ? 0700 : 0711; }

Result<> make_ca_folders(Files& files, const Place& place) {
  for (const std::string& folder : {place.ca(), place.operator_folder(), place.store_folder(),
                                    place.secrets(), place.drills()}) {
    WEIR_TRY_(files.make_folder(folder, 0700));
  }
  return {};
}

}  // namespace

Result<peer::Address> store_address(const std::string& given, const std::string& otherwise) {
  peer::Address address{"store", otherwise, peer::kStorePort};
  if (given.empty()) return address;
  const auto parts = split(given, ':');
  address.ip = parts[0];
  if (parts.size() == 2) {
    const char* end = parts[1].data() + parts[1].size();
    const auto read = std::from_chars(parts[1].data(), end, address.port);
    if (read.ec != std::errc{} || read.ptr != end) address.port = 0;
  }
  if (parts.size() > 2 || address.port == 0 || address.ip.empty()) {
    return fail(Failure::bad_config, "expected --store ADDRESS[:PORT], got '" + given + "'");
  }
  return address;
}

Result<> make_host_folders(Files& files, const Place& place, const std::vector<HostName>& here) {
  WEIR_TRY_(files.make_folder(place.state, passable(place)));
  WEIR_TRY_(files.make_folder(place.fleet_folder(), passable(place)));
  WEIR_TRY_(files.make_folder(place.fleet_folder() + "/hosts", passable(place)));
  WEIR_TRY_(files.make_folder(place.logs(), 0700));
  for (const HostName& host : here) {
    WEIR_TRY_(files.make_folder(place.host_folder(host), passable(place)));
    WEIR_TRY_(files.make_folder(place.identity(host), 0700));
  }
  return {};
}

Result<> found(Machine& machine, const Place& place, const FleetFacts& facts) {
  const std::vector<HostName> here = facts.hosts_here();
  WEIR_TRY_(make_host_folders(machine.files, place, here));
  WEIR_TRY_(make_ca_folders(machine.files, place));
  const WallTime now = machine.clock.wall();
  WEIR_TRY_(access::make_ca(machine.files, place.ca(), facts.name.text, now));
  struct Named {
    access::CertRequest request;
    std::string folder;  // empty: its key is made elsewhere
  };
  std::vector<Named> all{
      {{"operator", {}, facts.certificate_life}, place.operator_folder()},
      {{"store", {facts.store.ip}, facts.certificate_life}, place.store_folder()}};
  for (const Host& host : facts.hosts) {
    const bool is_here = std::ranges::find(here, host.name) != here.end();
    all.push_back({{host.name.text, {host.address}, facts.certificate_life},
                   is_here ? place.identity(host.name) : std::string()});
  }
  for (const Named& each : all) {
    WEIR_TRY_(access::declare(machine.files, place.ca(), each.request));
    if (each.folder.empty()) continue;
    WEIR_TRY_(
        access::issue(machine.files, place.ca(), each.folder, each.request, now, machine.random));
  }
  for (const HostName& host : here) {
    WEIR_TRY(const std::string seal, access::make_seal(machine.files, place.identity(host)));
    WEIR_TRY_(access::keep_seal(machine.files, place.ca(), host.text, seal));
  }
  return {};
}

Result<std::optional<FleetFacts>> facts_here(Files& files, const Place& place) {
  if (!files.exists(place.facts())) return std::optional<FleetFacts>();
  WEIR_TRY(const std::string text, files.read(place.facts()));
  WEIR_TRY(const Json json, Json::parse(text));
  WEIR_TRY(FleetFacts facts, facts_from(json));
  return std::optional<FleetFacts>(std::move(facts));
}

}  // namespace weir::cli
