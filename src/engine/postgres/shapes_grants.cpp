// The privileges of a role on a schema, read from the catalogue's ACLs and written as one block.
#include "engine/postgres/shapes_grants.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir::engine::postgres {
namespace {

// A privilege counts as granted when the database's owner hands it on for future objects and every
// object of the schema has it now. $1 role, $2 schema, $3 relation kinds, $4 default ACL's kind.
constexpr const char* kPrivileges = R"(
WITH who AS (SELECT oid FROM pg_roles WHERE rolname = $1),
 place AS (SELECT oid FROM pg_namespace WHERE nspname = $2),
 things AS (SELECT c.oid, coalesce(c.relacl, acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r'
              END::"char", c.relowner)) AS acl
              FROM pg_class c, place WHERE c.relnamespace = place.oid
               AND c.relkind::text = ANY (string_to_array($3, ','))),
 later AS (SELECT DISTINCT lower(a.privilege_type) AS privilege
             FROM pg_default_acl d, place, who, pg_database b,
                  aclexplode(d.defaclacl) a
            WHERE b.datname = current_database() AND d.defaclrole = b.datdba
              AND d.defaclnamespace = place.oid AND d.defaclobjtype::text = $4
              AND a.grantee = who.oid)
SELECT string_agg(l.privilege, ', ' ORDER BY l.privilege COLLATE "C") FROM later l
 WHERE NOT EXISTS (SELECT 1 FROM things t WHERE NOT EXISTS (
         SELECT 1 FROM aclexplode(t.acl) a, who
          WHERE a.grantee = who.oid AND lower(a.privilege_type) = l.privilege))
)";

// Whether the role may enter the database and the schema by grants of its own.
constexpr const char* kEntry = R"(
SELECT EXISTS (SELECT 1 FROM pg_namespace n, pg_roles r, aclexplode(n.nspacl) a
                WHERE n.nspname = $2 AND r.rolname = $1 AND a.grantee = r.oid
                  AND a.privilege_type = 'USAGE')
   AND EXISTS (SELECT 1 FROM pg_database d, pg_roles r, aclexplode(d.datacl) a
                WHERE d.datname = current_database() AND r.rolname = $1 AND a.grantee = r.oid
                  AND a.privilege_type = 'CONNECT')
)";

std::string attribute(const Resource& resource, const char* name) {
  const auto found = resource.attributes.find(name);
  return found == resource.attributes.end() ? std::string() : found->second;
}

}  // namespace

std::optional<Grant> grant_named(const std::string& name) {
  constexpr std::string_view kOn = " on ";
  const std::size_t on = name.find(kOn);
  if (on == std::string::npos || on == 0) return std::nullopt;
  const std::string place = name.substr(on + kOn.size());
  const std::size_t dot = place.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == place.size()) return std::nullopt;
  return Grant{name.substr(0, on), place.substr(0, dot), place.substr(dot + 1)};
}

std::string name_of(const Grant& grant) {
  return fmt::format("{} on {}.{}", grant.role, grant.database, grant.schema);
}

Result<> add_grants(Session& session, const std::vector<Grant>& grants, std::vector<Resource>& out,
                    Deadline deadline) {
  for (const Grant& grant : grants) {
    WEIR_TRY(const Rows entry, session.query(kEntry, {grant.role, grant.schema}, deadline));
    if (!entry.truth(0, 0)) continue;
    WEIR_TRY(const Rows tables,
             session.query(kPrivileges, {grant.role, grant.schema, "r,v,m,p,f", "r"}, deadline));
    WEIR_TRY(const Rows sequences,
             session.query(kPrivileges, {grant.role, grant.schema, "S", "S"}, deadline));
    Resource resource{"grant", name_of(grant), {}};
    resource.attributes = {{"role", grant.role},
                           {"database", grant.database},
                           {"schema", grant.schema},
                           {"tables", tables.text(0, 0)},
                           {"sequences", sequences.text(0, 0)}};
    out.push_back(std::move(resource));
  }
  return {};
}

std::string grant_statements(const Grant& grant, const Resource* wanted,
                             const std::string& database_owner) {
  const std::string role = quote_name(grant.role);
  const std::string schema = quote_name(grant.schema);
  const std::string database = quote_name(grant.database);
  const std::string later = fmt::format("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} ",
                                        quote_name(database_owner), schema);
  std::string out = "BEGIN;";
  for (const char* kind : {"TABLES", "SEQUENCES"}) {
    out += fmt::format("REVOKE ALL ON ALL {} IN SCHEMA {} FROM {};", kind, schema, role);
    out += fmt::format("{}REVOKE ALL ON {} FROM {};", later, kind, role);
  }
  if (wanted == nullptr) {
    out += fmt::format("REVOKE USAGE ON SCHEMA {} FROM {};", schema, role);
    out += fmt::format("REVOKE CONNECT ON DATABASE {} FROM {};", database, role);
    return out + "COMMIT;";
  }
  out += fmt::format("GRANT CONNECT ON DATABASE {} TO {};", database, role);
  out += fmt::format("GRANT USAGE ON SCHEMA {} TO {};", schema, role);
  const std::pair<const char*, std::string> parts[] = {
      {"TABLES", attribute(*wanted, "tables")}, {"SEQUENCES", attribute(*wanted, "sequences")}};
  for (const auto& [kind, privileges] : parts) {
    if (privileges.empty()) continue;
    out += fmt::format("GRANT {} ON ALL {} IN SCHEMA {} TO {};", privileges, kind, schema, role);
    out += fmt::format("{}GRANT {} ON {} TO {};", later, privileges, kind, role);
  }
  return out + "COMMIT;";
}

}  // namespace weir::engine::postgres
