// Start, stop and fence of one server, and what this host knows of it without asking it.
#include "engine/postgres/runs.h"

#include <fmt/format.h>

#include "engine/postgres/isolates.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/owner.h"
#include "engine/postgres/port_probe.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

constexpr Duration kPause = 5ms;
constexpr Duration kImmediateTakes = 400ms;  // safety.md S8: then SIGKILL
constexpr Duration kOrphansTake = 2s;        // backends leave by themselves when a postmaster dies

}  // namespace

// What forbids a start, read under the start lock (safety.md S6, S10).
Result<> PostgresRuns::check_may_start(const Member& member, Epoch epoch) {
  const Layout l = context_.layout(member);
  WEIR_TRY(const Local here, local(member));
  const std::string cannot = fmt::format("cannot start {}: ", member.name.text);
  if (here.foreign || !here.data) {
    return fail(Failure::bad_data,
                cannot + (here.trouble.empty() ? "there is no data" : here.trouble));
  }
  if (here.half_rewound) {
    return fail(Failure::refused, cannot + "a rewind of its data was cut off");
  }
  if (!here.as_replica && here.promised > epoch.number) {
    return fail(Failure::refused,
                fmt::format("{}as leader of epoch {} it would break its promise of round {}",
                            cannot, show(epoch), here.promised));
  }
  return {};
}

Result<> PostgresRuns::start(const Member& member, Epoch epoch, Deadline deadline) {
  Servers& servers = context_.world().servers;
  WEIR_TRY(const ServerSpec server, context_.spec(member));
  {
    WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
    WEIR_TRY_(check_may_start(member, epoch));
    WEIR_TRY(const ServerState before, servers.state(server));
    if (before.life != ServerLife::running) {
      std::optional<Error> error;
      const bool empty = poll_until(
          context_.clock(), sooner(deadline, context_.clock().within(kOrphansTake)), kPause, [&] {
            const auto left = servers.any_left(server);
            if (!left) error = left.error();
            return error || !*left;
          });
      if (error) return fail(std::move(*error));
      if (!empty) {
        return fail(Failure::refused, fmt::format("cannot start {}: processes of its former "
                                                  "server are left",
                                                  member.name.text));
      }
      WEIR_TRY_(set_takes_no_writes(context_, member, false));
      WEIR_TRY_(probe_port(member.address, member.port));
      WEIR_TRY_(prepare_folders(member));
    }
    context_.note_restart_estimate(member, std::nullopt);
    // Also where it runs: its guard may have died, and a start gives it a new one.
    WEIR_TRY_(servers.start(server, deadline));
  }
  return wait_until_it_answers(member, server, deadline);
}

Result<> PostgresRuns::wait_until_it_answers(const Member& member, const ServerSpec& server,
                                             Deadline deadline) {
  std::optional<Error> ended;
  const bool answers = poll_until(context_.clock(), deadline, kPause, [&] {
    const auto state = context_.world().servers.state(server);
    if (!state) {
      ended = state.error();
      return true;
    }
    if (state->life != ServerLife::running) {
      const std::string words = last_words(context_.files(), server.log);
      ended = Error{says_no_space(words) ? Failure::no_space : Failure::io,
                    fmt::format("cannot start {}: its server ended: {}", member.name.text, words),
                    "tail " + server.log, Here::now()};
      return true;
    }
    return context_.local_session(member, deadline).has_value();
  });
  if (ended) return fail(std::move(*ended));
  if (answers) return {};
  return fail(Failure::outcome_unknown,
              fmt::format("cannot say whether {} starts: its server runs and does not answer yet",
                          member.name.text),
              "tail " + server.log);
}

Result<> PostgresRuns::stop(const Member& member, StopMode mode, Deadline deadline) {
  Servers& servers = context_.world().servers;
  const ServerSpec server = context_.handle(member);
  WEIR_TRY(const ServerState before, servers.state(server));
  if (before.life == ServerLife::running) {
    WEIR_TRY_(servers.signal(server, mode == StopMode::fast ? kFastSignal : kImmediateSignal));
  }
  std::optional<Error> error;
  const bool gone = poll_until(context_.clock(), deadline, kPause, [&] {
    const auto left = servers.any_left(server);
    if (!left) error = left.error();
    return error || !*left;
  });
  if (error) return fail(std::move(*error));
  if (gone) return {};
  return fail(Failure::outcome_unknown,
              fmt::format("cannot say whether {} stops: it was asked to and processes are left",
                          member.name.text));
}

