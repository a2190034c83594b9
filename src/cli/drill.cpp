// weir drill FAULT SERVICE: break a service on purpose, measure the recovery, leave it healthy.
#include <fmt/format.h>

#include "cli/history.h"
#include "cli/verbs.h"
#include "drill/drill.h"
#include "guard/guard.h"

namespace weir::cli {
namespace {

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

Result<> judged(Session& session, const DrillReport& report) {
  if (session.wants_json()) {
    session.print_json(to_json(report));
  } else {
    session.print(show(report));
  }
  if (report.verdict == Verdict::void_run) return fail(Failure::drill_void, report.because);
  if (report.verdict == Verdict::breached) {
    return fail(Failure::objective_breached, report.because);
  }
  return {};
}

}  // namespace

Result<> drill(Session& session) {
  WEIR_TRY_(session.open());
  const auto awake = session.wake_store();
  if (!awake || session.store_is_ours()) {
    return fail(Failure::refused, "the fleet does not run here, so nothing can be drilled",
                "weir up -f fleet.yaml");
  }
  WEIR_TRY(const auto desired, session.service());
  WEIR_TRY(engine::Engine* const engine, session.engine(desired.service.engine));
  Machine& machine = session.machine();
  const Place& place = session.place();
  BySupervisor injector(guard::Supervisor(machine.clock, place.supervisor_socket()));
  drill::DrillPorts ports{
      session.world(),
      *engine->observes(),
      *engine->writes(),
      injector,
      [&](const ServiceName& name, Deadline deadline) -> Result<Record> {
        WEIR_TRY(const auto held,
                 store::read_record(session.store(), session.keys(), name, deadline));
        if (!held) return fail(Failure::not_found, "no record of " + name.text);
        return held->record;
      },
      [&](Instant fault, Instant until) {
        // Journals carry wall time; on the one machine of this fleet both clocks are ours.
        const auto offset =
            machine.clock.wall().time_since_epoch() - machine.clock.now().time_since_epoch();
        machine.clock.sleep_for(600ms);  // the agents' journals are copied within half a second
        const auto history = read_history(session, desired.service.name.text);
        if (!history) return std::vector<Phase>{};
        return phases_of(*history, WallTime(fault.time_since_epoch() + offset),
                         WallTime(until.time_since_epoch() + offset));
      },
      [&](const std::string& line) { session.progress(line); }};
  WEIR_TRY_(drill::clean_up_after(place.drill_state(), ports));

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
  WEIR_TRY(const DrillReport report, drill::run(order, ports));
  WEIR_TRY_(machine.files.write(place.drills() + "/" + order.id + ".json",
                                to_json(report).dump(true), 0600));
  return judged(session, report);
}

}  // namespace weir::cli
