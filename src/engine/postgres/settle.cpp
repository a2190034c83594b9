// Settings of a member on disk, and what of them a running server still waits for.
#include <fmt/format.h>

#include "base/text.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/owner.h"
#include "engine/postgres/revoked.h"
#include "engine/postgres/role_settings.h"
#include "engine/postgres/runs.h"
#include "engine/postgres/settings.h"

namespace weir::engine::postgres {
namespace {

constexpr int kReadable = 0644;  // inside a folder that only the server's user can enter

// Replaces only what differs, so that settling twice touches nothing.
Result<bool> put(Files& files, const std::string& path, const std::string& text) {
  const auto old = files.read(path);
  if (old && *old == text) return false;
  WEIR_TRY_(files.write(path, text, kReadable));
  return true;
}

// ALTER SYSTEM writes a file of its own, which wins over every other: what it holds was set beside
// the fleet file, and could even empty the synchronous set. A stopped server's is written anew, or
// it might not start with it.
Result<bool> forget_alter_system(Context& context, const Layout& layout) {
  const std::string path = layout.data + "/postgresql.auto.conf";
  const auto text = context.files().read(path);
  if (!text) return false;  // no data yet
  for (const std::string& line : split(*text, '\n')) {
    if (trim(line).empty() || starts_with(trim(line), "#")) continue;
    WEIR_TRY_(context.files().write(
        path, "# Emptied by weir: declare parameters in the fleet file.\n", kPrivate));
    return true;
  }
  return false;
}

// A slot keeps log for its member for ever; one that has left never asks for it.
Result<> drop_slots_of_others(Session& session, const Service& service, Deadline deadline) {
  std::string names = "''";
  for (const Member& member : service.all()) names += ", " + quote_literal(slot_name(member.name));
  WEIR_TRY_(
      session.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                    "WHERE slot_name LIKE 'weir\\_%' AND slot_type = 'physical' "
                    "AND NOT active AND slot_name NOT IN (" +
                        names + ")",
                    {}, deadline));
  return {};
}

}  // namespace

Result<> PostgresRuns::prepare_folders(const Member& member) {
  const Layout l = context_.layout(member);
  const Setting& setting = context_.setting();
  const std::string members = setting.state + "/members";
  // Only where the server is another user is there anybody to let pass.
  const int passage = setting.server_user.empty() ? 0700 : 0711;
  WEIR_TRY_(context_.files().make_folder(members, passage));
  // Parents that a folder needs are made open to others, which guards refuse in a user's own.
  const std::string fleet_run = setting.run.substr(0, setting.run.rfind('/'));
  WEIR_TRY_(context_.files().make_folder(fleet_run, passage));
  WEIR_TRY_(context_.files().make_folder(setting.run, passage));
  if (!setting.server_user.empty()) {
    for (const std::string& folder : {setting.state, members, setting.run}) {
      WEIR_TRY_(open_passage(folder));
    }
    WEIR_TRY_(check_passage(setting.server_user, l.root));
    WEIR_TRY_(check_passage(setting.server_user, l.socket));
  }
  const std::string log_folder = l.log.substr(0, l.log.rfind('/'));
  for (const std::string& folder : {l.root, l.conf, l.receiver, log_folder, l.exports, l.socket}) {
    WEIR_TRY_(context_.make_server_folder(folder));
  }
  return {};
}

// Before the settings that name them, and before a copy, which is asked for with them.
Result<bool> PostgresRuns::write_keys(const Member& member) {
  const Layout l = context_.layout(member);
  const Setting& setting = context_.setting();
  Files& files = context_.files();
  bool changed = false;
  const std::string own = setting.identity + "/" + setting.host.text;
  const std::pair<std::string, std::string> keys[] = {{own + ".crt", l.server_cert},
                                                      {setting.identity + "/ca.crt", l.ca},
                                                      {setting.identity + "/ca.crl", l.crl},
                                                      {own + ".key", l.server_key}};
  for (const auto& [from, to] : keys) {
    if (to == l.crl && !files.exists(from)) continue;  // nothing was revoked so far
    WEIR_TRY(const std::string content, files.read(from));
    const auto old = files.read(to);
    if (old && *old == content) continue;
    WEIR_TRY_(files.write(to, content, kPrivate));
    changed = true;
  }
  return changed;
}

