// Starts, marks, ends and audits the writers.
#include "ledger/ledger.h"

#include <fmt/core.h>

#include "base/check.h"
#include "base/quantity.h"
#include "ledger/board.h"
#include "ledger/log.h"
#include "ledger/writer.h"

namespace weir::ledger {

struct Ledger::Shared {
  Shared(World& w, engine::Writes& writes_, Plan plan_)
      : world(w),
        writes(writes_),
        plan(std::move(plan_)),
        board(plan.writers),
        first_write(world.workers.make_alarm()) {}

  World& world;
  engine::Writes& writes;
  const Plan plan;
  Board board;
  std::unique_ptr<Alarm> first_write;
  std::vector<std::shared_ptr<Job>> jobs;
};

Ledger::Ledger(World& world, engine::Writes& writes, Plan plan) {
  WEIR_ASSERT(plan.writers > 0 && plan.rate > 0 && plan.statement_limit > Duration::zero());
  shared_ = std::make_shared<Shared>(world, writes, std::move(plan));
}

Ledger::~Ledger() { stop(); }

Result<> Ledger::start(Deadline deadline) {
  Shared& shared = *shared_;
  WEIR_ASSERT(shared.jobs.empty());
  Clock& clock = shared.world.clock;
  WEIR_TRY_(shared.world.files.write(shared.plan.file,
                                     log_head(shared.plan.id, clock.now(), clock.wall())));
  for (int writer = 0; writer < shared.plan.writers; ++writer) {
    shared.jobs.push_back(shared.world.workers.begin(fmt::format("ledger {}", writer), [kept =
                                                                                            shared_,
                                                                                        writer] {
      write_rows({kept->world, kept->writes, kept->plan, kept->board, *kept->first_write}, writer);
    }));
  }
  const bool ready = poll_until(clock, deadline, 5ms, [&shared] {
    return shared.board.all_acknowledged() || shared.board.broken().has_value();
  });
  if (const std::optional<Error> broken = shared.board.broken()) return fail(*broken);
  if (ready) return {};
  stop();
  const std::string trouble = shared.board.trouble();
  return fail(Failure::timed_out, "could not write through every ledger session: " +
                                      (trouble.empty() ? "no answer by the deadline" : trouble));
}

Tally Ledger::tally() const { return shared_->board.tally(shared_->world.clock.now()); }

void Ledger::mark(Instant fault) { shared_->board.mark(fault); }

Result<FirstWrite> Ledger::first_after(Deadline deadline) {
  Shared& shared = *shared_;
  Clock& clock = shared.world.clock;
  std::optional<Attempt> first = shared.board.first();
  while (!first && !clock.passed(deadline)) {
    if (const std::optional<Error> broken = shared.board.broken()) return fail(*broken);
    shared.first_write->wait_until(deadline.at);
    first = shared.board.first();
  }
  if (!first) return fail(Failure::timed_out, "no write was acknowledged after the fault yet");

  std::string trouble = "the row is not there";
  const bool seen = poll_until(clock, deadline, 5ms, [&] {
    const auto session = shared.writes.connect(shared.plan.members, shared.plan.access, deadline);
    const Result<bool> there =
        session ? (*session)->read_back(first->row, deadline) : fail(session.error());
    if (!there) trouble = there.error().what;
    return there.value_or(false);
  });
  if (!seen) {
    return fail(Failure::timed_out, "could not read the first acknowledged write back: " + trouble);
  }
  return FirstWrite{first->answered, clock.now()};
}

void Ledger::stop() {
  Shared& shared = *shared_;
  shared.board.end(shared.world.clock.now());
  // Sessions return by their deadlines, so this ends; leaving earlier would leave a writer behind.
  for (const std::shared_ptr<Job>& job : shared.jobs) {
    while (!job->wait(shared.world.clock.within(shared.plan.statement_limit))) {
    }
  }
  shared.jobs.clear();
}

Result<LossReport> Ledger::audit(const Member& leader, Deadline deadline) {
  stop();
  Shared& shared = *shared_;
  if (const std::optional<Error> broken = shared.board.broken()) return fail(*broken);
  Result<std::vector<engine::LedgerRow>> found =
      fail(Failure::timed_out, "could not read the ledger back: no answer by the deadline");
  const bool read = poll_until(shared.world.clock, deadline, 20ms, [&] {
    const auto session = shared.writes.connect_one(leader, shared.plan.access, deadline);
    if (session) {
      found = (*session)->read_all(deadline);
    } else {
      found = fail(session.error());
    }
    return found.has_value();
  });
  if (!read) return fail(found.error());

  WEIR_TRY(const std::string text, shared.world.files.read(shared.plan.file));
  WEIR_TRY(const std::vector<Attempt> attempts, parse_log(text, shared.plan.id));
  const Tally told = tally();
  if (attempts.size() != told.acknowledged + told.in_doubt + told.refused) {
    return fail(
        Failure::bad_data,
        fmt::format("could not audit: the acknowledgement log has {} attempts, {} were made",
                    attempts.size(), told.acknowledged + told.in_doubt + told.refused));
  }
  return judge(attempts, *found, shared.board.fault());
}

}  // namespace weir::ledger
