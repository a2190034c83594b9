// A host dies at once or the drill measures something else: look first, then strike.
#include "guard/host_kill.h"

#include <unistd.h>

#include "guard/guard.h"
#include "guard/page_file.h"
#include "guard/server_processes.h"

namespace weir::guard {
namespace {

std::vector<Process> everything_of(const HostTraces& host) {
  const std::vector<Process> processes = all_processes();
  const std::string fleet_and_host = host.fleet + "/" + host.host;
  const std::string pages = host.run + "/" + fleet_and_host + "/";
  std::vector<Process> victims;
  std::set<pid_t> seen{::getpid()};
  const auto add = [&](const Process& process) {
    if (seen.insert(process.pid).second) victims.push_back(process);
  };
  // The agent's session first: it holds what an agent forked and what has not become a guard yet.
  for (const Process& process : processes) {
    if (host.agent != 0 && process.session == host.agent) add(process);
  }
  std::set<pid_t> guards;
  for (const Process& process : processes) {
    if (!page_of_guard(process.pid).starts_with(pages)) continue;
    guards.insert(process.pid);
    add(process);
  }
  const std::set<pid_t> below_guards = with_descendants(processes, guards);
  for (const Process& process : processes) {
    if (below_guards.contains(process.pid)) add(process);
  }
  for (const std::string& name : inventory(host.run, fleet_and_host)) {
    const auto page = read_page(host.run + "/" + name + ".guard");
    if (!page) continue;
    for (const Process& process : processes_of(traces_in(*page), processes)) add(process);
  }
  return victims;
}

}  // namespace

Result<Instant> kill_processes_of_host(Clock& clock, const HostTraces& host, Deadline deadline) {
  Instant complete{};
  int quiet = 0;
  const auto none_left = [&] {
    const Instant looked = clock.now();
    const std::vector<Process> victims = everything_of(host);
    strike(victims);
    if (victims.empty() && quiet == 0) complete = looked;
    // Twice: a listing of processes is no snapshot, and one may fork while it is read.
    quiet = victims.empty() ? quiet + 1 : 0;
    return quiet == 2;
  };
  if (poll_until(clock, deadline, 1ms, none_left)) return complete;
  return fail(Failure::timed_out, "cannot kill every process of the host " + host.host);
}

}  // namespace weir::guard
