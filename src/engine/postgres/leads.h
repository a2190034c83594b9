// Leads for Postgres (safety.md S6, S7, S9, S10): promises, following, promotion, the synchronous
// set and the way back. Every epoch has a timeline of its own number, so the epoch of a log can be
// read from the log.
#pragma once

#include <optional>
#include <string>

#include "engine/engine.h"
#include "engine/postgres/context.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/runs.h"

namespace weir::engine::postgres {

struct LeaderFacts;

class PostgresLeads : public Leads {
 public:
  explicit PostgresLeads(Context& context) : context_(context), runs_(context) {}

  Result<Promise> promise(const Member& member, std::int64_t round, Deadline deadline) override;
  Result<> release(const Member& member, std::int64_t round,
                   const std::optional<Upstream>& upstream, Deadline deadline) override;
  Result<> follow(const Member& member, const Upstream& upstream, Deadline deadline) override;
  Result<> promote(const Member& member, Epoch epoch, const SyncSet& set,
                   Deadline deadline) override;
  Result<> load_set(const Member& member, const SyncSet& set, Deadline deadline) override;
  Result<> confirm(const Member& member, Epoch epoch, Deadline deadline) override;
  Result<> rejoin(const Member& member, const Upstream& upstream, Rejoin how,
                  const Incarnation& fresh, const Service& service, Deadline deadline) override;
  Result<Standing> find_standing(const Member& member, Deadline deadline) override;

 private:
  // promise.cpp
  Result<> stop_receiving(const Member& member, const Local& here, Deadline deadline);
  Result<> silence_receiver(std::int64_t postmaster, Deadline deadline);
  Result<Standing> settled_standing(const Member& member, const Local& here, Deadline deadline);
  // follow.cpp
  Result<> check_may_follow(const Member& member, const Upstream& upstream, const Local& here);
  Result<> point_at(const Member& member, const Upstream& upstream, const Local& here,
                    Deadline deadline);
  Result<> check_descent(const Member& member, const Upstream& upstream, Deadline deadline);
  // promote.cpp
  Result<> open_as_replica_of_nobody(const Member& member, Epoch epoch, Deadline deadline);
  Result<> load_before_promotion(const Member& member, const SyncSet& set, Deadline deadline);
  Result<> open_for_writes(const Member& member, Epoch epoch, Deadline deadline);
  Result<> ask_to_promote(const Member& member, Session& session, const PromiseNote& note,
                          Deadline deadline);
  Result<> replay_up_to(Session& session, Position owed, Deadline deadline);
  // rejoin.cpp
  Result<> export_diverged(const Member& member, const Standing& own, Position from,
                           const Epoch& epoch, Deadline deadline);
  Result<> rewind(const Member& member, const Upstream& upstream, Deadline deadline);
  Result<> recover(const Member& member, Deadline deadline);
  Result<bool> is_rewound(const Member& member, const Upstream& upstream, Deadline deadline);

  Context& context_;
  PostgresRuns runs_;
};

}  // namespace weir::engine::postgres
