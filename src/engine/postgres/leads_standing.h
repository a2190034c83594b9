// Where a member's log ends and whose it is: from the files of its own disk, or asked of a leader.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/postgres/context.h"
#include "engine/postgres/wal_end.h"
#include "model/lineage.h"

namespace weir::engine::postgres {

// The end of the valid log on this host's disk. The server is stopped, or receives nothing: what
// it would write meanwhile is not waited for. `replayed` is a record boundary known from the
// running server; without it the walk begins at the last checkpoint.
Result<Standing> standing_on_disk(Context& context, const Member& member,
                                  std::optional<Position> replayed, Deadline deadline);

// As above for any member of this host: asks a running server how far it has replayed.
Result<Standing> standing_here(Context& context, const Member& member, bool running,
                               Deadline deadline);

// The segments that end at `standing` are on the disk, not only in the cache.
Result<> flush_log_end(Context& context, const Member& member, const Standing& standing,
                       Deadline deadline);

// What the server's control file says.
Result<Control> read_control(Context& context, const Member& member, Deadline deadline);

// Segment files of this member, for a walk. What is there and cannot be read is noted in `trouble`,
// which outlives the source: a log that only seems to end there is no answer.
SegmentSource segments_of(Context& context, const Member& member, std::uint64_t segment_bytes,
                          std::optional<Error>& trouble);

// A server that serves as leader. unreachable if it is still in recovery.
struct LeaderFacts {
  Standing standing;
  std::string history;  // the text of its timeline's history file; empty on timeline 1
};
Result<LeaderFacts> ask_leader(Context& context, const Member& leader, Deadline deadline);

// The lineage of `timeline` with these branches. A timeline that was left before its parent's
// switch point never lived: what it adds is nothing, and what its parent had beyond is not in it.
Lineage lineage_of(std::string system, std::vector<Branch> branches, std::int64_t timeline);

}  // namespace weir::engine::postgres
