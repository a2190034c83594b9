// The parts of loading a synchronous set that promotion shares with `load_set`.
#pragma once

#include <string>

#include "engine/postgres/context.h"
#include "model/record.h"

namespace weir::engine::postgres {

// A session of this host's superuser that was opened now and whose own `setting` is `value`: its
// postmaster has loaded it. timed_out, with `otherwise`, if none came by the deadline.
Result<Session> session_with(Context& context, const Member& member, const std::string& setting,
                             const std::string& value, const std::string& otherwise,
                             Deadline deadline);
// The same for synchronous_standby_names.
Result<Session> session_with_names(Context& context, const Member& member, const std::string& names,
                                   Deadline deadline);

// A commit that waits for nobody; it says that writes work and moves the log.
Result<> write_locally(Session& session, Deadline deadline);

// The slots of all of `set`, made where they are missing.
Result<> ensure_slots(Session& session, const SyncSet& set, Deadline deadline);

}  // namespace weir::engine::postgres
