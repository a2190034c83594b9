// The command line: `weir VERB [WHAT] [SERVICE]`; one file per verb.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "world/world.h"

namespace weir::cli {

// The real ports, made by app/.
struct Machine {
  Clock& clock;
  Random& random;
  Files& files;
  Programs& programs;
  Workers& workers;
  // Servers under their guards below this $WEIR_RUN.
  std::function<Result<std::unique_ptr<Servers>>(const std::string& run)> servers;
  // Set by SIGINT and SIGTERM.
  const std::atomic<bool>* cancelled = nullptr;
};

// Exit codes of design.md: 0 ok, 1 error, 2 plan has changes, 3 objective breached, 4 refused by a
// guard, 5 lock or claim held, 124 timed out, 130 interrupted.
int run(int argc, char** argv, Machine& machine);

}  // namespace weir::cli
