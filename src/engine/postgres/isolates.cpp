// The setting lies in role.conf, which every promotion writes anew: no way to lead keeps it.
#include "engine/postgres/isolates.h"

#include <fmt/format.h>

#include "engine/postgres/role_settings.h"
#include "engine/postgres/sync_set.h"

namespace weir::engine::postgres {
namespace {

// Until new sessions have it; those that are open load it before their next statement.
Result<Session> session_that(Context& context, const Member& member, bool read_only,
                             Deadline deadline) {
  return session_with(
      context, member, "default_transaction_read_only", read_only ? "on" : "off",
      fmt::format("the server of {} has not loaded whether it takes writes", member.name.text),
      deadline);
}

}  // namespace

Result<bool> set_takes_no_writes(Context& context, const Member& member, bool on) {
  const std::string path = context.layout(member).role_file;
  WEIR_TRY(RoleSettings role, read_role_settings(context.files(), path));
  if (role.takes_no_writes == on) return false;
  role.takes_no_writes = on;
  WEIR_TRY_(write_role_settings(context.files(), path, role));
  return true;
}

// Terminated, never cancelled: a cancelled wait is answered as a commit, with a warning that few
// clients read. Until a look finds nobody: a statement that began before its session had loaded the
// setting comes to wait a moment later.
Result<> PostgresIsolates::isolate(const Member& member, Deadline deadline) {
  WEIR_TRY_(set_takes_no_writes(context_, member, true));
  WEIR_TRY_(context_.reload(member));
  WEIR_TRY(Session session, session_that(context_, member, true, deadline));
  const bool nobody_waits = poll_until(context_.clock(), deadline, 10ms, [&] {
    const auto ended = session.query(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where wait_event = 'SyncRep' and pid <> pg_backend_pid()",
        {}, deadline);
    return ended && ended->empty();
  });
  if (nobody_waits) return {};
  return fail(Failure::timed_out, "sessions of " + member.name.text + " still wait");
}

Result<> PostgresIsolates::take_writes(const Member& member, Deadline deadline) {
  WEIR_TRY_(set_takes_no_writes(context_, member, false));
  WEIR_TRY_(context_.reload(member));
  WEIR_TRY_(session_that(context_, member, false, deadline));
  return {};
}

}  // namespace weir::engine::postgres
