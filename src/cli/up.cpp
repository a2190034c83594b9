// weir up -f FILE: from nothing to a healthy fleet on this machine, and again from wherever an
// earlier up was cut off.
#include <fmt/format.h>
#include <unistd.h>

#include "access/access.h"
#include "base/text.h"
#include "cli/program.h"
#include "cli/verbs.h"
#include "guard/guard.h"

namespace weir::cli {
namespace {

constexpr const char* kLaptopStore = "127.0.10.250";
constexpr Duration kUpLimit = 300s;

Result<peer::Address> store_address(const std::string& given) {
  peer::Address address{"store", kLaptopStore, peer::kStorePort};
  if (given.empty()) return address;
  const auto parts = split(given, ':');
  address.ip = parts[0];
  if (parts.size() == 2) address.port = static_cast<std::uint16_t>(std::atoi(parts[1].c_str()));
  if (parts.size() > 2 || address.port == 0) {
    return fail(Failure::bad_config, "expected --store ADDRESS[:PORT], got '" + given + "'");
  }
  return address;
}

// Folders that the servers' user must pass through are 0711; what is secret lies below 0700.
Result<> make_folders(Session& session, const Place& place, const FleetFacts& facts) {
  Files& files = session.machine().files;
  const int passable = place.server_user.empty() ? 0700 : 0711;
  WEIR_TRY_(files.make_folder(place.state, passable));
  WEIR_TRY_(files.make_folder(place.fleet_folder(), passable));
  WEIR_TRY_(files.make_folder(place.fleet_folder() + "/hosts", passable));
  for (const std::string& folder : {place.ca(), place.operator_folder(), place.store_folder(),
                                    place.secrets(), place.drills(), place.logs()}) {
    WEIR_TRY_(files.make_folder(folder, 0700));
  }
  for (const Host& host : facts.hosts) {
    WEIR_TRY_(files.make_folder(place.host_folder(host.name), passable));
    WEIR_TRY_(files.make_folder(place.identity(host.name), 0700));
  }
  return {};
}

Result<> issue_identities(Session& session, const Place& place, const FleetFacts& facts) {
  Machine& machine = session.machine();
  const WallTime now = machine.clock.wall();
  WEIR_TRY_(access::make_ca(machine.files, place.ca(), facts.name.text, now));
  const auto issue = [&](const std::string& folder, const std::string& name,
                         const std::vector<std::string>& ips) {
    return access::issue(machine.files, place.ca(), folder, {name, ips}, now, machine.random);
  };
  WEIR_TRY_(issue(place.operator_folder(), "operator", {}));
  WEIR_TRY_(issue(place.store_folder(), "store", {facts.store.ip}));
  for (const Host& host : facts.hosts) {
    WEIR_TRY_(issue(place.identity(host.name), host.name.text, {host.address}));
  }
  return {};
}

// Idempotent: whatever is there and right is kept.
Result<> init(Session& session, const Fleet& fleet) {
  WEIR_TRY(Place place, find_place());
  place.fleet = fleet.name;
  FleetFacts facts{fleet.name, {}, fleet.hosts};
  WEIR_TRY(facts.store, store_address(session.options().store));
  Files& files = session.machine().files;
  if (const auto text = files.read(place.facts())) {
    WEIR_TRY(const Json json, Json::parse(*text));
    WEIR_TRY(const FleetFacts before, facts_from(json));
    if (session.options().store.empty()) facts.store = before.store;
  }
  WEIR_TRY_(make_folders(session, place, facts));
  WEIR_TRY_(issue_identities(session, place, facts));
  return files.write(place.facts(), to_json(facts).dump(true), 0600);
}

Result<> start_supervisor(Session& session) {
  const Place& place = session.place();
  guard::Supervisor supervisor(session.machine().clock, place.supervisor_socket());
  if (supervisor.status(session.within(1s))) return {};
  WEIR_TRY_(start_detached(supervisor_argv(place), place.logs() + "/supervisor.log"));
  const bool up = poll_until(session.machine().clock, session.within(10s), 10ms,
                             [&] { return supervisor.status(session.within(500ms)).has_value(); });
  if (up) return {};
  return fail(Failure::timed_out, "the supervisor did not start",
              "read " + place.logs() + "/supervisor.log");
}

Result<> await_store(Session& session) {
  const bool up = poll_until(session.machine().clock, session.within(15s), 10ms, [&] {
    return session.store().get(session.keys().meta(), session.within(500ms)).has_value();
  });
  if (up) return {};
  return fail(Failure::timed_out, "the store did not start",
              "read " + session.place().logs() + "/store.log");
}

void print_ways_in(Session& session, const Fleet& fleet) {
  for (const Service& service : fleet.services) {
    std::string hosts;
    for (const Member& member : service.members) {
      hosts += fmt::format("{}{}:{}", hosts.empty() ? "" : ",", member.address, member.port);
    }
    std::string database = "postgres";
    std::string role = "ROLE";
    for (const Resource& resource : service.resources) {
      if (resource.kind == "database") database = resource.name;
      if (resource.kind == "role" && resource.attributes.contains("login") &&
          resource.attributes.at("login") == "true") {
        role = resource.name;
      }
    }
    session.print(fmt::format(
        "postgresql://{}@{}/{}?target_session_attrs=read-write&sslmode=verify-ca&sslrootcert={}",
        role, hosts, database, session.place().operator_folder() + "/ca.crt"));
  }
}

}  // namespace

Result<> up(Session& session) {
  WEIR_TRY(const Fleet fleet, load_fleet(session));
  WEIR_TRY_(refuse_unsupported(fleet));
  WEIR_TRY_(init(session, fleet));
  WEIR_TRY_(session.open());
  session.progress("starting the supervisor, the store and " + std::to_string(fleet.hosts.size()) +
                   " agents");
  WEIR_TRY_(start_supervisor(session));
  WEIR_TRY_(await_store(session));
  WEIR_TRY_([&]() -> Result<> {
    const auto written = write_desired(session, fleet);
    if (!written) return fail(written.error());
    return {};
  }());
  WEIR_TRY_(await_healthy(session, fleet, kUpLimit));
  session.progress("healthy");
  print_ways_in(session, fleet);
  return {};
}

}  // namespace weir::cli
