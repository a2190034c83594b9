// What a supervisor remembers across its own death.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "guard/guard.h"

namespace weir::guard {

struct ChildNote {
  std::string name;  // "store", or "agent/HOST"
  pid_t pid = 0;
  std::int64_t start_time = 0;
};

struct FaultNote {
  std::string drill;
  Fault fault = Fault::kill_server;
  HostName host;
  Instant revert_by{};
  bool ended = false;  // reverted; kept so that `reverted` can be asked afterwards
};

struct Notes {
  std::vector<ChildNote> children;
  std::vector<FaultNote> faults;  // oldest first

  const ChildNote* child(const std::string& name) const;
  FaultNote* fault_of(const std::string& drill);
  // The kill-host that keeps this host down now.
  const FaultNote* down(const HostName& host) const;
};

// No file, or one of another boot of the machine: nothing to remember.
Result<Notes> read_notes(Files& files, const std::string& path);
// Durable when it returns. Keeps the newest hundred faults that have ended.
Result<> write_notes(Files& files, const std::string& path, const Notes& notes);

}  // namespace weir::guard
