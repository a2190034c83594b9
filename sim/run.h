// One run: three hosts with their agents, a load, faults, checkers; everything from one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/fleet.h"
#include "sim/checkers/checker.h"
#include "sim/ports.h"

namespace weir::sim {

enum class Fault {
  kill_server,   // SIGKILL of the server program; its backends live on for `lasts` (0: drawn)
  kill_host,     // power off; on again after `lasts`
  kill_agent,    // started again by the supervisor after a second
  lose_data,     // the server dies and the member's folder is gone
  pause_replay,  // for `lasts`: the startup process loads no settings
};
const char* name_of(Fault fault);

// Whom a fault is done to.
struct Target {
  enum class Who { member, leader, replica } who = Who::member;
  int index = 0;  // of the member, or which of the replicas
};

struct FaultPlan {
  Duration at{};  // after the load began
  Fault fault = Fault::kill_server;
  Target target;
  Duration lasts{};
  // Kill at a place in an agent's code instead of at an instant: from `at` on (or from the start of
  // the run), at the first port call of any agent that is named so and whose detail contains the
  // text, or after `crossings` more. The victim is that agent, or its host for kill_host.
  std::string call;
  std::string detail;
  int crossings = 0;
  bool same_fiber = false;  // count only what the same activity does after that call
  bool from_start = false;
};

struct Plan {
  std::uint64_t seed = 0;
  int members = 3;
  int sync = 1;
  double rate = 50;  // writes a second, all writers together
  int writers = 2;
  Duration load_for = std::chrono::seconds(15);
  Duration back_within = std::chrono::seconds(60);  // once faults stopped
  std::vector<FaultPlan> faults;
};
// A plan drawn from the seed: one to four faults.
Plan drawn_plan(std::uint64_t seed);

struct Report {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;
  std::vector<std::string> violations;  // none: the run is good
  std::size_t acknowledged = 0;         // client rows
  std::size_t lost = 0;
  std::int64_t promotions = 0;
  Duration
      promoted_within{};   // longest from a fault to the first acknowledgement of a higher epoch
  Duration longest_gap{};  // between acknowledgements
  Instant ended{};
  std::vector<std::string> faults;     // as they were done
  std::vector<std::string> killed_at;  // "CALL DETAIL" where agents were killed in their code
};

// Runs it to its end. `tell` gets the trace as text.
Report run(const Plan& plan, std::function<void(const std::string&)> tell = {});

}  // namespace weir::sim
