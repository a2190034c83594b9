// What a drill writes down before it touches anything, so that its end does not need its process.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "drill/drill.h"

namespace weir::drill {

constexpr int kStateFormat = 1;
constexpr const char* kSchema = "weir_ledger";
constexpr const char* kRole = "weir_ledger";

struct State {
  std::string drill;
  std::string life;  // of the process that runs it, see `life_of`
  std::string fault;
  std::string database;
  std::string ca;
  Service service;
};

Json to_json(const State& state);
Result<State> state_from(const Json& json);

// nullopt: no drill has left anything there.
Result<std::optional<State>> read_state(Files& files, const std::string& path);

// "PID START" of a process, from /proc/PID/stat ("self": our own); with its start time a pid is
// never another process. Empty if there is none.
std::string life_of(Files& files, const std::string& pid);
bool is_alive(Files& files, const State& state);

// The member that leads by its record, as the service declares it. not_found: nobody does.
Result<Member> leader_of(const Record& record, const Service& service);

// Drops schema and role on whoever leads, trying until the deadline.
Result<> drop_ledger(DrillPorts& ports, const Service& service, const engine::LedgerAccess& access,
                     Deadline deadline);
// Ends the fault, trying until the deadline.
Result<> end_fault(DrillPorts& ports, const std::string& drill, Deadline deadline);

}  // namespace weir::drill
