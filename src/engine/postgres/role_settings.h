// conf/role.conf: the settings that make a server follow, stand alone, wait for others or take no
// writes.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/names.h"
#include "model/record.h"
#include "world/world.h"

namespace weir::engine::postgres {

struct RoleSettings {
  std::string primary_conninfo;
  std::string primary_slot_name;
  std::string synchronous_standby_names;
  std::string restore_command;
  bool takes_no_writes = false;  // default_transaction_read_only
  bool operator==(const RoleSettings&) const = default;
};

// Reads what `write_role_settings` wrote; an absent file reads as all empty.
Result<RoleSettings> read_role_settings(Files& files, const std::string& path);
// Replaces the file atomically and durably. The caller reloads the server.
Result<> write_role_settings(Files& files, const std::string& path, const RoleSettings& settings);

// The name that a voter gives as application_name: `weir_MEMBER_INCARNATION` (safety.md S6).
std::string application_name(const Voter& voter);
std::optional<Voter> voter_named(const std::string& application_name);
// The replication slot of a member on its leader: `weir_MEMBER`, in a slot's alphabet.
std::string slot_name(const MemberName& member);

// synchronous_standby_names for `set`: `ANY n ("weir_b_x","weir_c_y")`. Nobody in the set: a name
// that no member bears, so that commits wait instead of passing unguarded (safety.md S7). No
// number: empty, no commit waits.
std::string standby_names(const SyncSet& set);
// The names listed in such a text, in order; the reserved name is left out.
std::vector<Voter> listed_voters(const std::string& standby_names);

// A value as postgresql.conf wants it: in single quotes, quotes and backslashes doubled.
std::string quote_setting(const std::string& value);

}  // namespace weir::engine::postgres
