// One writer: an ordinary client with one session, which numbers and chains what it writes.
#pragma once

#include "ledger/board.h"
#include "ledger/ledger.h"

namespace weir::ledger {

// What every writer works with; borrowed for the run.
struct Bench {
  World& world;
  engine::Writes& writes;
  const Plan& plan;
  Board& board;
  Alarm& first_write;  // rung for the first write after a mark
};

// Writes rows until the board is ending, or until the log breaks. Runs on a worker.
void write_rows(const Bench& bench, int writer);

}  // namespace weir::ledger
