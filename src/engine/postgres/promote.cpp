// Promotion: never with the set off (safety.md S7), always onto the timeline of its epoch's number,
// and only with everything replayed that the promise answered for.
#include <fmt/format.h>

#include <algorithm>

#include "engine/postgres/leads.h"
#include "engine/postgres/leads_standing.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/promote_timeline.h"
#include "engine/postgres/role_settings.h"
#include "engine/postgres/sync_set.h"

namespace weir::engine::postgres {
namespace {

constexpr Duration kPause = 2ms;
constexpr Duration kCheckpointTakes = std::chrono::minutes(10);

bool is_running(const Local& here) { return here.server.life == ServerLife::running; }

struct Now {
  bool recovering = true;
  std::int64_t timeline = 0;  // of a leader
};

Result<Now> state_of(Session& session, Deadline deadline) {
  WEIR_TRY(const Rows recovery, session.query("select pg_is_in_recovery()", {}, deadline));
  if (recovery.truth(0, 0)) return Now{};
  WEIR_TRY(const Rows rows,
           session.query("select ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, "
                         "8))::bit(32)::bigint",
                         {}, deadline));
  return Now{false, std::atoll(rows.text(0, 0).c_str())};
}

// pg_rewind reads the leader's timeline from its last checkpoint, and the one after a promotion is
// spread over minutes unless it is asked for. Nobody waits for it here. The job borrows only the
// clock, which outlives every user.
void begin_checkpoint(Context& context, const Member& member) {
  Clock& clock = context.clock();
  context.world().workers.begin("checkpoint",
                                [&clock, parameters = local_parameters(context.setting(), member)] {
                                  const Deadline deadline = clock.within(kCheckpointTakes);
                                  auto session = Session::connect(clock, parameters, deadline);
                                  if (!session) return;
                                  const auto done = session->query("checkpoint", {}, deadline);
                                  static_cast<void>(done);
                                });
}

}  // namespace

Result<> PostgresLeads::promote(const Member& member, Epoch epoch, const SyncSet& set,
                                Deadline deadline) {
  WEIR_TRY(const Local here, runs_.local(member));
  const std::string cannot =
      fmt::format("cannot promote {} to epoch {}: ", member.name.text, show(epoch));
  if (!here.data || here.foreign || here.half_rewound) {
    return fail(Failure::refused, cannot + (here.half_rewound ? "a rewind of its data was cut off"
                                                              : "its data is not whole"));
  }
  if (here.promised > epoch.number) {
    return fail(Failure::refused, fmt::format("{}it has promised round {}", cannot, here.promised));
  }
  if (const Epoch known = std::max(here.led, here.follows_epoch); known > epoch) {
    return fail(Failure::refused, fmt::format("{}it knows epoch {}", cannot, show(known)));
  }
  if (here.processes_left) {
    return fail(Failure::refused, cannot + "a process of its former server is left");
  }
  if (!is_running(here)) {
    WEIR_TRY_(load_before_promotion(member, set, deadline));
    WEIR_TRY_(open_as_replica_of_nobody(member, epoch, deadline));
  }
  WEIR_TRY(Session session, context_.local_session(member, deadline));
  WEIR_TRY(const Now now, state_of(session, deadline));
  if (!now.recovering) {
    if (now.timeline == epoch.number) return open_for_writes(member, epoch, deadline);
    return fail(Failure::refused, fmt::format("{}it leads on timeline {}; it has to be stopped "
                                              "first",
                                              cannot, now.timeline));
  }
  session.drop();
  WEIR_TRY(const bool promoting, is_promoting(context_, member, here.server));
  if (promoting) return open_for_writes(member, epoch, deadline);
  WEIR_TRY_(load_before_promotion(member, set, deadline));

  WEIR_TRY(const Standing standing, standing_here(context_, member, true, deadline));
  const std::int64_t timeline = standing.lineage.timeline;
  WEIR_TRY(const bool untaken, has_untaken(context_, member, timeline));
  if (untaken) {
    // The running server has chosen a timeline of which it holds nothing; a new start chooses
    // again from what is there.
    WEIR_TRY_(runs_.stop(member, StopMode::fast, deadline));
    WEIR_TRY_(open_as_replica_of_nobody(member, epoch, deadline));
  }
  if (timeline >= epoch.number) {
    return fail(Failure::bad_data,
                fmt::format("{}its log is on timeline {} already", cannot, timeline));
  }
  WEIR_TRY_(fill_histories(context_, member, standing.lineage, epoch.number));
  return open_for_writes(member, epoch, deadline);
}

// Stopped members: a former leader becomes a replica first, so that it begins a timeline of its
// own; unless it stopped in this very epoch, whose timeline it has begun already.
Result<> PostgresLeads::open_as_replica_of_nobody(const Member& member, Epoch epoch,
                                                  Deadline deadline) {
  WEIR_TRY(const Local here, runs_.local(member));
  WEIR_TRY(const Standing standing, standing_on_disk(context_, member, std::nullopt, deadline));
  if (!here.as_replica && standing.lineage.timeline == epoch.number) {
    return runs_.start(member, epoch, deadline);
  }
  {
    WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
    WEIR_TRY_(set_aside_untaken(context_, member, standing.lineage.timeline));
    WEIR_TRY_(make_standby(context_, member));
  }
  return runs_.start(member, epoch, deadline);
}

// The list of the new epoch is in force before the first commit of it can exist; no receiver of an
// older epoch is left.
Result<> PostgresLeads::load_before_promotion(const Member& member, const SyncSet& set,
                                              Deadline deadline) {
  const Layout l = context_.layout(member);
  WEIR_TRY(const RoleSettings role, read_role_settings(context_.files(), l.role_file));
  RoleSettings wanted;
  wanted.synchronous_standby_names = standby_names(set);
  if (role != wanted) WEIR_TRY_(write_role_settings(context_.files(), l.role_file, wanted));
  WEIR_TRY(const Local here, runs_.local(member));
  if (!is_running(here)) return {};
  WEIR_TRY_(context_.reload(member));
  WEIR_TRY(const Session session,
           session_with_names(context_, member, wanted.synchronous_standby_names, deadline));
  return silence_receiver(here.server.pid, deadline);
}

Result<> PostgresLeads::open_for_writes(const Member& member, Epoch epoch, Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY(const PromiseNote note, read_promise(files, l.promise));
  WEIR_TRY(Session session, context_.local_session(member, deadline));
  WEIR_TRY(Now now, state_of(session, deadline));
  WEIR_TRY_(write_leads(files, l.leads, epoch));
  if (now.recovering) {
    WEIR_TRY_(ask_to_promote(member, session, note, deadline));
    std::optional<Error> error;
    const bool open = poll_until(context_.clock(), deadline, kPause, [&] {
      const auto seen = state_of(session, deadline);
      if (!seen) error = seen.error();
      if (seen) now = *seen;
      return error || !now.recovering;
    });
    if (error) return fail(std::move(*error));
    if (!open) {
      return fail(Failure::outcome_unknown,
                  fmt::format("{} was told to promote and has not opened yet", member.name.text));
    }
  }
  if (now.timeline != epoch.number) {
    return fail(Failure::bad_data, fmt::format("{} opened on timeline {} instead of {}",
                                               member.name.text, now.timeline, epoch.number));
  }
  WEIR_TRY(const Rows refuses,
           session.query("select current_setting('default_transaction_read_only')", {}, deadline));
  if (refuses.text(0, 0) == "on") {
    WEIR_TRY(const Rows reset,
             session.query("alter system reset default_transaction_read_only", {}, deadline));
    WEIR_TRY_(context_.reload(member));
  }
  WEIR_TRY_(write_locally(session, deadline));
  WEIR_TRY(const RoleSettings role, read_role_settings(files, l.role_file));
  WEIR_TRY_(ensure_slots(session, {listed_voters(role.synchronous_standby_names), 1}, deadline));
  WEIR_TRY_(files.remove(l.follows));
  WEIR_TRY_(forget_promoting(context_, member));
  begin_checkpoint(context_, member);
  // The promise last: while it is held in its own epoch, failover has this promotion repeated.
  if (note.round != 0) WEIR_TRY_(write_promise(files, l.promise, {0, note.last, {}}));
  return {};
}

// A server that was told once may have opened meanwhile, and then refuses to be told again.
Result<> PostgresLeads::ask_to_promote(const Member& member, Session& session,
                                       const PromiseNote& note, Deadline deadline) {
  WEIR_TRY(const ServerState server, context_.world().servers.state(context_.handle(member)));
  WEIR_TRY(const bool asked, is_promoting(context_, member, server));
  if (!asked) {
    WEIR_TRY_(
        replay_up_to(session, note.promise ? note.promise->standing.at : Position{}, deadline));
    WEIR_TRY_(note_promoting(context_, member, server));
  }
  const auto told = session.query("select pg_promote(false)", {}, deadline);
  if (!told && !asked) return fail(told.error());
  return {};
}

// A promotion replays what it finds by itself; it is asked for before, because a log that falls
// short of the promise must not be opened.
Result<> PostgresLeads::replay_up_to(Session& session, Position owed, Deadline deadline) {
  WEIR_TRY(const Rows resumed, session.query("select pg_wal_replay_resume()", {}, deadline));
  Position replayed;
  std::optional<Error> error;
  const bool there = poll_until(context_.clock(), deadline, kPause, [&] {
    const auto rows = session.query("select pg_last_wal_replay_lsn()", {}, deadline);
    if (!rows) error = rows.error();
    if (rows) replayed = position_from(rows->text(0, 0)).value_or(Position{});
    return error || replayed >= owed;
  });
  if (error) return fail(std::move(*error));
  if (there) return {};
  return fail(Failure::timed_out,
              fmt::format("cannot promote: replay stands at {}, short of {}, which was promised",
                          show(replayed), show(owed)));
}

}  // namespace weir::engine::postgres
