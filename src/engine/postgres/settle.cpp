// Settings of a member on disk, and what of them a running server still waits for.
#include <fmt/format.h>

#include "engine/postgres/owner.h"
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

}  // namespace

Result<> PostgresRuns::prepare_folders(const Member& member) {
  const Layout l = context_.layout(member);
  const Setting& setting = context_.setting();
  const std::string members = setting.state + "/members";
  WEIR_TRY_(context_.files().make_folder(members, 0711));
  WEIR_TRY_(context_.files().make_folder(setting.run, 0711));
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

Result<bool> PostgresRuns::write_settings(const Member& member, const Service& service,
                                          bool clients_let_in) {
  const Layout l = context_.layout(member);
  const Setting& setting = context_.setting();
  Files& files = context_.files();
  WEIR_TRY(bool changed, put(files, l.params_file, params_text(service)));
  // The role's file is only ever made here, never changed: it belongs to failover (safety.md S6).
  if (!files.exists(l.role_file)) {
    RoleSettings first;
    first.synchronous_standby_names = standby_names({{}, service.sync});
    WEIR_TRY_(write_role_settings(files, l.role_file, first));
    changed = true;
  }
  const std::pair<std::string, std::string> texts[] = {
      {l.config_file, config_text(l, member, service)},
      {l.hba_file, hba_text(member, service, clients_let_in)},
      {l.ident_file, ident_text(service, own_user(), setting.server_user)}};
  for (const auto& [path, text] : texts) {
    WEIR_TRY(const bool now, put(files, path, text));
    changed = changed || now;
  }

  const std::string own = setting.identity + "/" + setting.host.text;
  const std::pair<std::string, std::string> keys[] = {{own + ".crt", l.server_cert},
                                                      {setting.identity + "/ca.crt", l.ca},
                                                      {own + ".key", l.server_key}};
  for (const auto& [from, to] : keys) {
    WEIR_TRY(const std::string content, files.read(from));
    const auto old = files.read(to);
    if (old && *old == content) continue;
    WEIR_TRY_(context_.write_private(to, content));
    changed = true;
  }
  return changed;
}

Result<std::vector<std::string>> PostgresRuns::settle(const Member& member, const Service& service,
                                                      bool clients_let_in, Deadline deadline) {
  WEIR_TRY_(prepare_folders(member));
  WEIR_TRY(const bool changed, write_settings(member, service, clients_let_in));
  WEIR_TRY(const ServerState server, context_.world().servers.state(context_.handle(member)));
  if (server.life != ServerLife::running) return std::vector<std::string>{};
  if (changed) WEIR_TRY_(context_.reload(member));

  WEIR_TRY(Session session, context_.local_session(member, deadline));
  // A file that the server refuses would be read by nobody, at the latest after the next start.
  WEIR_TRY(const Rows wrong,
           session.query("select name, error from pg_file_settings where error is not null "
                         "and error <> 'setting could not be applied' order by seqno limit 1",
                         {}, deadline));
  if (!wrong.empty()) {
    return fail(Failure::bad_config, fmt::format("the server refuses the parameter {}: {}",
                                                 wrong.text(0, 0), wrong.text(0, 1)));
  }
  WEIR_TRY(const Rows waiting,
           session.query("select name from pg_file_settings where error = 'setting could not be "
                         "applied' union select name from pg_settings where pending_restart "
                         "order by 1",
                         {}, deadline));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < waiting.rows.size(); ++i) names.push_back(waiting.text(i, 0));
  return names;
}

}  // namespace weir::engine::postgres
