// Breaks a service on purpose, measures the recovery as an outside client sees it, and leaves
// nothing behind. Runs in the process of whoever asked (mechanics.md, Drills and their numbers).
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "drill/limits.h"
#include "engine/engine.h"
#include "model/fleet.h"
#include "model/record.h"
#include "model/report.h"
#include "world/world.h"

namespace weir::drill {

// What is to be broken. The injector reverts it by itself once `revert_by` has passed.
struct FaultOrder {
  std::string kind;  // "kill-server", "kill-host"
  HostName host;
  MemberName member;
  ServiceName service;
  std::string drill;
  Duration revert_by{};  // from now
};

// Who breaks things and mends them: the supervisor's client, brought by cli/. Each call returns
// by its deadline.
class Injector {
 public:
  virtual ~Injector() = default;
  // T0: the instant at which the fault was complete. An error: look whether it is `reverted`.
  virtual Result<Instant> inject(const FaultOrder& order, Deadline deadline) = 0;
  // Ends whatever `drill` injected; success if nothing is left.
  virtual Result<> revert(const std::string& drill, Deadline deadline) = 0;
  // Verified, not assumed: nothing that `drill` injected is left.
  virtual Result<bool> reverted(const std::string& drill, Deadline deadline) = 0;
};

struct DrillPorts {
  World& world;
  engine::Observes& observes;
  engine::Writes& writes;
  Injector& injector;
  // The service's leadership record as the store has it now.
  std::function<Result<Record>(const ServiceName&, Deadline)> record;
  // Spans of the recovery that began at T0, from the deciding agent's journal. May be empty.
  std::function<std::vector<Phase>(Instant t0, Instant until)> phases;
  // Progress for a person, one line each, the statements that are about to be run among them.
  std::function<void(const std::string&)> say;
  // Whether the drill may still break things: its claim stands (safety.md S11). Asked right before
  // the fault; measuring and reverting need no claim.
  std::function<Result<>()> may_break;
  // Who has pulled the safety lever that stops all drills, and why; empty: nobody.
  std::function<Result<std::string>(Deadline)> lever;
};

struct DrillOrder {
  std::string id;  // 12 characters of [a-z0-9]
  FleetName fleet;
  Service service;
  std::string fault;       // "kill-server", "kill-host"
  std::string database;    // where the ledger's schema is made
  std::string ca;          // path of the fleet's CA certificate
  std::string state_file;  // one per fleet; its folder exists
  std::string log_file;    // the acknowledgement log; its folder exists
  int writers = 4;
  double rate = 400;
  Evidence evidence = Evidence::measured_real;
  Limits limits;
  const std::atomic<bool>* cancelled = nullptr;  // set by SIGINT
  std::optional<Duration> lasts;  // then it ends as a cancelled one does; absent: by its limits
};

// One drill from its checks to its report. Whatever happens, the fault is reverted and schema and
// role are dropped before it returns; where that fails the state file stays and the error's hint
// says so. Errors: refused (it may not begin; the sentence says why), held (another drill runs),
// cancelled, timed_out (`lasts` was over before all was measured), and what the service answered
// to the preparation. A measured result of any verdict is
// a success.
Result<DrillReport> run(const DrillOrder& order, DrillPorts& ports);

// Cleans up after a drill whose process died: ends the fault, drops schema and role, removes the
// file. Success without effect if there is no such file; held while that process lives.
Result<> clean_up_after(const std::string& state_file, DrillPorts& ports);

}  // namespace weir::drill
