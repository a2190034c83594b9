// Every epoch has a timeline of its own number. Postgres takes the number after the newest history
// file that it finds in an unbroken row, so the numbers of rounds that nobody won are filled with
// history files that name no parent: a server passes them over. Without this two leaders that
// branch off at one point would share number and switch point, and nothing could tell their logs
// apart.
#pragma once

#include <cstdint>
#include <string>

#include "engine/postgres/context.h"
#include "model/lineage.h"

namespace weir::engine::postgres {

// Makes the next promotion of this server begin timeline `number`. The server is on `lineage`.
// Written from the highest number down, so that a row that was cut off is broken and unseen.
Result<> fill_histories(Context& context, const Member& member, const Lineage& lineage,
                        std::int64_t number);
// The history of a leader's timeline, and whatever lies below it, before a receiver asks for them.
Result<> place_history(Context& context, const Member& member, const Lineage& leader,
                       const std::string& history);
// Removes the fillings above `timeline`: a start in between would take them for its target.
Result<> remove_fillings(Context& context, const Member& member, std::int64_t timeline);

// Whether files of timelines above `timeline` are there that are no fillings.
Result<bool> has_untaken(Context& context, const Member& member, std::int64_t timeline);
// Stopped servers only: moves such files away, so that the server reads its log as we did. A
// segment of a timeline that was begun and not taken holds less than its elder.
Result<> set_aside_untaken(Context& context, const Member& member, std::int64_t timeline);

// promoting.json: a promotion was asked of this server process.
Result<> note_promoting(Context& context, const Member& member, const ServerState& server);
Result<bool> is_promoting(Context& context, const Member& member, const ServerState& server);
Result<> forget_promoting(Context& context, const Member& member);

// standby.signal, of the server's user.
Result<> make_standby(Context& context, const Member& member);

}  // namespace weir::engine::postgres
