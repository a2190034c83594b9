// The outside client: the only judge of what was lost and for how long.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/engine.h"
#include "model/report.h"
#include "world/world.h"

namespace weir::ledger {

struct Plan {
  std::string id;
  std::vector<Member> members;
  engine::LedgerAccess access;
  int writers = 4;
  double rate = 400;              // commits a second, all writers together; at most
  Duration statement_limit = 1s;  // then the session is dropped and a new one made
  std::string file;               // the acknowledgement log, outside the database
};

// What the ledger knows at a moment; all instants on this host's clock.
struct Tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t in_doubt = 0;
  std::uint64_t refused = 0;
  Instant last_acknowledged{};
  Duration longest_gap{};  // of any writer, since `start` or the last `mark`
};

struct FirstWrite {
  Instant acknowledged{};
  Instant read_back{};
};

// Several concurrent writers; each numbers its rows and chains their hashes, so that any lost,
// doubled or invented row is seen. Each acknowledgement is in the file before the next write.
class Ledger {
 public:
  Ledger(World& world, engine::Writes& writes, Plan plan);
  ~Ledger();  // stops the writers
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Begins to write; returns once every writer has an acknowledged row, or by the deadline.
  Result<> start(Deadline deadline);
  Tally tally() const;
  // From now on: gaps are counted anew, and `first_after` looks for writes sent after this.
  void mark(Instant fault);
  // The first row sent after the mark that was acknowledged and then read back in a new session.
  Result<FirstWrite> first_after(Deadline deadline);
  // Ends the writers, waiting for their open statements.
  void stop();
  // Reads everything back from `leader` and compares with the acknowledgement log: the verdict.
  Result<LossReport> audit(const Member& leader, Deadline deadline);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// The hash of a row: SHA-256 over (drill, writer, sequence, before), hex. Pure.
std::string row_hash(const std::string& drill, int writer, std::int64_t sequence,
                     const std::string& before);

// What a writer did with one row, as it lies in the acknowledgement log.
struct Attempt {
  engine::LedgerRow row;
  engine::Written written = engine::Written::refused;
  Instant sent{};
  Instant answered{};
};
// Compares what was attempted with what is found. Pure; `fault` is for lost_seconds.
LossReport judge(const std::vector<Attempt>& attempts, const std::vector<engine::LedgerRow>& found,
                 Instant fault);

}  // namespace weir::ledger
