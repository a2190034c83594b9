// What the agents did, as they copied it to the store.
#pragma once

#include <string>
#include <vector>

#include "cli/known.h"
#include "cli/listing.h"
#include "cli/session.h"
#include "journal/journal.h"
#include "model/report.h"

namespace weir::cli {

struct Told {
  HostName host;
  journal::Entry entry;
};
// Oldest first; of one service, or of all if it is empty.
Result<std::vector<Told>> read_history(Session& session, const std::string& service);
// The same while the store may be away: then it is what the agents that answer have themselves.
std::vector<Told> read_history(Session& session, const Known& known, const std::string& service);

// What --since, --kind and --limit leave of it.
std::vector<Told> filtered(std::vector<Told> history, const Options& options, WallTime now);
// As rows: of the session's service, filtered.
Listing listing_of(const std::vector<Told>& history);

// The spans of a recovery that began at `fault` and ended at `until`, from the agents' journals.
std::vector<Phase> phases_of(const std::vector<Told>& history, WallTime fault, WallTime until);

}  // namespace weir::cli