Result<> PostgresRuns::fence(const Member& member, Deadline deadline) {
  Servers& servers = context_.world().servers;
  const ServerSpec server = context_.handle(member);
  const auto before = servers.state(server);
  if (before && before->life == ServerLife::running) {
    // A server that cannot be told so is killed below all the same.
    if (servers.signal(server, kImmediateSignal)) {
      poll_until(context_.clock(), sooner(deadline, context_.clock().within(kImmediateTakes)),
                 kPause, [&] {
                   const auto left = servers.any_left(server);
                   return !left || !*left;
                 });
    }
  }
  return servers.kill_all(server, deadline);
}

Result<Local> PostgresRuns::local(const Member& member) {
  const Layout& l = context_.layout(member);
  Files& files = context_.files();
  Local out;
  const ServerSpec server = context_.handle(member);
  WEIR_TRY(out.server, context_.world().servers.state(server));
  if (out.server.life != ServerLife::running) {
    WEIR_TRY(out.processes_left, context_.world().servers.any_left(server));
  }
  WEIR_TRY(const PromiseNote promise, read_promise(files, l.promise));
  out.promised = promise.round;
  out.promised_last = promise.last;
  WEIR_TRY(const FollowNote follows, read_follows(files, l.follows));
  out.follows_epoch = follows.epoch;
  out.follows = follows.leader;
  WEIR_TRY(out.led, read_leads(files, l.leads));
  out.half_rewound = files.exists(l.rewind_mark);

  WEIR_TRY(const Incarnation incarnation, read_incarnation(files, l.incarnation));
  const bool there = files.exists(l.data + "/PG_VERSION");
  // A running server holds what it has opened, whatever lies there now.
  const bool held = out.server.life == ServerLife::running && !incarnation.empty();
  if (const auto ours = held ? Result<>() : refuse_foreign(member); !ours) {
    out.foreign = true;
    out.trouble = ours.error().what;
    return out;
  }
  if (there && !incarnation.empty()) {
    out.data = true;
    out.incarnation = incarnation;
    out.as_replica = files.exists(l.data + "/standby.signal");
    if (out.as_replica) {
      WEIR_TRY(const RoleSettings role, read_role_settings(files, l.role_file));
      out.pointed = !role.primary_conninfo.empty() && files.exists(l.receiver_key(follows.epoch));
    }
    if (out.server.life != ServerLife::running) {
      out.restart_estimate = context_.restart_estimate(member);
    }
    return out;
  }
  if (files.exists(l.making)) {
    out.trouble = "its making was cut off; it will be made anew";
  } else if (!incarnation.empty()) {
    out.trouble = "its data is gone from " + l.data;
  }
  return out;
}

Result<> PostgresRuns::destroy(const Member& member, const std::string& kept_as,
                               Deadline deadline) {
  const Layout l = context_.layout(member);
  WEIR_TRY_(refuse_foreign(member));
  WEIR_TRY_(stop(member, StopMode::fast, deadline));
  Files& files = context_.files();
  // Cut off after the move, a second call finds no data and removes the rest.
  if (!kept_as.empty() && files.exists(l.data + "/PG_VERSION")) {
    const std::string& finals = context_.setting().finals;
    WEIR_TRY_(files.make_folder(finals, 0711));
    // Log that left the service's history was exported here, and nowhere else.
    const auto exports = files.list(l.exports);
    if (exports && !exports->empty()) {
      WEIR_TRY_(files.rename(l.exports, finals + "/" + kept_as + ".exports"));
    }
    WEIR_TRY_(files.rename(l.data, finals + "/" + kept_as));
  }
  WEIR_TRY_(files.remove(l.socket));
  return files.remove(l.root);
}

}  // namespace weir::engine::postgres
