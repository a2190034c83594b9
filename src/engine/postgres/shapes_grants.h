// Grants: on all tables and sequences of one schema, and on those that its owner makes later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/postgres/session.h"
#include "model/fleet.h"

namespace weir::engine::postgres {

struct Grant {
  std::string role;
  std::string database;
  std::string schema;
};

// "ROLE on DATABASE.SCHEMA"; nullopt for another form.
std::optional<Grant> grant_named(const std::string& name);
std::string name_of(const Grant& grant);

// Reads, inside their database, those of `grants` that are there, with the privileges that hold for
// everything that they cover; what holds for some tables only is not granted yet.
Result<> add_grants(Session& session, const std::vector<Grant>& grants, std::vector<Resource>& out,
                    Deadline deadline);

// The statements that take `grant` from any present state to `wanted` (nullptr: to nothing), as one
// transaction inside its database. Pure but for names.
std::string grant_statements(const Grant& grant, const Resource* wanted,
                             const std::string& database_owner);

}  // namespace weir::engine::postgres
