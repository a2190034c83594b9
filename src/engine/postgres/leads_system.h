// What a promise must see of the operating system: the server's own children, and that what was
// read from a disk is on it. The one adapter of these calls in this engine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::engine::postgres {

struct Receivers {
  std::vector<int> pids;  // children of the postmaster that are WAL receivers
  // A child was just forked and has not said yet what it is.
  bool unnamed = false;
  bool none() const { return pids.empty() && !unnamed; }
};

// Children of the postmaster now. io if the process table cannot be read.
Result<Receivers> receivers_of(std::int64_t postmaster);

// SIGTERM to a receiver, if that pid is still a child of that postmaster.
void end_receiver(std::int64_t postmaster, int pid);

// fsync of a file that another process wrote; absent is success.
Result<> flush_file(const std::string& path);

}  // namespace weir::engine::postgres
