// What a member has of what could be declared, as resources in the fleet file's canonical form.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/postgres/shapes.h"
#include "engine/postgres/shapes_grants.h"
#include "model/postgres_params.h"

namespace weir::engine::postgres {
namespace {

std::vector<std::string> names_of(const std::vector<Resource>& resources, const char* kind) {
  std::vector<std::string> out;
  for (const Resource& resource : resources) {
    if (resource.kind == kind) out.push_back(resource.name);
  }
  return out;
}

// Values a list in SQL: ('a', 'b'); never empty, because IN () is no SQL.
std::string in_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted{"''"};
  for (const std::string& name : names) quoted.push_back(quote_literal(name));
  return "(" + join(quoted, ", ") + ")";
}

// Declared, or once made by weir: what somebody else made is neither compared nor deleted.
std::string known(const char* column, const char* kind, const std::vector<std::string>& declared) {
  return fmt::format("({} IN {} OR {} IN (SELECT name FROM weir.made WHERE kind = '{}'))", column,
                     in_list(declared), column, kind);
}

Result<> add_params(Session& session, const std::vector<Resource>& declared,
                    std::vector<Resource>& out, Deadline deadline) {
  // Beside what is declared: what ALTER SYSTEM set, and lines that somebody wrote by hand.
  WEIR_TRY(const Rows rows,
           session.query("SELECT name, current_setting(name) FROM pg_settings WHERE name IN " +
                             in_list(names_of(declared, "param")) +
                             " OR sourcefile ~ '/(postgresql\\.auto|params)\\.conf$' ORDER BY 1",
                         {}, deadline));
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    out.push_back({"param", rows.text(i, 0), {{"value", rows.text(i, 1)}}});
  }
  return {};
}

// Verifiers can be read by a superuser only; elsewhere the password is unknown, which is "".
Result<> add_roles(Session& session, const std::vector<Resource>& declared,
                   std::vector<Resource>& out, bool as_superuser, Deadline deadline) {
  const std::string verifier = as_superuser
                                   ? "(SELECT coalesce(a.rolpassword, '') FROM pg_authid a "
                                     "WHERE a.oid = r.oid)"
                                   : "''";
  WEIR_TRY(const Rows rows,
           session.query("SELECT rolname, rolcanlogin, " + verifier + " FROM pg_roles r WHERE " +
                             known("rolname", "role", names_of(declared, "role")) + " ORDER BY 1",
                         {}, deadline));
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    Resource role{"role", rows.text(i, 0), {{"login", rows.truth(i, 1) ? "true" : "false"}}};
    role.attributes["password"] = rows.text(i, 2);
    out.push_back(std::move(role));
  }
  return {};
}

Result<> add_databases(Session& session, const std::vector<Resource>& declared,
                       std::vector<Resource>& out, Deadline deadline) {
  WEIR_TRY(const Rows rows,
           session.query("SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE "
                         "NOT datistemplate AND " +
                             known("datname", "database", names_of(declared, "database")) +
                             " ORDER BY 1",
                         {}, deadline));
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    out.push_back({"database", rows.text(i, 0), {{"owner", rows.text(i, 1)}}});
  }
  return {};
}

}  // namespace

Result<std::vector<Resource>> PostgresShapes::present(const Member& member,
                                                      const std::vector<Resource>& declared,
                                                      Deadline deadline) {
  const auto open = [&](const std::string& database) {
    return context_.is_here(member)
               ? context_.local_session(member, deadline, database)
               : context_.remote_session(member, kMonitorRole, deadline, database);
  };
  std::vector<Resource> out;
  WEIR_TRY(Session session, open("postgres"));
  WEIR_TRY_(add_params(session, declared, out, deadline));
  WEIR_TRY_(add_roles(session, declared, out, context_.is_here(member), deadline));
  WEIR_TRY_(add_databases(session, declared, out, deadline));

  // Grants lie in their own databases: one session for each that has any.
  std::set<std::string> names;
  for (const std::string& name : names_of(declared, "grant")) names.insert(name);
  WEIR_TRY(const Rows made,
           session.query("SELECT name FROM weir.made WHERE kind = 'grant'", {}, deadline));
  for (std::size_t i = 0; i < made.rows.size(); ++i) names.insert(made.text(i, 0));
  std::map<std::string, std::vector<Grant>> by_database;
  for (const std::string& name : names) {
    if (auto grant = grant_named(name)) by_database[grant->database].push_back(std::move(*grant));
  }
  const std::vector<std::string> databases = names_of(out, "database");
  for (const auto& [database, grants] : by_database) {
    if (std::find(databases.begin(), databases.end(), database) == databases.end()) continue;
    WEIR_TRY(Session inside, open(database));
    WEIR_TRY_(add_grants(inside, grants, out, deadline));
  }
  return out;
}

std::vector<Attribute> PostgresShapes::attributes() const {
  std::vector<Attribute> out{
      {"role", "login", "", "bool"},          {"role", "password", "", "text"},
      {"database", "owner", "", "text"},      {"grant", "tables", "", "list"},
      {"grant", "sequences", "", "list"},     {"grant", "database", "replace", "text"},
      {"grant", "schema", "replace", "text"}, {"grant", "role", "replace", "text"}};
  // Also those that no file may declare: ALTER SYSTEM may have set them all the same.
  for (const PostgresParam& param : postgres_params()) {
    out.push_back({"param", std::string(param.name), std::string(postgres_param_effect(param.name)),
                   std::string(postgres_param_canonical(param.name))});
  }
  return out;
}

}  // namespace weir::engine::postgres
