// What /proc tells about the processes of this machine: how servers are recognised and killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "world/descriptor.h"

namespace weir::guard {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  std::int64_t start_time = 0;  // with pid it is unique within one boot
};

// Zombies are not processes here: they hold nothing.
std::optional<Process> look_at(pid_t pid);
std::vector<Process> all_processes();
// Whether `pid` is still the process that started then.
bool is_alive(pid_t pid, std::int64_t start_time);

// The same question, asked over and over of the same process: a pidfd answers it for a tenth of
// what a look into /proc costs. One thread at a time.
class HeldProcess {
 public:
  bool is_alive(pid_t pid, std::int64_t start_time);

 private:
  pid_t pid_ = 0;
  std::int64_t start_time_ = 0;
  Descriptor held_;
};

// Empty if it may not be read, or if the process has gone.
std::string working_folder_of(pid_t pid);
std::vector<std::string> arguments_of(pid_t pid);

// Whether this is a guard, and of which page; empty: no guard.
std::string page_of_guard(pid_t pid);

// `roots` and all that descend from them.
std::set<pid_t> with_descendants(const std::vector<Process>& processes, std::set<pid_t> roots);

// By pidfd, so that a number that was given to another process meanwhile is never hit. Returns
// whether the signal was sent.
bool send_signal(pid_t pid, std::int64_t start_time, int signal);

// This boot of the machine.
std::string boot_id();

}  // namespace weir::guard
