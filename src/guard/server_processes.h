// Which processes belong to a server, and their death.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "guard/page.h"
#include "guard/processes.h"

namespace weir::guard {

// A server as its page and its specification name it; 0: not known.
struct ServerTraces {
  std::string folder;  // canonical
  pid_t server = 0;
  std::int64_t server_start = 0;
  pid_t guard = 0;
  std::int64_t guard_start = 0;
};
ServerTraces traces_in(const weir_guard_page& page);

// The server's own process, all that descend from it or from its guard, and whatever works in its
// folder. Never the guard, never ourselves.
std::vector<Process> processes_of(const ServerTraces& traces,
                                  const std::vector<Process>& processes);

// SIGKILL to each; returns how many were sent.
int strike(const std::vector<Process>& victims);

// The folder with all links resolved. Refuses (bad_config) one that is no server's: a kill by
// working folder of "/" or of a top-level folder would take the machine.
Result<std::string> canonical_folder(const std::string& folder);

}  // namespace weir::guard
