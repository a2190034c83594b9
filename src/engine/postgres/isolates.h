// Isolates for Postgres: a leader that nobody can confirm takes no writes (safety.md S8).
#pragma once

#include "engine/postgres/context.h"

namespace weir::engine::postgres {

class PostgresIsolates : public Isolates {
 public:
  explicit PostgresIsolates(Context& context) : context_(context) {}
  Result<> isolate(const Member& member, Deadline deadline) override;
  Result<> take_writes(const Member& member, Deadline deadline) override;

 private:
  Context& context_;
};

// The setting of role.conf alone; a running server is to be reloaded. Whether it changed.
Result<bool> set_takes_no_writes(Context& context, const Member& member, bool on);

}  // namespace weir::engine::postgres
