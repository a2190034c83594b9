// Making, starting and stopping fake members of this host.
#include <csignal>

#include "engine/fake/faces.h"

namespace weir::engine {
namespace {

constexpr Duration kInitTakes = 300ms;
constexpr Duration kCopyTakes = 400ms;
constexpr Duration kStopTakes = 30ms;

}  // namespace

Result<> FakeRuns::create(const Member& member, const Incarnation& incarnation,
                          const Service& service, Deadline) {
  WEIR_TRY(const Local now, local(member));
  if (now.foreign) return fail(Failure::bad_data, now.trouble);
  if (now.data && now.incarnation == incarnation) return {};
  if (now.data) {
    return fail(Failure::refused, "cannot create " + fake_id(member) + ": it has data already");
  }
  const FakePaths paths = host_.paths(member);
  WEIR_TRY_(host_.files().make_folder(paths.data()));
  host_.clock().sleep_for(kInitTakes);
  host_.cluster().init(fake_id(member));
  FakeSettings settings;
  settings.epoch = 1;
  settings.params = declared_params(service);
  WEIR_TRY_(host_.write_settings(member, settings));
  WEIR_TRY_(host_.files().write(paths.data() + "/PG_VERSION", "fake"));
  return host_.write_data(member, {incarnation, {}});
}

Result<> FakeRuns::copy(const Member& member, const Upstream& upstream,
                        const Incarnation& incarnation, const Service& service, Deadline) {
  WEIR_TRY(const Local now, local(member));
  if (now.foreign) return fail(Failure::bad_data, now.trouble);
  if (now.data && now.incarnation == incarnation) return {};
  if (now.server.life == ServerLife::running) {
    return fail(Failure::refused, "cannot copy to " + fake_id(member) + ": its server runs");
  }
  WEIR_TRY(const FakePromise promised, host_.read_promise(member));
  if (promised.round > upstream.epoch.number) {
    return fail(Failure::refused, "cannot copy from a leader below the promise");
  }
  const FakePaths paths = host_.paths(member);
  if (now.data) {
    WEIR_TRY_(host_.files().remove(paths.root + "/data-old"));
    WEIR_TRY_(host_.files().rename(paths.data(), paths.root + "/data-old"));
  }
  WEIR_TRY_(host_.files().remove(paths.incarnation()));
  WEIR_TRY_(host_.files().make_folder(paths.data()));
  host_.cluster().begin_copy(fake_id(member));
  host_.clock().sleep_for(kCopyTakes);
  WEIR_TRY_(host_.cluster().end_copy(fake_id(member), member.host, fake_id(upstream.leader),
                                     upstream.leader.host));
  FakeSettings settings;
  settings.standby = true;
  settings.restores = true;
  settings.upstream = upstream.leader.name;
  settings.upstream_host = upstream.leader.host;
  settings.upstream_address = upstream.leader.address;
  settings.name = incarnation;
  settings.key_epoch = upstream.epoch.number;
  settings.epoch = upstream.epoch.number;
  settings.params = declared_params(service);
  WEIR_TRY_(host_.files().make_folder(paths.key_folder(settings.key_epoch)));
  WEIR_TRY_(host_.files().write(paths.key(settings.key_epoch), "key"));
  WEIR_TRY_(host_.write_settings(member, settings));
  WEIR_TRY_(host_.files().write(paths.data() + "/PG_VERSION", "fake"));
  WEIR_TRY_(host_.files().remove(paths.rewinding()));  // what was half rewound is replaced
  if (promised.round != 0) WEIR_TRY_(host_.write_promise(member, {0, promised.last, {}}));
  return host_.write_data(member, {incarnation, {}});
}

Result<> FakeRuns::start(const Member& member, Epoch epoch, Deadline deadline) {
  WEIR_TRY(const auto lock, host_.lock_start(member, deadline));
  WEIR_TRY(const Local now, local(member));
  if (now.foreign) return fail(Failure::bad_data, now.trouble);
  if (!now.data) return fail(Failure::not_found, "cannot start " + fake_id(member) + ": no data");
  if (now.half_rewound) {
    return fail(Failure::refused, "cannot start " + fake_id(member) + ": its rewind was cut off");
  }
  WEIR_TRY(FakeSettings settings, host_.read_settings(member));
  if (!settings.standby) {
    if (now.promised > epoch.number) {
      return fail(Failure::refused,
                  "cannot start " + fake_id(member) + " as leader: it has promised a higher round");
    }
    if (now.server.life != ServerLife::running) {
      settings.epoch = epoch.number;
      WEIR_TRY_(host_.write_settings(member, settings));
    }
  }
  WEIR_TRY_(host_.world().servers.start(host_.spec(member), deadline));
  const bool serves = poll_until(host_.clock(), deadline, 10ms, [&] {
    return host_.reach(member) != nullptr || !host_.cluster().running(fake_id(member));
  });
  if (!serves) return fail(Failure::timed_out, "cannot see " + fake_id(member) + " serve in time");
  if (host_.reach(member) == nullptr) {
    return fail(Failure::io, "cannot start " + fake_id(member) + ": its server ended at once");
  }
  return {};
}

Result<> FakeRuns::stop(const Member& member, StopMode mode, Deadline deadline) {
  const ServerSpec spec = host_.spec(member);
  WEIR_TRY(const ServerState state, host_.world().servers.state(spec));
  if (state.life == ServerLife::running) {
    host_.clock().sleep_for(kStopTakes);
    auto sent = host_.world().servers.signal(spec, mode == StopMode::fast ? SIGINT : SIGQUIT);
    if (!sent && sent.error().failure != Failure::not_found) return sent;
  }
  const bool ended = poll_until(host_.clock(), deadline, 5ms, [&] {
    const auto left = host_.world().servers.any_left(spec);
    return left && !*left;
  });
  if (!ended) return fail(Failure::timed_out, "cannot see " + fake_id(member) + " end in time");
  return {};
}

Result<> FakeRuns::fence(const Member& member, Deadline deadline) {
  return host_.world().servers.kill_all(host_.spec(member), deadline);
}

Result<Local> FakeRuns::local(const Member& member) {
  const FakePaths paths = host_.paths(member);
  Local out;
  WEIR_TRY(const FakeData data, host_.read_data(member));
  const auto marker = host_.files().read(paths.data() + "/PG_VERSION");
  out.foreign = marker && *marker != "fake";
  if (out.foreign) out.trouble = paths.data() + " is not ours";
  out.data = marker && !out.foreign && !data.incarnation.empty();
  if (out.data) {
    out.incarnation = data.incarnation;
    out.led = data.led;
  }
  WEIR_TRY(const FakePromise promise, host_.read_promise(member));
  out.promised = promise.round;
  out.promised_last = promise.last;
  out.half_rewound = host_.files().exists(paths.rewinding());
  WEIR_TRY(out.server, host_.world().servers.state(host_.spec(member)));
  if (out.server.life != ServerLife::running) {
    WEIR_TRY(out.processes_left, host_.world().servers.any_left(host_.spec(member)));
  }
  WEIR_TRY(const FakeSettings settings, host_.read_settings(member));
  out.as_replica = settings.standby;
  if (settings.standby) {
    out.follows_epoch = {0, settings.epoch};
    out.follows = settings.upstream;
  }
  if (out.server.life == ServerLife::ended) out.restart_estimate = 300ms;
  return out;
}

Result<std::vector<std::string>> FakeRuns::settle(const Member& member, const Service& service,
                                                  bool, Deadline) {
  WEIR_TRY(FakeSettings settings, host_.read_settings(member));
  const auto wanted = declared_params(service);
  if (settings.params != wanted) {
    settings.params = wanted;
    WEIR_TRY_(host_.write_settings(member, settings));
  }
  WEIR_TRY_(host_.reload(member));
  std::vector<std::string> waiting;
  if (!host_.cluster().running(fake_id(member))) return waiting;
  // One that is still starting cannot say yet with what it runs.
  const FakeServer* server = host_.reach(member);
  if (server == nullptr) {
    return fail(Failure::unreachable, "cannot ask " + fake_id(member) + ": it does not answer yet");
  }
  for (const auto& [name, value] : wanted) {
    const auto loaded = server->loaded.params.find(name);
    const bool same = loaded != server->loaded.params.end() && loaded->second == value;
    if (needs_restart(name) && !same) waiting.push_back(name);
  }
  return waiting;
}

Result<> FakeRuns::destroy(const Member& member, const std::string& kept_as, Deadline deadline) {
  WEIR_TRY_(fence(member, deadline));
  FakeDisk& disk = host_.cluster().disk(fake_id(member));
  // As on a real disk: moved once, and a second call finds nothing to move.
  if (!kept_as.empty() && disk.exists) host_.cluster().disk(kept_as) = disk;
  disk = {};
  return host_.files().remove(host_.paths(member).root);
}

}  // namespace weir::engine
