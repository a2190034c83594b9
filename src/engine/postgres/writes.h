// How an outside client writes to Postgres: for the ledger and for nobody else.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/postgres/context.h"

namespace weir::engine::postgres {

// The parameters of a session as an application opens it: every member listed, libpq picks the one
// that takes writes. `first` says with which member the list begins. Pure.
Parameters client_parameters(const std::vector<Member>& members, const LedgerAccess& access,
                             std::size_t first, bool read_write);

// Acknowledged: CommandComplete, no warning about a cancelled wait, and a session that has not
// lowered synchronous_commit (safety.md, The claim). Everything of which the server did not plainly
// say that it failed is in doubt. Borrows the context for its life.
class PostgresWrites : public Writes {
 public:
  explicit PostgresWrites(Context& context) : context_(context) {}

  std::vector<std::string> preparation(const LedgerAccess& access) const override;
  // By the operator role; waits for the synchronous set like any commit of a client.
  Result<> prepare(const Member& leader, const LedgerAccess& access, Deadline deadline) override;
  // Also ends what is left of the role's sessions.
  Result<> clean_up(const Member& leader, const LedgerAccess& access, Deadline deadline) override;
  // refused: a role or database lowers synchronous_commit, so nothing could be acknowledged.
  Result<std::unique_ptr<engine::Session>> connect(const std::vector<Member>& members,
                                                   const LedgerAccess& access,
                                                   Deadline deadline) override;
  Result<std::unique_ptr<engine::Session>> connect_one(const Member& member,
                                                       const LedgerAccess& access,
                                                       Deadline deadline) override;

 private:
  Context& context_;
  // libpq asks the members in order and has no limit for each: after a silent one begin elsewhere.
  std::atomic<std::size_t> first_{0};
};

}  // namespace weir::engine::postgres
