// What a running server does once the fleet has revoked certificates.
#pragma once

#include "engine/postgres/context.h"

namespace weir::engine::postgres {

// Ends every session that came in by a certificate which this host's list of the revoked names:
// replication, rewind and monitor roles alike. For a list that is new to the server it first sees
// that the postmaster judges newcomers by it, and ends the server's own receiver, which connects
// anew and so looks at the list too. `session`: superuser on that server, whose process is
// `postmaster`. Repeated it ends who came in meanwhile.
Result<> end_revoked(Context& context, const Member& member, std::int64_t postmaster,
                     Session& session, Deadline deadline);

}  // namespace weir::engine::postgres
