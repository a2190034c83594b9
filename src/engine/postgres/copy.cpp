// A replica's data: a base backup beside the old data, then a swap that is safe to cut off
// anywhere.
#include <fmt/format.h>

#include "base/json.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/owner.h"
#include "engine/postgres/role_settings.h"
#include "engine/postgres/runs.h"
#include "engine/postgres/whose_data.h"

namespace weir::engine::postgres {
namespace {

constexpr const char* kDuplicateObject = "42710";

}  // namespace

Result<> PostgresRuns::copy(const Member& member, const Upstream& upstream,
                            const Incarnation& incarnation, const Service& service,
                            Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY_(refuse_foreign(member));
  WEIR_TRY(const Incarnation there, read_incarnation(files, l.incarnation));
  if (there == incarnation && files.exists(l.data) && !files.exists(l.making)) return {};
  WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
  WEIR_TRY(const PromiseNote promise, read_promise(files, l.promise));
  if (promise.round > upstream.epoch.number) {
    return fail(Failure::refused,
                fmt::format("cannot copy {} from {}: it has promised round {}, above the epoch {}",
                            member.name.text, upstream.leader.name.text, promise.round,
                            show(upstream.epoch)));
  }
  WEIR_TRY(const bool alive, context_.world().servers.any_left(context_.handle(member)));
  if (alive) {
    return fail(Failure::refused,
                fmt::format("cannot copy {}: a process of its server is left", member.name.text));
  }
  WEIR_TRY_(prepare_folders(member));
  WEIR_TRY_(write_keys(member));
  WEIR_TRY_(write_settings_beside(member, service, {true, true},
                                  [&] { return take_base_backup(member, upstream, deadline); }));
  return swap_in(member, upstream, incarnation, service);
}

Result<> PostgresRuns::take_base_backup(const Member& member, const Upstream& upstream,
                                        Deadline deadline) {
  const Layout l = context_.layout(member);
  const std::string slot = slot_name(member.name);
  WEIR_TRY(Session session, context_.replication_session(upstream.leader, deadline));
  const auto made =
      session.run(fmt::format("CREATE_REPLICATION_SLOT {} PHYSICAL RESERVE_WAL", slot), deadline);
  if (!made && sqlstate_of(made.error()) != kDuplicateObject) return fail(made.error());
  session.drop();

  WEIR_TRY_(context_.files().remove(l.data_new));
  const Parameters from =
      program_parameters(context_.setting(), member, upstream.leader, kReplicationRole);
  WEIR_TRY(
      const std::string said,
      context_.run("pg_basebackup",
                   {"--pgdata=" + l.data_new, "--dbname=" + conninfo(from), "--wal-method=stream",
                    "--checkpoint=fast", "--slot=" + slot, "--no-password", "--no-sync"},
                   deadline));
  WEIR_TRY_(context_.files().write(l.data_new + "/standby.signal", "", 0644));
  return sync_filesystem_of(l.data_new);
}

// While the incarnation's note is there, the data folder (if any) is the old one and whole; once it
// is gone, whatever lies there is not, until the new note says so.
Result<> PostgresRuns::swap_in(const Member& member, const Upstream& upstream,
                               const Incarnation& incarnation, const Service& service) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY_(files.write(l.making, Json::object().set("format", 1).set("what", "copy").dump()));
  if (files.exists(l.data) && files.exists(l.incarnation)) {
    WEIR_TRY_(files.remove(l.data_old));
    WEIR_TRY_(files.rename(l.data, l.data_old));
  } else {
    WEIR_TRY_(files.remove(l.data));
  }
  WEIR_TRY_(files.remove(l.incarnation));
  WEIR_TRY_(files.rename(l.data_new, l.data));
  WEIR_TRY_(files.remove(l.rewind_mark));
  WEIR_TRY_(files.remove(l.leads));

  WEIR_TRY(PromiseNote promise, read_promise(files, l.promise));
  if (promise.round != 0) WEIR_TRY_(write_promise(files, l.promise, {0, promise.last, {}}));
  WEIR_TRY_(context_.place_receiver_key(member, upstream.epoch));
  RoleSettings role;
  role.primary_conninfo =
      conninfo(receiver_parameters(context_.setting(), member, incarnation, upstream));
  role.primary_slot_name = slot_name(member.name);
  role.synchronous_standby_names = standby_names({{}, service.sync});
  WEIR_TRY_(write_role_settings(files, l.role_file, role));
  WEIR_TRY_(write_follows(files, l.follows, {upstream.epoch, upstream.leader.name}));
  WEIR_TRY(const std::string system, system_of(files, l.data));
  WEIR_TRY_(write_incarnation(files, l.incarnation, incarnation, system));
  return files.remove(l.making);
}

}  // namespace weir::engine::postgres
