// One schema, one role, and sessions as any application of the service would open them.
#include "engine/postgres/writes.h"

#include <fmt/format.h>

#include "access/access.h"
#include "base/text.h"
#include "engine/postgres/writes_session.h"

namespace weir::engine::postgres {
namespace {

std::string schema_statement(const LedgerAccess& access) {
  return fmt::format("CREATE SCHEMA IF NOT EXISTS {}", quote_name(access.schema));
}

std::string table_statement(const LedgerAccess& access) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} (writer integer, sequence bigint, before text NOT NULL, "
      "hash text NOT NULL, PRIMARY KEY (writer, sequence))",
      entries_of(access));
}

std::vector<std::string> grants(const LedgerAccess& access) {
  const std::string role = quote_name(access.role);
  return {fmt::format("GRANT CONNECT ON DATABASE {} TO {}", quote_name(access.database), role),
          fmt::format("GRANT USAGE ON SCHEMA {} TO {}", quote_name(access.schema), role),
          fmt::format("GRANT SELECT, INSERT ON {} TO {}", entries_of(access), role)};
}

Result<bool> role_exists(Session& session, const std::string& role, Deadline deadline) {
  WEIR_TRY(const Rows rows,
           session.query("SELECT 1 FROM pg_roles WHERE rolname = $1", {role}, deadline));
  return !rows.empty();
}

// A half-open session of a writer that was killed may hold its row's locks while its commit waits
// for replicas. It is terminated, never cancelled: cancelling would acknowledge it (safety.md S8).
Result<> end_sessions(Session& session, const std::string& role, Deadline deadline) {
  WEIR_TRY(const Rows rows, session.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                          "WHERE usename = $1 AND pid <> pg_backend_pid()",
                                          {role}, deadline));
  (void)rows;
  return {};
}

}  // namespace

Parameters client_parameters(const std::vector<Member>& members, const LedgerAccess& access,
                             std::size_t first, bool read_write) {
  std::vector<std::string> hosts, addresses, ports;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[(first + i) % members.size()];
    hosts.push_back(member.host.text);
    addresses.push_back(member.address);
    ports.push_back(std::to_string(member.port));
  }
  return {{"host", join(hosts, ",")},
          {"hostaddr", join(addresses, ",")},
          {"port", join(ports, ",")},
          {"dbname", access.database},
          {"user", access.role},
          {"password", access.password},
          {"sslmode", "verify-full"},
          {"sslrootcert", access.ca},
          {"target_session_attrs", read_write ? "read-write" : "any"},
          {"gssencmode", "disable"},
          {"client_encoding", "UTF8"},
          {"application_name", "weir ledger"}};
}

std::vector<std::string> PostgresWrites::preparation(const LedgerAccess& access) const {
  std::vector<std::string> out = {
      fmt::format("CREATE ROLE {} LOGIN PASSWORD '(generated)'", quote_name(access.role)),
      schema_statement(access), table_statement(access)};
  for (std::string& grant : grants(access)) out.push_back(std::move(grant));
  return out;
}

Result<> PostgresWrites::prepare(const Member& leader, const LedgerAccess& access,
                                 Deadline deadline) {
  WEIR_TRY(const std::string verifier,
           access::scram_verifier(access.password, context_.world().random));
  WEIR_TRY(Session session,
           context_.remote_session(leader, kOperatorRole, deadline, access.database));
  WEIR_TRY(const bool exists, role_exists(session, access.role, deadline));
  // weir's own sessions do not wait for replicas, but these statements must outlive a failover.
  std::string sql = "SET synchronous_commit = on;";
  sql += fmt::format("{} ROLE {} LOGIN PASSWORD {};", exists ? "ALTER" : "CREATE",
                     quote_name(access.role), quote_literal(verifier));
  sql += schema_statement(access) + ";" + table_statement(access) + ";";
  for (const std::string& grant : grants(access)) sql += grant + ";";
  WEIR_TRY(const Rows done, session.run(sql, deadline));
  for (const Warning& warning : done.warnings) {
    if (warning.sqlstate == "01000") return fail(Failure::outcome_unknown, warning.text);
  }
  return {};
}

Result<> PostgresWrites::clean_up(const Member& leader, const LedgerAccess& access,
                                  Deadline deadline) {
  WEIR_TRY(Session session,
           context_.remote_session(leader, kOperatorRole, deadline, access.database));
  WEIR_TRY(const bool exists, role_exists(session, access.role, deadline));
  std::string sql = "SET synchronous_commit = on;";
  sql += fmt::format("DROP SCHEMA IF EXISTS {} CASCADE;", quote_name(access.schema));
  if (exists) {
    WEIR_TRY_(end_sessions(session, access.role, deadline));
    const std::string role = quote_name(access.role);
    sql += fmt::format("DROP OWNED BY {};DROP ROLE {};", role, role);
  }
  WEIR_TRY(const Rows done, session.run(sql, deadline));
  (void)done;
  return {};
}

Result<std::unique_ptr<engine::Session>> PostgresWrites::connect(const std::vector<Member>& members,
                                                                 const LedgerAccess& access,
                                                                 Deadline deadline) {
  Result<Session> session = Session::connect(
      context_.clock(), client_parameters(members, access, first_.load(), true), deadline);
  if (!session) {
    if (session.error().failure == Failure::timed_out) ++first_;
    return fail(session.error());
  }
  WEIR_TRY(const Rows rows, session->query("SHOW synchronous_commit", {}, deadline));
  const std::string waits = rows.text(0, 0);
  if (waits != "on" && waits != "remote_apply") {
    return fail(
        Failure::refused,
        fmt::format("cannot measure: sessions of {} in {} run with synchronous_commit = {}, "
                    "so no commit waits for a replica",
                    access.role, access.database, waits));
  }
  return std::make_unique<ClientSession>(std::move(*session), entries_of(access));
}

Result<std::unique_ptr<engine::Session>> PostgresWrites::connect_one(const Member& member,
                                                                     const LedgerAccess& access,
                                                                     Deadline deadline) {
  WEIR_TRY(
      Session session,
      Session::connect(context_.clock(), client_parameters({member}, access, 0, false), deadline));
  return std::make_unique<ClientSession>(std::move(session), entries_of(access));
}

}  // namespace weir::engine::postgres
