// weir up -f FILE: from nothing to a healthy fleet on this machine, and again from wherever an
// earlier up was cut off.
#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/desire.h"
#include "cli/found.h"
#include "cli/program.h"
#include "cli/verbs.h"
#include "guard/guard.h"
#include "provision/provision.h"

namespace weir::cli {
namespace {

constexpr const char* kLaptopStore = "127.0.10.250";
constexpr Duration kUpLimit = 300s;

// Idempotent: whatever is there and right is kept.
Result<> make_here(Session& session, const Fleet& fleet) {
  WEIR_TRY(Place place, find_place());
  place.fleet = fleet.name;
  Machine& machine = session.machine();
  FleetFacts facts;
  facts.name = fleet.name;
  facts.hosts = fleet.hosts;
  WEIR_TRY(facts.store, store_address(session.options().store, kLaptopStore));
  WEIR_TRY(const auto before, facts_here(machine.files, place));
  if (before && before->apart()) {
    return fail(Failure::refused,
                fmt::format("fleet {} has a machine for each host: weir up makes them all on one",
                            fleet.name.text),
                "weir apply -f " + session.options().file);
  }
  if (before && session.options().store.empty()) facts.store = before->store;
  // Agents that run would go on asking at the old place, and nobody would be promoted.
  if (before && (facts.store.ip != before->store.ip || facts.store.port != before->store.port)) {
    return fail(Failure::refused,
                fmt::format("the store of fleet {} is at {}:{}: it cannot be moved by up",
                            fleet.name.text, before->store.ip, before->store.port),
                "weir up -f " + session.options().file);
  }
  WEIR_TRY_(found(machine, place, facts));
  return machine.files.write(place.facts(), to_json(facts).dump(true), 0600);
}

// A command that found no store has one of its own for as long as it lives, and a moment longer if
// it was killed. Two cannot have the one file open.
Result<> await_no_other_store(Session& session) {
  // A supervisor that was killed left its notes, and its store to be adopted by the next one.
  if (session.machine().files.exists(session.place().supervisor_state())) return {};
  bool said = false;
  const bool gone = poll_until(session.machine().clock, session.within(15s), 20ms, [&] {
    // Also where --timeout is over by now: nothing but a store that answers is waited for.
    const Deadline soon = session.machine().clock.within(500ms);
    const auto meta = session.store().get(session.keys().meta(), soon);
    if (!meta && meta.error().failure == Failure::unreachable) return true;
    if (!said) session.progress("waiting for another command's store to end");
    said = true;
    return false;
  });
  if (gone) return {};
  const peer::Address& at = session.facts().store;
  const bool in_time = session.time_left().value_or(1s) > Duration::zero();
  return fail(in_time ? Failure::held : Failure::timed_out,
              fmt::format("another command runs a store of its own at {}:{}", at.ip, at.port),
              "wait for that command, or see what it is: pgrep -af 'weir store'");
}

Result<> start_supervisor(Session& session) {
  const Place& place = session.place();
  guard::Supervisor supervisor(session.machine().clock, place.supervisor_socket());
  if (supervisor.status(session.within(1s))) return {};
  WEIR_TRY_(await_no_other_store(session));
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
  const peer::Address& at = session.facts().store;
  return fail(Failure::unreachable,
              fmt::format("the store at {}:{} does not answer; what runs goes on", at.ip, at.port),
              "read " + session.place().logs() + "/store.log; weir up again goes on from here");
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

// Up brings to life and never destroys: that is shown and asked for by `apply`.
Result<> refuse_destruction(const Session& session, const Planned& planned) {
  const std::vector<std::string> destroyed = provision::destroyed_by(planned.report);
  if (destroyed.empty()) return {};
  return fail(Failure::refused,
              fmt::format("up destroys nothing, and {} would go with this file",
                          weir::join(destroyed, ", ")),
              "weir apply -f " + session.options().file);
}

Result<> up(Session& session) {
  WEIR_TRY(const Fleet fleet, load_fleet(session));
  WEIR_TRY_(refuse_unsupported(fleet));
  WEIR_TRY_(make_here(session, fleet));
  WEIR_TRY_(session.open());
  session.progress("starting the supervisor, the store and " + std::to_string(fleet.hosts.size()) +
                   " agents");
  WEIR_TRY_(end_other_supervisor(session));
  WEIR_TRY_(start_supervisor(session));
  WEIR_TRY_(replace_other_store(session));
  WEIR_TRY_(await_store(session));
  WEIR_TRY_(replace_other_agents(session));
  WEIR_TRY(const Planned planned, make_plan(session, fleet, {}));
  WEIR_TRY_(refuse_destruction(session, planned));
  WEIR_TRY_(check_possible(planned));
  // No claim: most often nobody is there yet who could hold one, and what another command wrote
  // meanwhile is seen by its revision.
  WEIR_TRY_(reach_desired(session, planned, kUpLimit, [] { return Result<>{}; }));
  session.progress("healthy");
  print_ways_in(session, fleet);
  return {};
}

void up_takes(Grammar& grammar, Options& options) {
  take_file(grammar, options);
  take_timeout(grammar, options);
  grammar.option("--store", "ADDRESS[:PORT]", &options.store,
                 "Where the store listens (127.0.10.250:7400)");
}

}  // namespace

constinit const Verb kUp{
    "up",
    Group::fleet,
    "Make the fleet of a file run on this machine, from nothing or from where it stands",
    "Makes certificates, starts the supervisor, the store and one agent per host, writes what is\n"
    "desired, and waits until every service is healthy. What is there and right is kept, so the "
    "same\n"
    "command goes on from wherever an earlier one was cut off.",
    "# The fleet of the quickstart\n"
    "weir up -f examples/quickstart.yaml\n"
    "\n"
    "# With the store at an address of your own\n"
    "weir up -f fleet.yaml --store 10.0.0.9:7400",
    "",
    up_takes,
    up,
};

}  // namespace weir::cli
