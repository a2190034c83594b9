// While the store is away all recorded members together extend the lease of a leader that lives
// under a guard's deadline (safety.md S2, S8): its agent asks theirs, on the peer port. All and not
// a majority: the majority of the store and that of the members can lie on opposite sides of a cut.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "failover/view.h"

namespace weir::failover {

// What the agent of a leader asks.
struct Asking {
  HostName host;   // the asker's, as its certificate names it
  AgentLife life;  // in which the host renewed; the record carries it
  Epoch epoch;     // in which its member leads
};
struct Grant {
  bool given = false;
  std::string because;  // why not; empty if it is given
};

// The leader's side: every other member that may stand in the record, so that any of them that says
// no is heard. Absent: somebody who stands there cannot be asked.
std::optional<std::vector<Member>> whom_to_ask(const View& view);
// The other side. A grant that is given counts as a renewal of that host heard now, from before
// this decision on. `renewed`: the life that the store itself shows for that host; absent: it
// cannot be read, or shows none. Nothing of a grant is persisted: an agent that restarts counts
// from its own start, which is later than any grant that it gave.
Grant decide_grant(const View& view, const Asking& asking, const std::optional<AgentLife>& renewed);

}  // namespace weir::failover
