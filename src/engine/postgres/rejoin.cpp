// The way back of a member that left the leader's history (safety.md S10): nothing is destroyed
// before a copy of it lies elsewhere, and a directory that is half rewound can never start.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "engine/postgres/leads.h"
#include "engine/postgres/leads_standing.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/promote_timeline.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

constexpr int kFormat = 1;
constexpr Duration kPause = 20ms;

// pg_rewind believes the leader's control file, which names the old timeline until the first
// checkpoint after the promotion has ended. The leader asks its server for one; where its agent
// died before that, we do, or it would take minutes.
Result<> wait_for_checkpoint(Context& context, const Upstream& upstream, Deadline deadline) {
  WEIR_TRY(Session session, context.remote_session(upstream.leader, kMonitorRole, deadline));
  std::optional<Error> error;
  const auto made = [&] {
    const auto rows =
        session.query("select timeline_id from pg_control_checkpoint()", {}, deadline);
    if (!rows) error = rows.error();
    return error || std::atoll(rows->text(0, 0).c_str()) == upstream.epoch.number;
  };
  if (!made()) {
    // Data of an earlier version refuses it; the server makes one of its own accord, later.
    const auto asked = session.query("checkpoint", {}, deadline);
    static_cast<void>(asked);
  }
  const bool there = poll_until(context.clock(), deadline, kPause, made);
  if (error) return fail(std::move(*error));
  if (there) return {};
  return fail(Failure::timed_out,
              fmt::format("cannot rewind yet: {} has made no checkpoint since its promotion",
                          upstream.leader.name.text));
}

Result<> check_may_rejoin(const Member& member, const Upstream& upstream, const Local& here) {
  const std::string cannot =
      fmt::format("cannot bring {} back to {} of epoch {}: ", member.name.text,
                  upstream.leader.name.text, show(upstream.epoch));
  if (here.foreign) return fail(Failure::bad_data, cannot + here.trouble);
  if (here.server.life == ServerLife::running) {
    return fail(Failure::refused, cannot + "its server runs; it has to be stopped first");
  }
  if (upstream.leader.name == member.name) {
    return fail(Failure::refused, cannot + "it is that leader itself");
  }
  if (here.promised > upstream.epoch.number) {
    return fail(Failure::refused, fmt::format("{}it has promised round {}", cannot, here.promised));
  }
  const Epoch known = std::max(here.led, here.follows_epoch);
  if (known > upstream.epoch || here.led == upstream.epoch) {
    return fail(Failure::refused, fmt::format("{}it is in epoch {} already", cannot, show(known)));
  }
  return {};
}

}  // namespace

Result<> PostgresLeads::rejoin(const Member& member, const Upstream& upstream, Rejoin how,
                               const Incarnation& fresh, const Service& service,
                               Deadline deadline) {
  WEIR_TRY(const Local here, runs_.local(member));
  WEIR_TRY_(check_may_rejoin(member, upstream, here));
  if (here.processes_left) WEIR_TRY_(runs_.fence(member, deadline));
  WEIR_TRY(const LeaderFacts leader, ask_leader(context_, upstream.leader, deadline));
  if (leader.standing.lineage.timeline != upstream.epoch.number) {
    return fail(Failure::unreachable,
                fmt::format("cannot bring {} back to {}: that is not yet in epoch {}",
                            member.name.text, upstream.leader.name.text, show(upstream.epoch)));
  }
  if (!here.data && how == Rejoin::rewind) {
    return fail(Failure::not_found,
                fmt::format("cannot rewind {}: it has no whole data", member.name.text));
  }

  // A half-rewound directory holds nothing of its own any more: it was exported before the mark.
  if (here.data && !here.half_rewound) {
    const auto own = standing_on_disk(context_, member, std::nullopt, deadline);
    const auto common = own ? common_until(*own, leader.standing) : std::nullopt;
    if (how == Rejoin::rewind) {
      if (!own) return fail(own.error());
      if (!common || common->at == 0) {
        return fail(Failure::bad_data, fmt::format("cannot rewind {}: its data is of another "
                                                   "system: it needs a rebuild",
                                                   member.name.text));
      }
      if (contained(*own, leader.standing)) return follow(member, upstream, deadline);
    }
    // What cannot be read cannot be exported; a rebuild keeps the whole directory beside it.
    if (own && common && *common < own->at) {
      WEIR_TRY_(export_diverged(member, *own, *common, upstream.epoch, deadline));
    }
  }
  if (how == Rejoin::rebuild) {
    WEIR_TRY_(runs_.copy(member, upstream, fresh, service, deadline));
    return runs_.start(member, upstream.epoch, deadline);
  }
  WEIR_TRY_(rewind(member, upstream, deadline));
  WEIR_TRY_(place_history(context_, member, leader.standing.lineage, leader.history));
  WEIR_TRY(const Local back, runs_.local(member));
  return point_at(member, upstream, back, deadline);
}

