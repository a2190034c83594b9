// Servers under their guards, and the supervisor: the small processes beside the servers.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/names.h"
#include "world/world.h"

namespace weir::guard {

// The real world::Servers: one guard process (guard/guard.c, static, carried inside this binary,
// started by memfd and fexecve) per server, found again through `run`/NAME.guard.
// `run` is $WEIR_RUN: owner and mode are checked, no link is followed.
Result<std::unique_ptr<Servers>> make_servers(Clock& clock, const std::string& run);

// Names with a guard file below `run`, for one host: "FLEET/HOST/SERVICE-MEMBER".
std::vector<std::string> inventory(const std::string& run, const std::string& fleet_and_host);

// Whether that process runs the program that we run, byte by byte, wherever its file was or is;
// false if it has gone.
bool runs_our_program(pid_t pid);

// --- The supervisor: stand-in for systemd and hypervisor of a fleet that `weir up` made here.

enum class Fault { kill_server, kill_host, kill_agent };
const char* name_of(Fault fault);  // "kill-server", ...
std::optional<Fault> fault_named(const std::string& text);

struct FaultOrder {
  Fault fault = Fault::kill_server;
  HostName host;
  std::string server;    // kill_server: SERVICE-MEMBER
  std::string drill;     // id
  Duration revert_by{};  // from now; then the supervisor reverts by itself
};
struct FaultDone {
  Instant at{};  // T0: when the fault was complete, CLOCK_BOOTTIME
};

// What the supervisor runs and watches. Agents that die are started again after 1 s, then at
// doubling pauses up to 10 s; a host that is down is left down until revived.
struct SupervisorPlan {
  std::string run;     // $WEIR_RUN
  std::string socket;  // its own, 0600
  std::string state;   // where it notes its children, so that a new one adopts them
  std::string fleet;
  std::vector<std::string> store_argv;  // `weir store ...`
  struct AgentPlan {
    HostName host;
    std::vector<std::string> argv;
  };
  std::vector<AgentPlan> agents;
  std::string log_folder;
};
// Runs until asked to stop over its socket. held: another supervisor runs this fleet.
Result<> supervise(World& world, const SupervisorPlan& plan);

// The supervisor's client; each call is one line of JSON each way over the socket.
// unreachable: no supervisor runs there.
class Supervisor {
 public:
  Supervisor(Clock& clock, std::string socket);
  Result<Json> status(Deadline deadline);  // {"pid", "store": {...}, "agents": [{host, pid, down}]}
  Result<FaultDone> inject(const FaultOrder& order, Deadline deadline);
  // Brings a host back, or ends whatever `drill` injected; success if nothing is left to revert.
  Result<> revert(const std::string& drill, Deadline deadline);
  // Whether nothing that `drill` injected is left: host up again, its agent alive.
  Result<bool> reverted(const std::string& drill, Deadline deadline);
  // Ends the store ("store") or one agent ("agent/HOST") and starts it from the supervisor's own
  // program; servers stay under their guards. refused: a drill keeps its host down.
  Result<> replace(const std::string& child, Deadline deadline);
  // Stops agents (servers stay under their guards), then the store, then itself.
  Result<> stop(Deadline deadline);

 private:
  Result<Json> ask(const Json& question, Deadline deadline);
  Clock& clock_;
  std::string socket_;
};

}  // namespace weir::guard
