// The parts of the decision, each a file of its own. Private to failover/.
#pragma once

#include <optional>

#include "failover/failover.h"

namespace weir::failover {

// The record names this member with the incarnation of its data.
bool leads_by_record(const View& view);
// This member's data is whole, of the record, and its word counts.
bool may_promise(const View& view);
const Other* find_other(const View& view, const MemberName& member);
engine::Upstream upstream_of(const View& view);  // requires the leader among the others
// S5: in this mode a leader acknowledges alone, so its lease ends or it answers before another is
// promoted; every recorded replica is a voter.
bool acknowledges_alone(const Record& record);
bool lease_is_over(const View& view);
// Whether the guard of this member's server holds a deadline that gives time for a start.
bool deadline_is_held(const View& view);
bool serves_as_leader(const Other& other);
// S9: a recorded member that was seen to hold more of this log than this member finds on its disk,
// which then broke its word; null: none, or not known.
const Other* holder_of_more(const View& view);
// This member's server runs and was told to receive from that leader in the record's epoch.
bool follows(const View& view, const Other& leader);

// Who answers and has not read the record that first had the view's set; empty: nobody (S12).
std::string unread_by(const View& view);
// The store has lost the record: what we remember is true, but nobody can write it.
Decision decide_without_record(const View& view);

// By whom our lease is extended while the store is away, for people; empty: it is not.
std::string extended_by(const View& view);

// Rules return nothing when they do not apply.
std::optional<Decision> decide_in_round(const View& view);
std::optional<Decision> decide_on_suspicion(const View& view);
std::optional<Decision> decide_as_leader(const View& view);
// S8: nothing can be acknowledged here, and somebody else may lead by now; and the way back.
std::optional<Decision> decide_isolation(const View& view);
std::optional<Decision> decide_writes_again(const View& view);
Decision decide_as_replica(const View& view);
// The leader's server runs and is ours: confirm, narrow, widen.
Decision decide_set(const View& view);
// S7: the declared mode is not the record's.
std::optional<Decision> decide_mode(const View& view);
// What of a set streams and is heard of now.
bool streams(const View& view, const Voter& voter);
bool silent(const View& view, const Voter& voter);

}  // namespace weir::failover
