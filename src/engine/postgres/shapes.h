// Shapes for Postgres: parameters, roles, databases and grants.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/postgres/context.h"

namespace weir::engine::postgres {

class PostgresShapes : public Shapes {
 public:
  explicit PostgresShapes(Context& context) : context_(context) {}
  Result<std::vector<Resource>> present(const Member& member, const std::vector<Resource>& declared,
                                        Deadline deadline) override;
  Result<> apply(const Member& leader, const Difference& difference, Deadline deadline) override;
  std::vector<Attribute> attributes() const override;

 private:
  Result<> apply_grant(const Member& leader, Session& session, const Difference& difference,
                       Deadline deadline);
  Result<> drop_role(const Member& leader, Session& session, const std::string& name,
                     Deadline deadline);
  Context& context_;
};

// What a database is called that the fleet file no longer names.
std::string final_database_name(const std::string& oid, const std::string& name);

}  // namespace weir::engine::postgres
