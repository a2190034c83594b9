// load_set and confirm (safety.md S7). What SHOW says is not what acts: each walsender and the
// checkpointer load by themselves, and this file is the proof that they have.
//
// The checkpointer's flag that makes commits wait is set whenever the list is not empty, and the
// list of a weir server never is: it holds a reserved name at least. So the flag needs no proof.
// Where no commit is to wait the list is empty, and a flag that is still set makes some wait: that
// harms nobody.
#include "engine/postgres/sync_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/postgres/leads.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

constexpr Duration kPause = 5ms;
constexpr const char* kWaitCancelled = "01000";

struct Sender {
  std::string name;
  int pid = 0;
  int priority = 0;
  bool older = false;  // began before the list was loaded
  Position flushed;
};

Result<std::vector<Sender>> senders(Session& session, const std::string& loaded_at,
                                    Deadline deadline) {
  WEIR_TRY(const Rows rows,
           session.query("select application_name, pid, coalesce(sync_priority, 0), "
                         "backend_start <= $1::timestamptz, coalesce(flush_lsn, '0/0') "
                         "from pg_stat_replication",
                         {loaded_at}, deadline));
  std::vector<Sender> out;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    out.push_back({rows.text(i, 0), std::atoi(rows.text(i, 1).c_str()),
                   std::atoi(rows.text(i, 2).c_str()), rows.truth(i, 3),
                   position_from(rows.text(i, 4)).value_or(Position{})});
  }
  return out;
}

std::set<std::string> names_of(const std::vector<Voter>& voters) {
  std::set<std::string> out;
  for (const Voter& voter : voters) out.insert(application_name(voter));
  return out;
}

// Whether a replica has flushed up to `at`; for a leader whose commits wait for nobody.
bool any_has(const std::vector<Sender>& now, Position at) {
  return std::any_of(now.begin(), now.end(), [&](const Sender& sender) {
    return voter_named(sender.name) && sender.flushed >= at;
  });
}

// Whether enough of the listed have flushed up to `at`, by the server's own count of them.
bool confirmed(const std::vector<Sender>& now, const std::set<std::string>& listed, int number,
               Position at) {
  std::set<std::string> have;
  for (const Sender& sender : now) {
    if (listed.contains(sender.name) && sender.priority > 0 && sender.flushed >= at) {
      have.insert(sender.name);
    }
  }
  return static_cast<int>(have.size()) >= std::max(number, 1);
}

// Polls pg_stat_replication until `done`; timed_out with `what` otherwise.
template <class Done>
Result<> wait_for(Context& context, Session& session, const std::string& loaded_at,
                  const std::string& what, Deadline deadline, Done done) {
  std::optional<Error> error;
  const bool became = poll_until(context.clock(), deadline, kPause, [&] {
    const auto now = senders(session, loaded_at, deadline);
    if (!now) error = now.error();
    return error || done(*now);
  });
  if (error && !context.clock().passed(deadline)) return fail(std::move(*error));
  if (became && !error) return {};
  return fail(Failure::timed_out, what);
}

// No walsender acts by an older list any more: those not listed have no priority, as they say
// themselves, and where more than one must confirm, those that counted by the smaller number are
// gone. A walsender counts members by what each says of itself, but the number by its own file.
Result<> prove_loaded(Context& context, Session& session, const SyncSet& set,
                      const std::string& loaded_at, bool replace, Deadline deadline) {
  const std::set<std::string> listed = names_of(set.voters);
  if (replace) {
    WEIR_TRY(const Rows ended,
             session.query("select pg_terminate_backend(pid) from pg_stat_replication "
                           "where backend_start <= $1::timestamptz",
                           {loaded_at}, deadline));
  }
  return wait_for(context, session, loaded_at,
                  "the set is written, but a wal sender still acts by an older one", deadline,
                  [&](const std::vector<Sender>& now) {
                    return std::none_of(now.begin(), now.end(), [&](const Sender& sender) {
                      return (!listed.contains(sender.name) && sender.priority > 0) ||
                             (replace && sender.older);
                    });
                  });
}

Result<Position> flushed_here(Session& session, Deadline deadline) {
  WEIR_TRY(const Rows rows, session.query("select pg_current_wal_flush_lsn()", {}, deadline));
  const auto at = position_from(rows.text(0, 0));
  if (!at) return fail(Failure::bad_data, "cannot read the end of the leader's log");
  return *at;
}

// number in "ANY n (...)".
int number_in(const std::string& names) {
  return names.size() > 4 ? std::atoi(names.c_str() + 4) : 0;
}

// A wait that was cut off leaves its session waiting: it is terminated, so that none pile up. The
// commit stays in doubt, and it is weir's own.
void end_waiting(Context& context, const Member& member, int pid) {
  const Deadline soon = context.clock().within(500ms);
  auto session = context.local_session(member, soon);
  if (!session) return;
  const auto done =
      session->query("select pg_terminate_backend($1::int)", {fmt::format("{}", pid)}, soon);
  static_cast<void>(done);
}

}  // namespace

Result<Session> session_with(Context& context, const Member& member, const std::string& setting,
                             const std::string& value, const std::string& otherwise,
                             Deadline deadline) {
  std::optional<Session> found;
  std::optional<Error> error;
  poll_until(context.clock(), deadline, kPause, [&] {
    auto session = context.local_session(member, deadline);
    if (!session) {
      error = session.error();
      return error->failure != Failure::timed_out;
    }
    const auto rows = session->query("select current_setting($1)", {setting}, deadline);
    if (rows && rows->text(0, 0) == value) found.emplace(std::move(*session));
    return found.has_value();
  });
  if (found) return std::move(*found);
  if (error) return fail(std::move(*error));
  return fail(Failure::timed_out, otherwise);
}

