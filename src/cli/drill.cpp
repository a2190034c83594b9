// weir drill FAULT SERVICE: break a service on purpose, measure the recovery, leave it healthy.
#include <fmt/format.h>

#include "cli/held_claim.h"
#include "cli/history.h"
#include "cli/lever.h"
#include "cli/verbs.h"
#include "drill/drill.h"
#include "guard/guard.h"

namespace weir::cli {
namespace {

constexpr Duration kStoreLimit = 5s;
constexpr Duration kStopAllLimit = 300s;  // a running drill reverts, recovers and cleans up
constexpr Duration kDrillLasts = 15min;   // more than all limits of a drill together

// The drill's injector is the supervisor: the only one that kills a host, and only in its fleet.
class BySupervisor : public drill::Injector {
 public:
  explicit BySupervisor(guard::Supervisor supervisor) : supervisor_(std::move(supervisor)) {}

  Result<Instant> inject(const drill::FaultOrder& order, Deadline deadline) override {
    const auto fault = guard::fault_named(order.kind);
    if (!fault) return fail(Failure::unsupported, "this version cannot inject " + order.kind);
    WEIR_TRY(const guard::FaultDone done,
             supervisor_.inject({*fault, order.host, order.service.text + "-" + order.member.text,
                                 order.drill, order.revert_by},
                                deadline));
    return done.at;
  }
  Result<> revert(const std::string& id, Deadline deadline) override {
    return supervisor_.revert(id, deadline);
  }
  Result<bool> reverted(const std::string& id, Deadline deadline) override {
    return supervisor_.reverted(id, deadline);
  }

