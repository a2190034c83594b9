// The loop of one writer. It does what a careful application does: one statement at a time, a
// limit on each, a new session after anything but a plain success, no statement sent twice.
#include "ledger/writer.h"

#include <algorithm>
#include <memory>

#include "ledger/log.h"

namespace weir::ledger {
namespace {

// Odd enough that it does not fall into step with a server's own retries.
Duration retry_pause(Random& random) {
  return 20ms + std::chrono::milliseconds(random.next() % 30);
}

std::unique_ptr<engine::Session> open_session(const Bench& bench, int writer) {
  Clock& clock = bench.world.clock;
  if (!bench.board.may_connect(writer)) {
    clock.sleep_for(5ms);
    return nullptr;
  }
  Result<std::unique_ptr<engine::Session>> session = bench.writes.connect(
      bench.plan.members, bench.plan.access, clock.within(bench.plan.statement_limit));
  bench.board.note_connect(writer, session.has_value());
  if (session) return std::move(*session);
  bench.board.note_trouble(session.error().what);
  clock.sleep_for(retry_pause(bench.world.random));
  return nullptr;
}

// `before` is the last row that was acknowledged: one in doubt may be absent afterwards, and the
// chain must not break by that. A number is never used twice, so a late twin cannot hide.
engine::LedgerRow row_after(const Bench& bench, int writer, std::int64_t sequence,
                            const std::string& before) {
  return {writer, sequence, before, row_hash(bench.plan.id, writer, sequence, before)};
}

}  // namespace

void write_rows(const Bench& bench, int writer) {
  Clock& clock = bench.world.clock;
  const auto every = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(bench.plan.writers / bench.plan.rate));
  Instant slot = clock.now() + every * writer / bench.plan.writers;
  std::unique_ptr<engine::Session> session;
  std::string before;
  for (std::int64_t sequence = 1; !bench.board.ending();) {
    if (!session) session = open_session(bench, writer);
    if (!session) continue;
    clock.sleep_until(slot);
    if (bench.board.ending()) return;
    // What an outage held up is not made up for: the load stays what was asked for.
    slot = std::max(slot, clock.now()) + every;

    Attempt attempt;
    attempt.row = row_after(bench, writer, sequence++, before);
    attempt.sent = clock.now();
    const engine::WriteResult result =
        session->write(attempt.row, clock.within(bench.plan.statement_limit));
    attempt.answered = clock.now();
    attempt.written = result.written;
    if (result.written == engine::Written::acknowledged) {
      before = attempt.row.hash;
    } else {
      bench.board.note_trouble(result.detail);
      session.reset();
    }
    if (bench.board.note(attempt)) bench.first_write.ring();
    if (Result<> kept = bench.world.files.append(bench.plan.file, log_line(attempt)); !kept) {
      bench.board.break_off(kept.error());
      return;
    }
  }
}

}  // namespace weir::ledger
