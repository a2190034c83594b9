// One session of the outside client over one Postgres session.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/postgres/session.h"

namespace weir::engine::postgres {

// The ledger's table, quoted.
std::string entries_of(const LedgerAccess& access);

// What the answer to one INSERT means. `alive`: the session survived it. Pure.
WriteResult outcome_of(const Result<Rows>& answer, bool alive);

class ClientSession : public engine::Session {
 public:
  ClientSession(postgres::Session session, std::string entries)
      : session_(std::move(session)), entries_(std::move(entries)) {}

  WriteResult write(const LedgerRow& row, Deadline deadline) override;
  Result<bool> read_back(const LedgerRow& row, Deadline deadline) override;
  Result<std::vector<LedgerRow>> read_all(Deadline deadline) override;

 private:
  postgres::Session session_;
  const std::string entries_;
};

}  // namespace weir::engine::postgres
