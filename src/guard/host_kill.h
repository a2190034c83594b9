// The death of a whole host of a fleet that the supervisor runs.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "guard/processes.h"
#include "world/world.h"

namespace weir::guard {

struct HostTraces {
  std::string run;  // $WEIR_RUN
  std::string fleet;
  std::string host;
  // The agent leads a session of its own (started so by the supervisor); 0: it does not run.
  pid_t agent = 0;
};

// SIGKILL to the agent and whatever it has begun, to the host's guards and to every process of its
// servers, all seen first and struck together, again until two looks in a row find nothing.
// Returns the instant from which nothing of it was alive. timed_out: something still is at the
// deadline.
Result<Instant> kill_processes_of_host(Clock& clock, const HostTraces& host, Deadline deadline);

}  // namespace weir::guard
