// The long-running programs inside this binary, and the command lines that start them.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace weir::cli {

std::vector<std::string> store_argv(const Place& place, int while_pid);
std::vector<std::string> agent_argv(const Place& place, const HostName& host);
std::vector<std::string> supervisor_argv(const Place& place);

}  // namespace weir::cli