 private:
  guard::Supervisor supervisor_;
};

std::string database_of(const Service& service) {
  for (const Resource& resource : service.resources) {
    if (resource.kind == "database") return resource.name;
  }
  return "postgres";
}

// Through another host's agent where there is one: the leader's may be what the drill kills.
Result<std::unique_ptr<HeldClaim>> claim_for(Session& session, const Service& service) {
  ClaimOrder order;
  order.service = service;
  order.capability = Capability::drill;
  order.verb = "weir drill " + session.options().fault;
  order.lasts = kDrillLasts;
  WEIR_TRY(const auto held, store::read_record(session.store(), session.keys(), service.name,
                                               session.within(kStoreLimit)));
  if (held) order.last = held->record.leader_host;
  return HeldClaim::take(session, order);
}

Result<> judged(Session& session, const DrillReport& report) {
  if (session.wants_data()) {
    session.print_data(to_json(report));
  } else {
    session.print(show(report));
  }
  if (report.verdict == Verdict::void_run) return fail(Failure::drill_void, report.because);
  if (report.verdict == Verdict::breached) {
    return fail(Failure::objective_breached, report.because);
  }
  return {};
}

// What every drill, and the lever, needs of this machine. The claim is asked for through `claim`.
drill::DrillPorts ports_of(Session& session, engine::Engine& engine, drill::Injector& injector,
                           const ServiceName& service, std::unique_ptr<HeldClaim>& claim) {
  Machine& machine = session.machine();
  return {session.world(),
          *engine.observes(),
          *engine.writes(),
          injector,
          [&session](const ServiceName& name, Deadline deadline) -> Result<Record> {
            WEIR_TRY(const auto held,
                     store::read_record(session.store(), session.keys(), name, deadline));
            if (!held) return fail(Failure::not_found, "no record of " + name.text);
            return held->record;
          },
          [&session, &machine, service](Instant fault, Instant until) {
            // Journals carry wall time; on the one machine of this fleet both clocks are ours.
            const auto offset =
                machine.clock.wall().time_since_epoch() - machine.clock.now().time_since_epoch();
            machine.clock.sleep_for(600ms);  // agents' journals are copied within half a second
            const auto history = read_history(session, service.text);
            if (!history) return std::vector<Phase>{};
            return phases_of(*history, WallTime(fault.time_since_epoch() + offset),
                             WallTime(until.time_since_epoch() + offset));
          },
          [&session](const std::string& line) { session.progress(line); },
          [&claim]() -> Result<> { return claim->check(); },
          [&session](Deadline deadline) { return read_lever(session, deadline); }};
}

// The lever first, so that nothing begins meanwhile; then whatever runs is seen to end. What a
// killed drill left is cleaned up here.
Result<> stop_all(Session& session) {
  WEIR_TRY_(pull_lever(session, session.options().reason));
  session.progress("the lever is pulled: no drill begins until weir drill --release");
  WEIR_TRY(const auto services,
           store::list_desired(session.store(), session.keys(), session.within(kStoreLimit)));
  if (!services.empty()) {
    WEIR_TRY(engine::Engine* const engine, session.engine(services.front().service.engine));
    BySupervisor injector(
        guard::Supervisor(session.machine().clock, session.place().supervisor_socket()));
    std::unique_ptr<HeldClaim> none;
    auto ports = ports_of(session, *engine, injector, services.front().service.name, none);
    Result<> ended;
    (void)poll_until(session.machine().clock, session.within(kStopAllLimit), 50ms, [&] {
      ended = drill::clean_up_after(session.place().drill_state(), ports);
      return ended.has_value() || ended.error().failure != Failure::held || session.cancelled();
    });
    WEIR_TRY_(ended);
  }
  session.print("stopped: no drill runs, and none begins until weir drill --release");
  return {};
}

Result<> check_words(const Options& options) {
  const int words = int{!options.fault.empty()} + int{options.stop_all} + int{options.release};
  if (words == 1) return {};
  return fail(Failure::bad_config,
              words == 0 ? "what to break? no fault was given"
                         : "give one of a fault, --stop-all and --release",
              "weir drill kill-server SERVICE");
}

Result<> drill(Session& session) {
  WEIR_TRY_(check_words(session.options()));
  WEIR_TRY_(session.open());
  const auto awake = session.wake_store();
  const bool lever = session.options().stop_all || session.options().release;
  // The lever is only a key: it is pulled and released also while nothing else runs here.
  if (!awake || (session.store_is_ours() && !lever)) {
    return fail(Failure::refused, "the fleet does not run here, so nothing can be drilled",
                "weir up -f fleet.yaml");
  }
  if (session.options().stop_all) return stop_all(session);
  if (session.options().release) return release_lever(session);
  WEIR_TRY(const auto desired, session.service());
  WEIR_TRY(engine::Engine* const engine, session.engine(desired.service.engine));
  Machine& machine = session.machine();
  const Place& place = session.place();
  BySupervisor injector(guard::Supervisor(machine.clock, place.supervisor_socket()));
  std::unique_ptr<HeldClaim> claim;
  auto ports = ports_of(session, *engine, injector, desired.service.name, claim);
  WEIR_TRY_(drill::clean_up_after(place.drill_state(), ports));
  WEIR_TRY(claim, claim_for(session, desired.service));

  drill::DrillOrder order;
  order.id = machine.random.id();
  order.fleet = place.fleet;
  order.service = desired.service;
  order.fault = session.options().fault;
  order.database = database_of(desired.service);
  order.ca = place.operator_folder() + "/ca.crt";
  order.state_file = place.drill_state();
  order.log_file = place.drills() + "/" + order.id + ".ledger";
  order.writers = session.options().writers;
  order.rate = session.options().rate;
  order.cancelled = machine.cancelled;
  order.lasts = session.time_left();
  WEIR_TRY(const DrillReport report, drill::run(order, ports));
  WEIR_TRY_(machine.files.write(place.drills() + "/" + order.id + ".json",
                                to_json(report).dump(true), 0600));
  return judged(session, report);
}

void drill_takes(Grammar& grammar, Options& options) {
  grammar.positional("FAULT", &options.fault, "What to break").one_of({"kill-server", "kill-host"});
  take_service(grammar, options);
  grammar.option("--rate", "COMMITS", &options.rate, "Commits a second, all writers together (400)")
      .within(1, 100000);
  grammar.option("--writers", "NUMBER", &options.writers, "Concurrent writers (4)").within(1, 64);
  grammar.option("--timeout", "TIME", &options.timeout,
                 "How long it may take, e.g. 2m; then exit 124, with the fault reverted");
  grammar.flag("--stop-all", options.stop_all,
               "Pull the safety lever: running drills end, and none begins");
  grammar.option("--reason", "TEXT", &options.reason,
                 "With --stop-all: why, for whoever is refused");
  grammar.flag("--release", options.release, "Release the safety lever");
}

}  // namespace

constinit const Verb kDrill{
    "drill",
    Group::prove,
    "Break a service on purpose and measure its recovery",
    "Writes to the service as an ordinary client would, injects the fault, and measures: for how "
    "long\n"
    "nobody could write, and whether anything acknowledged is lost. It ends only once the fault "
    "is\n"
    "verified as gone. Exit 3 when the objective was breached.",
    "# Kill the machine under the leader\n"
    "weir drill kill-host orders\n"
    "\n"
    "# Kill only its server, under less load\n"
    "weir drill kill-server orders --rate 100 --writers 2\n"
    "\n"
    "# End all drills, and let none begin\n"
    "weir drill --stop-all --reason incident-42",
    kAnswers,
    drill_takes,
    drill,
};

}  // namespace weir::cli