Result<Session> session_with_names(Context& context, const Member& member, const std::string& names,
                                   Deadline deadline) {
  return session_with(
      context, member, "synchronous_standby_names", names,
      fmt::format("the set of {} is written, but its server has not loaded it", member.name.text),
      deadline);
}

Result<> write_locally(Session& session, Deadline deadline) {
  WEIR_TRY(const Rows done,
           session.run("begin read write; set local synchronous_commit = local; "
                       "select pg_logical_emit_message(true, 'weir', 'local'); commit",
                       deadline));
  return {};
}

Result<> ensure_slots(Session& session, const SyncSet& set, Deadline deadline) {
  for (const Voter& voter : set.voters) {
    WEIR_TRY(const Rows made, session.query("select pg_create_physical_replication_slot($1, true) "
                                            "where not exists (select from pg_replication_slots "
                                            "where slot_name = $1)",
                                            {slot_name(voter.member)}, deadline));
  }
  return {};
}

Result<> PostgresLeads::load_set(const Member& member, const SyncSet& set, Deadline deadline) {
  const Layout l = context_.layout(member);
  const std::string names = standby_names(set);
  WEIR_TRY(RoleSettings role, read_role_settings(context_.files(), l.role_file));
  // More than one must confirm: nothing tells whether a walsender has read that but its age. A
  // proof is noted, so that repeating it does not cut the replicas off again.
  const std::string proof = l.root + "/set_proven";
  const auto proven = context_.files().read(proof);
  const bool noted = proven && *proven == names;
  const bool replace = set.number > 1 && !set.voters.empty() && !noted;
  if (role.synchronous_standby_names != names) {
    WEIR_TRY_(context_.files().remove(proof));
    role.synchronous_standby_names = names;
    WEIR_TRY_(write_role_settings(context_.files(), l.role_file, role));
  }
  WEIR_TRY_(context_.reload(member));
  WEIR_TRY(Session session, session_with_names(context_, member, names, deadline));
  WEIR_TRY(const Rows state,
           session.query("select pg_is_in_recovery(), clock_timestamp()", {}, deadline));
  if (state.truth(0, 0)) {
    return fail(Failure::refused,
                fmt::format("cannot load the set of {}: it is no leader", member.name.text));
  }
  const std::string loaded_at = state.text(0, 1);
  WEIR_TRY_(ensure_slots(session, set, deadline));
  WEIR_TRY_(prove_loaded(context_, session, set, loaded_at, replace, deadline));
  if (set.voters.empty()) return {};

  WEIR_TRY_(write_locally(session, deadline));
  WEIR_TRY(const Position at, flushed_here(session, deadline));
  const std::set<std::string> listed = names_of(set.voters);
  WEIR_TRY_(wait_for(context_, session, loaded_at,
                     fmt::format("the set is loaded, but {} of those listed have not confirmed {}",
                                 std::max(set.number, 1), show(at)),
                     deadline, [&](const std::vector<Sender>& now) {
                       return confirmed(now, listed, set.number, at);
                     }));
  if (replace) WEIR_TRY_(context_.files().write(proof, names));
  return {};
}

Result<> PostgresLeads::confirm(const Member& member, Epoch epoch, Deadline deadline) {
  WEIR_TRY(const Local here, runs_.local(member));
  if (here.promised > epoch.number || here.led > epoch) {
    return fail(Failure::refused, fmt::format("cannot confirm epoch {} of {}: it is past it",
                                              show(epoch), member.name.text));
  }
  WEIR_TRY(Session session, context_.local_session(member, deadline));
  WEIR_TRY(const Rows before, session.query("select current_setting('synchronous_standby_names'), "
                                            "pg_is_in_recovery(), clock_timestamp()",
                                            {}, deadline));
  const std::string names = before.text(0, 0);
  const std::vector<Voter> voters = listed_voters(names);
  if (before.truth(0, 1) || (voters.empty() && !names.empty())) {
    return fail(Failure::refused,
                fmt::format("cannot confirm epoch {} of {}: {}", show(epoch), member.name.text,
                            before.truth(0, 1) ? "it is no leader" : "nobody counts in its set"));
  }
  const int pid = session.backend_pid();
  const auto written = session.run(
      "set synchronous_commit = on; begin read write; "
      "select pg_logical_emit_message(true, 'weir', 'confirm'); commit",
      deadline);
  if (!written) {
    end_waiting(context_, member, pid);
    if (written.error().failure != Failure::outcome_unknown) return fail(written.error());
    return fail(Failure::timed_out, fmt::format("cannot confirm epoch {}: no listed member "
                                                "answered in time",
                                                show(epoch)));
  }
  for (const Warning& warning : written->warnings) {
    if (warning.sqlstate == kWaitCancelled) {
      return fail(Failure::outcome_unknown,
                  fmt::format("cannot confirm epoch {}: the wait was cancelled", show(epoch)));
    }
  }
  WEIR_TRY(const Position at, flushed_here(session, deadline));
  const std::set<std::string> listed = names_of(voters);
  return wait_for(
      context_, session, before.text(0, 2),
      fmt::format("cannot confirm epoch {}: no listed member flushed {}", show(epoch), show(at)),
      deadline, [&](const std::vector<Sender>& now) {
        return names.empty() ? any_has(now, at) : confirmed(now, listed, number_in(names), at);
      });
}

}  // namespace weir::engine::postgres