Result<bool> PostgresRuns::write_settings(const Member& member, const Service& service,
                                          SettingsOf when) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY(bool changed, put(files, l.params_file, params_text(service)));
  // The role's file is only ever made here, never changed: it belongs to failover (safety.md S6).
  if (!files.exists(l.role_file)) {
    RoleSettings first;
    first.synchronous_standby_names = standby_names({{}, service.sync});
    WEIR_TRY_(write_role_settings(files, l.role_file, first));
    changed = true;
  }
  WEIR_TRY(const bool keys, write_keys(member));
  changed = changed || keys;
  const std::pair<std::string, std::string> texts[] = {
      {l.config_file, config_text(l, member, files.exists(l.crl), when.copied)},
      {l.hba_file, hba_text(member, service, when.clients_let_in)},
      {l.ident_file, ident_text(service, own_user(), context_.setting().server_user)}};
  for (const auto& [path, text] : texts) {
    WEIR_TRY(const bool now, put(files, path, text));
    changed = changed || now;
  }
  return changed;
}

Result<> PostgresRuns::write_settings_beside(const Member& member, const Service& service,
                                             SettingsOf when,
                                             const std::function<Result<>()>& here) {
  Result<bool> written;
  const auto job = context_.world().workers.begin(
      "settings", [&] { written = write_settings(member, service, when); });
  const Result<> done = here();
  while (!job->wait(context_.clock().within(1s))) continue;
  if (!done) return done;
  if (!written) return fail(std::move(written).error());
  return {};
}

// A receiver connects anew with the pair of today. Where a promise has taken its key away there is
// none to replace (safety.md S6).
Result<> PostgresRuns::renew_receiver_key(const Member& member, Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
  WEIR_TRY(const PromiseNote promise, read_promise(files, l.promise));
  WEIR_TRY(const FollowNote follows, read_follows(files, l.follows));
  const std::string key = l.receiver_key(follows.epoch);
  if (promise.round != 0 || !files.exists(key)) return {};
  WEIR_TRY(const std::string server_cert, files.read(l.server_cert));
  WEIR_TRY(const std::string server_key, files.read(l.server_key));
  const auto cert = files.read(l.receiver_cert(follows.epoch));
  WEIR_TRY(const std::string held, files.read(key));
  if (cert && *cert == server_cert && held == server_key) return {};
  return context_.place_receiver_key(member, follows.epoch);
}

Result<std::vector<std::string>> PostgresRuns::settle(const Member& member, const Service& service,
                                                      bool clients_let_in, Deadline deadline) {
  const Layout l = context_.layout(member);
  WEIR_TRY_(prepare_folders(member));
  const auto before = context_.files().read(l.params_file);
  WEIR_TRY(const bool changed, write_settings(member, service, {clients_let_in, false}));
  WEIR_TRY_(renew_receiver_key(member, deadline));
  WEIR_TRY(const ServerState server, context_.world().servers.state(context_.handle(member)));
  WEIR_TRY(const bool forgot, forget_alter_system(context_, l));
  if (server.life != ServerLife::running) return std::vector<std::string>{};
  if (changed || forgot) WEIR_TRY_(context_.reload(member));

  WEIR_TRY(Session session, context_.local_session(member, deadline));
  WEIR_TRY_(end_revoked(context_, member, server.pid, session, deadline));
  WEIR_TRY_(drop_slots_of_others(session, service, deadline));
  // pg_file_settings reads the files anew, whoever has reloaded so far.
  WEIR_TRY(const Rows faults,
           session.query("SELECT f.name, f.setting, f.error, "
                         "coalesce(s.context = 'postmaster', false) "
                         "FROM pg_file_settings f LEFT JOIN pg_settings s "
                         "ON lower(s.name) = lower(f.name) WHERE f.error IS NOT NULL "
                         "UNION SELECT name, '', '', true FROM pg_settings WHERE pending_restart "
                         "ORDER BY 1",
                         {}, deadline));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < faults.rows.size(); ++i) {
    if (faults.truth(i, 3)) {
      if (names.empty() || names.back() != faults.text(i, 0)) names.push_back(faults.text(i, 0));
      continue;
    }
    // A server never starts on a file that it refuses, so the one before comes back.
    if (before) {
      WEIR_TRY_(context_.files().write(l.params_file, *before, kReadable));
      WEIR_TRY_(context_.reload(member));
    }
    return fail(Failure::bad_config, fmt::format("cannot set {} to '{}': {}", faults.text(i, 0),
                                                 faults.text(i, 1), faults.text(i, 2)));
  }
  return names;
}

}  // namespace weir::engine::postgres
