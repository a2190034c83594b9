// One run: three hosts with their agents, a load, faults, checkers; everything from one seed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/faults.h"

namespace weir::sim {

struct Plan {
  std::uint64_t seed = 0;
  int members = 3;
  int sync = 1;
  Durability durability = Durability::required;
  double rate = 50;  // writes a second, all writers together
  int writers = 2;
  Duration load_for = std::chrono::seconds(15);
  Duration back_within = std::chrono::seconds(60);  // once faults stopped
  bool shaped = false;  // the file declares parameters, a database and a role
  std::vector<FaultPlan> faults;
  bool operator==(const Plan&) const = default;
};
// A plan drawn from the seed: its faults, and of which kinds.
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
  // Outcomes that agents about to be killed in their code had come to write: past the first one the
  // step that a kill point was counted from is over.
  int outcomes_passed = 0;
};

// Runs it to its end. `tell` gets the trace as text.
Report run(const Plan& plan, std::function<void(const std::string&)> tell = {});

}  // namespace weir::sim
