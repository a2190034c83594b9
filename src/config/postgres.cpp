// What a service of engine postgres may declare: params, databases, roles and their grants.
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "config/engines.h"
#include "model/postgres_params.h"

namespace weir::config {
namespace {

constexpr std::array kTablePrivileges{"delete",  "insert",   "references", "select",
                                      "trigger", "truncate", "update"};
constexpr std::array kSequencePrivileges{"select", "update", "usage"};

std::string list_of(const std::vector<std::string>& items) { return join(items, ", "); }

void read_param(Complaints& complaints, const Node& key, const Node& value, Draft& draft) {
  if (const std::string_view why = postgres_param_refusal(key.text); !why.empty()) {
    complaints.add(key, fmt::format("the parameter `{}` cannot be declared: {}", key.text, why));
    return;
  }
  const PostgresParam* param = find_postgres_param(key.text);
  const std::size_t dot = key.text.find('.');
  const bool of_extension = dot != std::string::npos && dot > 0 && dot + 1 < key.text.size() &&
                            key.text.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") == std::string::npos;
  if (param == nullptr && !of_extension) {
    const std::string near = nearest(key.text, declarable_postgres_params());
    complaints.add(key, fmt::format("Postgres 15 has no parameter `{}`", key.text),
                   near.empty() ? std::string{} : fmt::format("did you mean `{}`?", near));
    return;
  }
  const auto text = as_text(complaints, value, "a value");
  if (!text) return;
  static constexpr PostgresParam kOfExtension{.name = "this parameter"};
  const auto canonical = canonical_value(param == nullptr ? kOfExtension : *param, *text);
  if (!canonical) {
    complaints.add(value, canonical.error().what);
    return;
  }
  const std::string name = param == nullptr ? key.text : std::string(param->name);
  draft.service.resources.push_back({"param", name, {{"value", *canonical}}});
}

void read_params(Complaints& complaints, const Node& node, Draft& draft) {
  if (node.is_null() || as_map(complaints, node, "a mapping of parameters") == nullptr) return;
  for (const auto& [key, value] : node.entries) read_param(complaints, *key, *value, draft);
}

bool reserved(Complaints& complaints, const Node& name, std::string_view thing) {
  for (const std::string_view word :
       {"postgres", "template0", "template1", "public", "none", "weir"}) {
    if (name.text != word) continue;
    complaints.add(name, fmt::format("the {} `{}` is {}'s own", thing, word,
                                     word == "weir" ? "weir" : "Postgres"));
    return true;
  }
  for (const std::string_view prefix : {"pg_", "weir_"}) {
    if (!starts_with(name.text, prefix)) continue;
    complaints.add(name, fmt::format("the {} `{}` cannot be declared: names that begin with `{}` "
                                     "are kept for {}",
                                     thing, name.text, prefix,
                                     prefix == "weir_" ? "weir itself" : "Postgres itself"));
    return true;
  }
  return false;
}

struct Database {
  const Node* owner = nullptr;
};

const std::vector<Key<Database>>& database_keys() {
  static const std::vector<Key<Database>> kKeys{
      {"owner", true,
       [](Complaints&, const Node& value, Database& database) { database.owner = &value; },
       "the name of a role", "who owns it; a role of this service"},
  };
  return kKeys;
}

void read_database(Complaints& complaints, const Node& name, const Node& node, Draft& draft) {
  if (!check_identifier(complaints, name, "database") || reserved(complaints, name, "database")) {
    return;
  }
  Database database;
  read_mapping(complaints, name, node, fmt::format("database `{}`", name.text), database_keys(),
               database);
  if (database.owner == nullptr) return;
  const auto owner = as_text(complaints, *database.owner, "the name of a role");
  if (!owner) return;
  if (draft.roles == nullptr || draft.roles->find(*owner) == nullptr) {
    std::vector<std::string> roles;
    if (draft.roles != nullptr) {
      for (const auto& [role, value] : draft.roles->entries) roles.push_back(role->text);
    }
    complaints.add(*database.owner,
                   fmt::format("the owner `{}` is not declared under `roles`", *owner),
                   suggestion(*owner, roles));
    return;
  }
  draft.service.resources.push_back({"database", name.text, {{"owner", *owner}}});
}

struct Grant {
  const Node* on = nullptr;
  std::string tables, sequences;
};

// "delete, insert, select": sorted, each once.
template <std::size_t N>
std::string read_privileges(Complaints& complaints, const Node& node,
                            const std::array<const char*, N>& known) {
  if (as_list(complaints, node, "a list of privileges") == nullptr) return {};
  const std::vector<std::string> names(known.begin(), known.end());
  std::set<std::string> granted;
  for (const NodePtr& item : node.items) {
    const auto text = as_text(complaints, *item, "a privilege");
    if (!text) continue;
    if (*text == "all") {
      granted.insert(names.begin(), names.end());
    } else if (std::find(names.begin(), names.end(), *text) != names.end()) {
      granted.insert(*text);
    } else {
      complaints.add(*item, fmt::format("there is no privilege `{}` here", *text),
                     suggestion(*text, names));
    }
  }
  return list_of({granted.begin(), granted.end()});
}

const std::vector<Key<Grant>>& grant_keys() {
  static const std::vector<Key<Grant>> kKeys{
      {"on", true, [](Complaints&, const Node& value, Grant& grant) { grant.on = &value; },
       "DATABASE.SCHEMA", "where it holds"},
      {"tables", false,
       [](Complaints& complaints, const Node& value, Grant& grant) {
         grant.tables = read_privileges(complaints, value, kTablePrivileges);
       },
       "a list of privileges", "on all tables there, present and to come; `all` for each of them"},
      {"sequences", false,
       [](Complaints& complaints, const Node& value, Grant& grant) {
         grant.sequences = read_privileges(complaints, value, kSequencePrivileges);
       },
       "a list of privileges", "on all sequences there, present and to come"},
  };
  return kKeys;
}

// Whether `on` reads DATABASE.SCHEMA and the database is declared.
bool check_on(Complaints& complaints, const Node& on, const std::string& text, const Draft& draft) {
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
    complaints.add(on, fmt::format("expected DATABASE.SCHEMA, got '{}'", text));
    return false;
  }
  std::vector<std::string> databases;
  if (draft.databases != nullptr) {
    for (const auto& [name, value] : draft.databases->entries) databases.push_back(name->text);
  }
  if (std::find(databases.begin(), databases.end(), parts[0]) == databases.end()) {
    complaints.add(on, fmt::format("the database `{}` is not declared under `databases`", parts[0]),
                   suggestion(parts[0], databases));
    return false;
  }
  Node schema = on;
  schema.text = parts[1];
  return check_identifier(complaints, schema, "schema");
}

void read_grant(Complaints& complaints, const std::string& role, const Node& node, Draft& draft) {
  if (as_map(complaints, node, "a grant such as {on: DATABASE.SCHEMA, tables: [select]}") ==
      nullptr) {
    return;
  }
  Grant grant;
  const std::size_t before = complaints.count();
  read_mapping(complaints, node, node, "a grant", grant_keys(), grant);
  if (grant.on == nullptr) return;
  const auto on = as_text(complaints, *grant.on, "DATABASE.SCHEMA");
  if (!on || !check_on(complaints, *grant.on, *on, draft) || complaints.count() > before) return;
  if (grant.tables.empty() && grant.sequences.empty()) {
    complaints.add(node, "a grant needs `tables` or `sequences` with at least one privilege");
    return;
  }
  const std::string name = role + " on " + *on;
  for (const Resource& other : draft.service.resources) {
    if (other.kind != "grant" || other.name != name) continue;
    complaints.add(*grant.on, fmt::format("the role `{}` has two grants on `{}`", role, *on),
                   "write them as one");
    return;
  }
  const std::size_t dot = on->find('.');
  draft.service.resources.push_back({"grant",
                                     name,
                                     {{"database", on->substr(0, dot)},
                                      {"schema", on->substr(dot + 1)},
                                      {"role", role},
                                      {"tables", grant.tables},
                                      {"sequences", grant.sequences}}});
}

struct RoleDraft {
  bool login = false;
  std::string password;
  const Node* grants = nullptr;
};

// The literal itself is never repeated: it would end in logs and terminals.
void read_password(Complaints& complaints, const Node& node, RoleDraft& role) {
  if (node.is_null()) {
    complain_of_kind(complaints, node, "generated, env:NAME or file:/PATH");
  } else if (node.kind != Node::Kind::scalar || !is_reference(node.text)) {
    complaints.mask(node);
    complaints.add(node, "a password is never written in the file",
                   "write `generated`, `env:NAME` or `file:/PATH`");
  } else {
    role.password = node.text;
  }
}

const std::vector<Key<RoleDraft>>& role_keys() {
  static const std::vector<Key<RoleDraft>> kKeys{
      {"login", false,
       [](Complaints& complaints, const Node& value, RoleDraft& role) {
         role.login = as_bool(complaints, value).value_or(false);
       },
       "true or false", "whether one may connect as it; false by default"},
      {"password", false, read_password, "generated, env:NAME or file:/PATH",
       "a reference, resolved on the leader's host; never the secret itself"},
      {"grants", false,
       [](Complaints& complaints, const Node& value, RoleDraft& role) {
         role.grants = as_list(complaints, value, "a list of grants");
       },
       "a list of grants", "what it may do",
       [](const std::string& path, std::vector<FileKey>& out) {
         describe(path, grant_keys(), out);
       }},
  };
  return kKeys;
}

void read_role(Complaints& complaints, const Node& name, const Node& node, Draft& draft) {
  if (!check_identifier(complaints, name, "role") || reserved(complaints, name, "role")) return;
  RoleDraft role;
  read_mapping(complaints, name, node, fmt::format("role `{}`", name.text), role_keys(), role);
  draft.service.resources.push_back(
      {"role", name.text, {{"login", role.login ? "true" : "false"}, {"password", role.password}}});
  if (role.grants == nullptr) return;
  for (const NodePtr& grant : role.grants->items) {
    read_grant(complaints, name.text, *grant, draft);
  }
}

// Databases name roles and grants name databases, in whatever order the file has them.
void finish(Complaints& complaints, Draft& draft) {
  if (draft.databases != nullptr) {
    for (const auto& [name, node] : draft.databases->entries) {
      read_database(complaints, *name, *node, draft);
    }
  }
  if (draft.roles != nullptr) {
    for (const auto& [name, node] : draft.roles->entries) {
      read_role(complaints, *name, *node, draft);
    }
  }
}

}  // namespace

EngineSyntax postgres_syntax() {
  return {"postgres",
          true,
          5432,
          {{"params", false, read_params, "a mapping of parameters",
            "settings of the server, by Postgres's own names"},
           {"databases", false,
            [](Complaints& complaints, const Node& node, Draft& draft) {
              if (node.is_null()) return;
              draft.databases = as_map(complaints, node, "a mapping of databases");
            },
            "a mapping of databases", "by name",
            [](const std::string& path, std::vector<FileKey>& out) {
              describe(path + ".DATABASE", database_keys(), out);
            }},
           {"roles", false,
            [](Complaints& complaints, const Node& node, Draft& draft) {
              if (node.is_null()) return;
              draft.roles = as_map(complaints, node, "a mapping of roles");
            },
            "a mapping of roles", "by name",
            [](const std::string& path, std::vector<FileKey>& out) {
              describe(path + ".ROLE", role_keys(), out);
            }}},
          finish};
}

}  // namespace weir::config
