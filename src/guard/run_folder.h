// $WEIR_RUN: where guards leave their pages, how it is checked, and what lies in it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "world/child.h"
#include "world/descriptor.h"
#include "world/world.h"

namespace weir::guard {

// Files of one server; `name` is FLEET/HOST/SERVICE-MEMBER.
struct RunPaths {
  std::string folder;   // RUN/FLEET/HOST
  std::string page;     // the guard's page
  std::string lock;     // who may start this server now
  std::string sockets;  // folder of the server's unix socket
};

// Makes RUN if it is absent, and refuses (denied) one that is not ours, is a link, or that others
// may write; bad_config if it is not absolute or longer than 40 bytes.
Result<> check_run(const std::string& run);

// Refuses names that would leave RUN, and paths too long for a unix socket, with bad_config.
Result<RunPaths> paths_of(const std::string& run, const std::string& name);

// Makes the folders of one server; its socket folder belongs to `owner`.
Result<> make_run_folders(const std::string& run, const std::string& name, const Account& owner);

// Takes the lock at `path`; it is held until the descriptor and all copies of it are closed.
// held: another process kept it until the deadline.
Result<Descriptor> take_lock(Clock& clock, const std::string& path, Deadline deadline);

}  // namespace weir::guard
