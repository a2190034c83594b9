// Children of a server leave its process group and outlive it, so they are found in two ways: by
// descent, which a guard that reaps orphans keeps true, and by their working folder.
#include "guard/server_processes.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace weir::guard {
namespace {

bool holds(const std::vector<Process>& processes, pid_t pid, std::int64_t start_time) {
  return std::any_of(processes.begin(), processes.end(), [&](const Process& process) {
    return process.pid == pid && process.start_time == start_time;
  });
}

}  // namespace

ServerTraces traces_in(const weir_guard_page& page) {
  return {page.folder, static_cast<pid_t>(page.server_pid), page.server_start,
          static_cast<pid_t>(page.guard_pid), page.guard_start};
}

std::vector<Process> processes_of(const ServerTraces& traces,
                                  const std::vector<Process>& processes) {
  std::set<pid_t> roots;
  if (holds(processes, traces.server, traces.server_start)) roots.insert(traces.server);
  if (holds(processes, traces.guard, traces.guard_start)) roots.insert(traces.guard);
  const std::set<pid_t> family = with_descendants(processes, roots);
  std::vector<Process> found;
  for (const Process& process : processes) {
    if (process.pid == traces.guard && process.start_time == traces.guard_start) continue;
    if (process.pid == ::getpid()) continue;
    if (family.contains(process.pid) || working_folder_of(process.pid) == traces.folder)
      found.push_back(process);
  }
  return found;
}

int strike(const std::vector<Process>& victims) {
  int sent = 0;
  for (const Process& victim : victims) {
    if (send_signal(victim.pid, victim.start_time, SIGKILL)) ++sent;
  }
  return sent;
}

Result<std::string> canonical_folder(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(folder, error);
  const auto depth = std::distance(resolved.begin(), resolved.end());
  // "/" counts as one: a server's folder lies at least two below it.
  if (error || !resolved.is_absolute() || depth < 3)
    return fail(Failure::bad_config,
                "cannot run a server in '" + folder + "': it is not a folder of its own");
  return resolved.string();
}

}  // namespace weir::guard
