// The ledger runs as a process of the clients' host, with that host's ports.
#include "sim/load.h"

namespace weir::sim {
namespace {

engine::Setting client_setting() {
  engine::Setting out;
  out.fleet = FleetName("sim");
  out.host = kClients;
  out.state = "/state";
  return out;
}

ledger::Plan plan_of(const SimFleet& fleet, int writers, double rate) {
  ledger::Plan out;
  out.id = "load";
  out.members = fleet.service().members;
  out.writers = writers;
  out.rate = rate;
  out.file = "/state/ledger.jsonl";
  return out;
}

}  // namespace

Load::Load(SimFleet& fleet, int writers, double rate)
    : fleet_(fleet),
      group_(fleet.fibers().new_group()),
      engine_(engine::make_fake(fleet.client().world, client_setting(), fleet.cluster())),
      ledger_(fleet.client().world, *engine_->writes(), plan_of(fleet, writers, rate)) {}

// Its fibers use its engine.
Load::~Load() { fleet_.fibers().kill(group_); }

// A start that is cut short by a fault is no matter: the writers go on.
void Load::begin() {
  fleet_.fibers().begin(group_, "ledger", [this] {
    (void)ledger_.start(fleet_.client().clock.within(std::chrono::hours(1)));
  });
}

void Load::end() {
  fleet_.fibers().begin(group_, "audit", [this] {
    const Member* leader = fleet_.service().find(fleet_.record().leader.member);
    if (leader == nullptr) return;
    const auto verdict = ledger_.audit(*leader, fleet_.client().clock.within(1s));
    if (verdict) verdict_ = *verdict;
  });
}

}  // namespace weir::sim
