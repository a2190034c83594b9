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

// As one conninfo string; values are quoted.
std::string conninfo(const Parameters& parameters);

}  // namespace weir::engine::postgres
