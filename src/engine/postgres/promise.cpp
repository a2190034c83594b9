// Promise and release (safety.md S6). The order of the steps is the rule: key, settings, receiver,
// position, disk, answer; and backwards only once no promise is held.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/postgres/leads.h"
#include "engine/postgres/leads_standing.h"
#include "engine/postgres/leads_system.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/promote_timeline.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

constexpr Duration kReceiverEnds = 100ms;  // by itself, once it has read its settings
constexpr Duration kReceiverDies = 2s;     // after SIGTERM; it may be in an fsync
constexpr Duration kSettles = 10ms;        // between two equal positions
constexpr Duration kAsksFor = 500ms;
constexpr const char* kAway = "away-";
// After a crash the server syncs its whole folder and ends recovery with a checkpoint: measured 2.3
// s under a drill's load, with almost nothing to replay.
constexpr Duration kStartTakes = 2s;
constexpr double kReplayedInASecond = 64 << 20;  // of crash recovery; careful

bool is_running(const Local& here) { return here.server.life == ServerLife::running; }

// The receiver's key goes from where its settings say, durably.
Result<> move_keys_away(Files& files, const std::string& folder) {
  if (!files.exists(folder)) return {};
  WEIR_TRY(const std::vector<std::string> names, files.list(folder));
  for (const std::string& name : names) {
    if (starts_with(name, kAway)) continue;
    const std::string away = folder + "/" + kAway + name;
    WEIR_TRY_(files.remove(away));
    WEIR_TRY_(files.rename(folder + "/" + name, away));
  }
  return {};
}

// The epoch of a log is the number of the timeline that its last record lies on.
Epoch epoch_of(const Standing& standing, const Local& here) {
  return {std::max(here.led, here.follows_epoch).reign, standing.lineage.timeline};
}

Result<Position> received(Session& session, Deadline deadline) {
  WEIR_TRY(const Rows rows,
           session.query("select coalesce(pg_last_wal_receive_lsn(), '0/0')", {}, deadline));
  return position_from(rows.text(0, 0)).value_or(Position{});
}

Result<> check_may_promise(const Member& member, std::int64_t round, const Local& here,
                           const PromiseNote& note) {
  const std::string cannot =
      fmt::format("cannot promise round {} for {}: ", round, member.name.text);
  if (!here.data || here.foreign) {
    return fail(here.foreign ? Failure::bad_data : Failure::not_found,
                cannot + (here.trouble.empty() ? "it has no data" : here.trouble));
  }
  if (here.half_rewound) return fail(Failure::refused, cannot + "a rewind of its data was cut off");
  if (round < note.round) {
    return fail(Failure::refused, fmt::format("{}it has promised round {}", cannot, note.round));
  }
  const Epoch epoch = std::max(here.led, here.follows_epoch);
  if (round <= epoch.number && round != note.round) {
    return fail(Failure::refused, fmt::format("{}it is in epoch {} already", cannot, show(epoch)));
  }
  if (is_running(here) && !here.as_replica) {
    return fail(Failure::refused, cannot + "it runs as a leader; it has to be stopped first");
  }
  if (here.processes_left) {
    return fail(Failure::refused, cannot + "a process of its server is left");
  }
  return {};
}

}  // namespace

Result<Promise> PostgresLeads::promise(const Member& member, std::int64_t round,
                                       Deadline deadline) {
  const Layout l = context_.layout(member);
  // Every start is ended or kept out from here on; a start reads the promise under this lock.
  WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
  WEIR_TRY(Local here, runs_.local(member));
  if (here.data && !is_running(here)) {
    // An earlier life of the agent may have ordered a start that is still under way: its guard
    // holds the server's lock, which this takes, and whatever has come up of it ends here.
    WEIR_TRY_(runs_.fence(member, deadline));
    WEIR_TRY(here, runs_.local(member));
  }
  WEIR_TRY(const PromiseNote note, read_promise(context_.files(), l.promise));
  WEIR_TRY_(check_may_promise(member, round, here, note));
  const Voter voter{member.name, here.incarnation};
  if (round == note.round && note.promise && note.promise->voter == voter) return *note.promise;
  WEIR_TRY(const bool promoting, is_promoting(context_, member, here.server));
  if (promoting) {
    return fail(Failure::refused, fmt::format("cannot promise round {} for {}: its server was "
                                              "told to promote; it has to be stopped first",
                                              round, member.name.text));
  }

  WEIR_TRY_(stop_receiving(member, here, deadline));
  WEIR_TRY(const Standing standing, settled_standing(member, here, deadline));
  if (is_running(here)) {
    WEIR_TRY_(remove_fillings(context_, member, standing.lineage.timeline));
  } else {
    WEIR_TRY_(set_aside_untaken(context_, member, standing.lineage.timeline));
  }
  WEIR_TRY_(flush_log_end(context_, member, standing, deadline));
  const Promise answer{voter, round, epoch_of(standing, here), standing};
  WEIR_TRY_(
      write_promise(context_.files(), l.promise, {round, std::max(round, note.last), answer}));
  return answer;
}

