// With whom and as whom a session is opened: the parameter lists, and the internal roles.
#pragma once

#include <string>

#include "engine/engine.h"
#include "engine/postgres/session.h"
#include "model/fleet.h"

namespace weir::engine::postgres {

constexpr const char* kSuperuser = "postgres";
constexpr const char* kReplicationRole = "weir_replication";
constexpr const char* kRewindRole = "weir_rewind";
constexpr const char* kMonitorRole = "weir_monitor";
constexpr const char* kOperatorRole = "weir_operator";

// Superuser of a server of this host: unix socket, peer, our own user mapped to `postgres`.
Parameters local_parameters(const Setting& setting, const Member& member,
                            const std::string& database = "postgres");
// An internal role of any server, by TLS and this host's certificate; the server is verified by
// its host's name, and no DNS is asked.
Parameters remote_parameters(const Setting& setting, const Member& member, const std::string& role,
                             const std::string& database = "postgres");
// The same for replication commands (TIMELINE_HISTORY, CREATE_REPLICATION_SLOT).
Parameters replication_parameters(const Setting& setting, const Member& member);

// For a program that runs as the server's user beside `own` (pg_basebackup, pg_rewind) and for a
// receiver: the same certificate, from files that this user can read.
Parameters program_parameters(const Setting& setting, const Member& own, const Member& target,
                              const std::string& role);
// What a receiver of `own` connects with: application_name names the voter, and its key lies under
// the path of the epoch that it follows (safety.md S6).
Parameters receiver_parameters(const Setting& setting, const Member& own,
                               const Incarnation& incarnation, const Upstream& upstream);

// As one conninfo string; values are quoted.
std::string conninfo(const Parameters& parameters);

}  // namespace weir::engine::postgres
