// Whether a data folder is the one that its note was written for: a volume mounted in the wrong
// place, or an upgrade by hand, leaves other data where a member's was.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/postgres/layout.h"
#include "world/world.h"

namespace weir::engine::postgres {

// The identifier that initdb gave to the cluster, as Postgres prints it.
Result<std::string> system_of(Files& files, const std::string& data);

// bad_data, with the sentence to show, where the data is of another version of Postgres or of
// another cluster than the member's. Data that is not there is nobody's.
Result<> refuse_exchanged(Files& files, const Layout& layout);

}  // namespace weir::engine::postgres
