// Makes one difference true. What weir makes is noted in weir.made first, so that only its own
// things are ever deleted by a plan.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/postgres/shapes.h"
#include "engine/postgres/shapes_grants.h"

namespace weir::engine::postgres {
namespace {

std::string attribute(const Resource& resource, const char* name) {
  const auto found = resource.attributes.find(name);
  return found == resource.attributes.end() ? std::string() : found->second;
}

// Privileges are words of SQL and cannot be quoted, so nothing but letters and commas passes.
bool only_words(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ',' || c == ' ';
  });
}

// Idempotent, because an earlier attempt may have had its effect: the state is asked inside.
Result<> apply_role(Session& session, const Resource& wanted, Deadline deadline) {
  const std::string name = quote_name(wanted.name);
  WEIR_TRY(const Rows there,
           session.query("SELECT 1 FROM pg_roles WHERE rolname = $1", {wanted.name}, deadline));
  std::string words = attribute(wanted, "login") == "true" ? " LOGIN" : " NOLOGIN";
  const std::string verifier = attribute(wanted, "password");
  if (!verifier.empty()) words += " PASSWORD " + quote_literal(verifier);
  WEIR_TRY_(session.run((there.empty() ? "CREATE ROLE " : "ALTER ROLE ") + name + words, deadline));
  return {};
}

Result<> apply_database(Session& session, const Resource& wanted, Deadline deadline) {
  const std::string name = quote_name(wanted.name);
  const std::string owner = attribute(wanted, "owner");
  WEIR_TRY(const Rows there,
           session.query("SELECT 1 FROM pg_database WHERE datname = $1", {wanted.name}, deadline));
  const std::string owned = owner.empty() ? std::string() : quote_name(owner);
  if (there.empty()) {
    WEIR_TRY_(session.run("CREATE DATABASE " + name + (owned.empty() ? "" : " OWNER " + owned),
                          deadline));
  } else if (!owned.empty()) {
    WEIR_TRY_(session.run("ALTER DATABASE " + name + " OWNER TO " + owned, deadline));
  }
  return {};
}

// Kept under a name of its own that only a superuser can enter: a rename takes no time and no
// space, and the data stays as replicated as it was. The name comes last, so that a call that was
// cut off is made anew.
Result<> put_database_away(Session& session, const std::string& name, bool final_copy,
                           Deadline deadline) {
  WEIR_TRY(const Rows there,
           session.query("SELECT oid FROM pg_database WHERE datname = $1", {name}, deadline));
  if (there.empty()) return {};
  const std::string quoted = quote_name(name);
  if (!final_copy) {
    WEIR_TRY_(session.run("DROP DATABASE " + quoted + " WITH (FORCE)", deadline));
    return {};
  }
  WEIR_TRY_(session.run("ALTER DATABASE " + quoted + " CONNECTION LIMIT 0", deadline));
  WEIR_TRY_(session.run("ALTER DATABASE " + quoted + " OWNER TO CURRENT_USER", deadline));
  WEIR_TRY_(
      session.query("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
                    "WHERE datname = $1 AND pid <> pg_backend_pid()",
                    {name}, deadline));
  const std::string kept = final_database_name(there.text(0, 0), name);
  WEIR_TRY_(session.run("ALTER DATABASE " + quoted + " RENAME TO " + quote_name(kept), deadline));
  return {};
}

}  // namespace

std::string final_database_name(const std::string& oid, const std::string& name) {
  constexpr std::size_t kNameMax = 63;  // Postgres cuts longer ones without a word
  return ("weir_final_" + oid + "_" + name).substr(0, kNameMax);
}

// What the role still owns goes to the owner of its database, in each of them: no data goes with
// it.
Result<> PostgresShapes::drop_role(const Member& leader, Session& session, const std::string& name,
                                   Deadline deadline) {
  WEIR_TRY(const Rows there,
           session.query("SELECT 1 FROM pg_roles WHERE rolname = $1", {name}, deadline));
  if (there.empty()) return {};
  WEIR_TRY(const Rows databases,
           session.query("SELECT datname, pg_get_userbyid(datdba) FROM pg_database "
                         "WHERE datallowconn AND NOT datistemplate ORDER BY 1",
                         {}, deadline));
  for (std::size_t i = 0; i < databases.rows.size(); ++i) {
    if (databases.text(i, 1) == name) {
      return fail(Failure::refused, fmt::format("cannot drop the role {}: it owns the database {}",
                                                name, databases.text(i, 0)));
    }
    WEIR_TRY(Session inside, context_.super_session(leader, deadline, databases.text(i, 0)));
    WEIR_TRY_(inside.run(fmt::format("REASSIGN OWNED BY {0} TO {1}; DROP OWNED BY {0}",
                                     quote_name(name), quote_name(databases.text(i, 1))),
                         deadline));
  }
  WEIR_TRY_(session.run("DROP ROLE IF EXISTS " + quote_name(name), deadline));
  return {};
}

Result<> PostgresShapes::apply(const Member& leader, const Difference& difference,
                               Deadline deadline) {
  const bool deletes = difference.wanted.name.empty();
  const Resource& subject = deletes ? difference.present : difference.wanted;
  if (subject.kind == "param") {
    return fail(Failure::unsupported, "cannot apply the parameter " + subject.name +
                                          " here: parameters are settled on each member");
  }
  WEIR_TRY(Session session, context_.super_session(leader, deadline));
  WEIR_TRY_(
      session.query("INSERT INTO weir.made (kind, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    {subject.kind, subject.name}, deadline));
  if (subject.kind == "role") {
    WEIR_TRY_(deletes ? drop_role(leader, session, subject.name, deadline)
                      : apply_role(session, subject, deadline));
  } else if (subject.kind == "database") {
    WEIR_TRY_(deletes ? put_database_away(session, subject.name, difference.final_copy, deadline)
                      : apply_database(session, subject, deadline));
  } else if (subject.kind == "grant") {
    WEIR_TRY_(apply_grant(leader, session, difference, deadline));
  } else {
    return fail(Failure::unsupported,
                "cannot apply " + subject.name + ": postgres has no " + subject.kind);
  }
  if (deletes) {
    WEIR_TRY_(session.query("DELETE FROM weir.made WHERE kind = $1 AND name = $2",
                            {subject.kind, subject.name}, deadline));
  }
  return {};
}

Result<> PostgresShapes::apply_grant(const Member& leader, Session& session,
                                     const Difference& difference, Deadline deadline) {
  const bool deletes = difference.wanted.name.empty();
  const Resource& subject = deletes ? difference.present : difference.wanted;
  const auto grant = grant_named(subject.name);
  if (!grant || !only_words(attribute(subject, "tables")) ||
      !only_words(attribute(subject, "sequences"))) {
    return fail(Failure::bad_config, "cannot apply the grant '" + subject.name + "'");
  }
  WEIR_TRY(const Rows owner,
           session.query("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1",
                         {grant->database}, deadline));
  if (owner.empty()) {
    // A database that is gone took its grants along.
    if (deletes) return {};
    return fail(Failure::not_found,
                fmt::format("cannot grant on {}: there is no such database", grant->database));
  }
  WEIR_TRY(Session inside, context_.super_session(leader, deadline, grant->database));
  const std::string statements =
      grant_statements(*grant, deletes ? nullptr : &subject, owner.text(0, 0));
  WEIR_TRY_(inside.run(statements, deadline));
  return {};
}

}  // namespace weir::engine::postgres