Result<> PostgresLeads::stop_receiving(const Member& member, const Local& here, Deadline deadline) {
  const Layout l = context_.layout(member);
  WEIR_TRY_(move_keys_away(context_.files(), l.receiver));
  WEIR_TRY(RoleSettings role, read_role_settings(context_.files(), l.role_file));
  role.primary_conninfo.clear();
  role.restore_command.clear();
  WEIR_TRY_(write_role_settings(context_.files(), l.role_file, role));
  if (!is_running(here)) return {};
  WEIR_TRY_(context_.reload(member));
  return silence_receiver(here.server.pid, deadline);
}

// What a setting reads proves nothing: while replay is paused the old receiver stays and
// acknowledges. Only its absence counts.
Result<> PostgresLeads::silence_receiver(std::int64_t postmaster, Deadline deadline) {
  Clock& clock = context_.clock();
  std::optional<Error> error;
  const auto gone = [&](bool tell_them) {
    const auto now = receivers_of(postmaster);
    if (!now) {
      error = now.error();
      return true;
    }
    if (tell_them) {
      for (const int pid : now->pids) end_receiver(postmaster, pid);
    }
    return now->none();
  };
  bool none = poll_until(clock, sooner(deadline, clock.within(kReceiverEnds)), 2ms,
                         [&] { return gone(false); });
  if (!none) {
    none = poll_until(clock, sooner(deadline, clock.within(kReceiverDies)), 5ms,
                      [&] { return gone(true); });
  }
  if (error) return fail(std::move(*error));
  if (none) return {};
  return fail(Failure::timed_out, "cannot promise: a wal receiver does not end");
}

// Two equal flushed positions with no receiver after either; then the disk, which holds whole
// records, where a receive position may lie inside one or be a mere segment's start.
Result<Standing> PostgresLeads::settled_standing(const Member& member, const Local& here,
                                                 Deadline deadline) {
  if (!is_running(here)) return standing_on_disk(context_, member, std::nullopt, deadline);
  Clock& clock = context_.clock();
  // A child that has no name yet is most often a session; it is given the time to say so.
  const auto check_silence = [&]() -> Result<> {
    Result<Receivers> now;
    poll_until(clock, sooner(deadline, clock.within(kReceiverEnds)), 1ms, [&] {
      now = receivers_of(here.server.pid);
      return !now || !now->pids.empty() || !now->unnamed;
    });
    if (!now) return fail(now.error());
    if (now->none()) return {};
    return fail(Failure::refused, "cannot promise: a wal receiver came back");
  };
  if (auto session = context_.local_session(member, sooner(deadline, clock.within(kAsksFor)))) {
    WEIR_TRY(Position first, received(*session, deadline));
    for (;;) {
      clock.sleep_for(kSettles);
      WEIR_TRY_(check_silence());
      WEIR_TRY(const Position second, received(*session, deadline));
      if (first == second) break;
      if (clock.passed(deadline)) {
        return fail(Failure::timed_out, "cannot promise: its position does not come to rest");
      }
      first = second;
    }
  }
  WEIR_TRY(Standing standing, standing_here(context_, member, true, deadline));
  WEIR_TRY_(check_silence());
  return standing;
}

Result<> PostgresLeads::release(const Member& member, std::int64_t round,
                                const std::optional<Upstream>& upstream, Deadline deadline) {
  const Layout l = context_.layout(member);
  WEIR_TRY(const PromiseNote note, read_promise(context_.files(), l.promise));
  if (note.round > round) {
    return fail(Failure::refused, fmt::format("cannot give back round {} of {}: it has promised "
                                              "round {}",
                                              round, member.name.text, note.round));
  }
  if (note.round != 0) WEIR_TRY_(write_promise(context_.files(), l.promise, {0, note.last, {}}));
  if (!upstream || upstream->leader.name == member.name) return {};
  return follow(member, *upstream, deadline);
}

Result<Standing> PostgresLeads::find_standing(const Member& member, Deadline deadline) {
  WEIR_TRY(const Local here, runs_.local(member));
  if (!here.data) {
    return fail(
        Failure::not_found,
        fmt::format("cannot find the end of the log of {}: it has no data", member.name.text));
  }
  WEIR_TRY(const Standing standing, standing_here(context_, member, is_running(here), deadline));
  if (!is_running(here)) {
    WEIR_TRY(const Control control, read_control(context_, member, deadline));
    const std::uint64_t replay =
        standing.at > control.redo ? standing.at.at - control.redo.at : std::uint64_t{0};
    context_.note_restart_estimate(
        member, kStartTakes + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                  static_cast<double>(replay) / kReplayedInASecond)));
  }
  return standing;
}

}  // namespace weir::engine::postgres
