// The one statement of a probe and how its row becomes a sighting; apart from the connection, so
// that it can be tested without one.
#pragma once

#include "base/result.h"
#include "engine/postgres/session.h"
#include "model/sighting.h"

namespace weir::engine::postgres {

extern const char* const kSightQuery;
// bad_data when the row is not one of kSightQuery's.
Result<Sighting> sighting_of(const Rows& rows, Instant at);
// What a failed connection or query says of the server.
Sighting sighting_of(const Error& error, Instant at);

}  // namespace weir::engine::postgres