// Whether an earlier try had pg_rewind end, and was cut off after that. The directory is a standby
// then that has not been started: its recovery by a single-user server would write a checkpoint of
// its own into the leader's timeline, where the leader has other records (measured: the next
// promotion ended in a PANIC, and nothing tells the two logs apart).
Result<bool> PostgresLeads::is_rewound(const Member& member, const Upstream& upstream,
                                       Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  if (!files.exists(l.data + "/backup_label")) return false;
  WEIR_TRY(const Control control, read_control(context_, member, deadline));
  if (control.state.starts_with("shut down")) return false;
  if (files.exists(l.rewind_mark)) {
    WEIR_TRY(const std::string text, files.read(l.rewind_mark));
    WEIR_TRY(const Json mark, Json::parse(text));
    const bool same = epoch_from(mark["epoch"]) == upstream.epoch &&
                      mark["leader"].text() == upstream.leader.name.text;
    if (same) return true;
  }
  return fail(Failure::bad_data,
              fmt::format("cannot rewind {}: its data is a copy that was never started, of another "
                          "epoch: it needs a rebuild",
                          member.name.text));
}

// pg_rewind wants data that was stopped cleanly, and would see to that by a single-user server of
// its own: a grandchild of ours, which outlives an agent that dies and works on behind the back of
// the next one (measured). So it is our child. It lets nobody in and receives from nobody; what it
// says goes to the server's log as it comes. It flushes nothing (-F), as there: a rewind flushes
// all in the end.
Result<> PostgresLeads::recover(const Member& member, Deadline deadline) {
  WEIR_TRY(const Control control, read_control(context_, member, deadline));
  if (control.state.starts_with("shut down")) return {};
  const Layout l = context_.layout(member);
  WEIR_TRY(Command single,
           context_.command("postgres", {"--single", "-F", "-D", l.data, "-c",
                                         "config_file=" + l.config_file, "template1"}));
  const std::string to_log = "exec \"$@\" >> \"$0\" 2>&1";
  single.argv.insert(single.argv.begin(), {"/bin/sh", "-c", to_log, l.log});
  const std::size_t said_before = context_.files().read(l.log).value_or("").size();
  WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
  const auto output = context_.world().programs.run(single, deadline);
  if (output && output->status == 0) return {};
  const std::string why = output ? fmt::format("status {}: {}", output->status,
                                               last_words(context_.files(), l.log, said_before))
                                 : output.error().what;
  const Failure failure = output ? Failure::io : output.error().failure;
  return fail(says_no_space(why) ? Failure::no_space : failure,
              fmt::format("cannot rewind {}: its data could not be recovered before: {}",
                          member.name.text, why),
              "tail " + l.log);
}

Result<> PostgresLeads::rewind(const Member& member, const Upstream& upstream, Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY_(wait_for_checkpoint(context_, upstream, deadline));
  WEIR_TRY(const bool rewound, is_rewound(member, upstream, deadline));
  {
    WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
    const Json mark = Json::object()
                          .set("format", kFormat)
                          .set("epoch", to_json(upstream.epoch))
                          .set("leader", upstream.leader.name.text);
    WEIR_TRY_(files.write(l.rewind_mark, mark.dump() + "\n"));
  }
  // Before it is recovered: a single-user server refuses to be a standby.
  WEIR_TRY_(files.remove(l.data + "/standby.signal"));
  WEIR_TRY(RoleSettings role, read_role_settings(files, l.role_file));
  role.primary_conninfo.clear();
  role.restore_command.clear();
  WEIR_TRY_(write_role_settings(files, l.role_file, role));

  const Parameters source =
      program_parameters(context_.setting(), member, upstream.leader, kRewindRole);
  // One that was cut off while it copied is run again: its control file is written last, so it
  // still reads its own log to its own end for what is to be undone, and fails where the leader's
  // lies over it by now (then the data is copied anew;
  // `ARewindThatFindsItsOwnLogOverwrittenFails`).
  if (!rewound) {
    WEIR_TRY_(recover(member, deadline));
    WEIR_TRY(const std::string said,
             context_.run("pg_rewind",
                          {"--target-pgdata=" + l.data, "--source-server=" + conninfo(source),
                           "--no-ensure-shutdown"},
                          deadline));
  }
  // The directory is the leader's now. The notes say so before the mark goes, because a log that
  // has not reached its end of backup yet cannot be asked where it stands.
  WEIR_TRY_(make_standby(context_, member));
  WEIR_TRY_(write_follows(files, l.follows, {upstream.epoch, upstream.leader.name}));
  return files.remove(l.rewind_mark);
}

}  // namespace weir::engine::postgres
