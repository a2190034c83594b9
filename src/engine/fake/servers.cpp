// Signals mean what they mean to Postgres: SIGHUP reloads, SIGINT ends cleanly, SIGQUIT and SIGKILL
// do not.
#include <csignal>

#include "base/check.h"
#include "base/mutant.h"
#include "engine/fake/fake.h"

namespace weir::engine {
namespace {

constexpr Duration kImmediateAfter = 500ms;
constexpr Duration kKillAfter = 900ms;

const std::string& id_of(const ServerSpec& spec) {
  WEIR_ASSERT(spec.argv.size() == 2);
  return spec.argv[1];
}

}  // namespace

Result<ServerState> FakeServers::start(const ServerSpec& spec, Deadline) {
  const std::string& id = id_of(spec);
  const Instant held = guards_[id].deadline;
  if (!cluster_.running(id)) {
    if (held != Instant{} && cluster_.now() >= held) {
      return fail(Failure::refused, "cannot start " + id + ": its guard's deadline has passed");
    }
    guards_[id] = {true, false, held, {}};
  }
  cluster_.launch(id, host_);
  return state(spec);
}

Result<ServerState> FakeServers::state(const ServerSpec& spec) {
  const std::string& id = id_of(spec);
  ServerState out;
  const auto guard = guards_.find(id);
  if (guard == guards_.end()) return out;
  out.deadline = guard->second.deadline;
  if (!guard->second.started) return out;
  out.life = ServerLife::ended;
  out.guarded = true;
  out.fenced = guard->second.fencing != Instant{};
  if (cluster_.running(id)) {
    out.life = ServerLife::running;
    out.pid = cluster_.server(id)->pid;
    out.start_time = out.pid;
  }
  return out;
}

Result<> FakeServers::signal(const ServerSpec& spec, int signal) {
  const std::string& id = id_of(spec);
  if (!cluster_.running(id)) return fail(Failure::not_found, "cannot signal " + id + ": it ended");
  if (signal == SIGHUP) {
    cluster_.reload(id);
  } else if (signal == SIGKILL) {
    cluster_.kill_server(id);
  } else {
    cluster_.end(id, signal != SIGQUIT);
  }
  return {};
}

void FakeServers::order(const ServerSpec& spec) { under_way_.insert(id_of(spec)); }

void FakeServers::arrive(const ServerSpec& spec) {
  if (under_way_.erase(id_of(spec)) == 0) return;
  Guard& guard = guards_[id_of(spec)];
  if (!cluster_.any_left(id_of(spec))) guard = {true, false, guard.deadline, {}};
  cluster_.launch(id_of(spec), host_);
}

Result<> FakeServers::kill_all(const ServerSpec& spec, Deadline) {
  under_way_.erase(id_of(spec));
  cluster_.end(id_of(spec), false);
  return {};
}

Result<bool> FakeServers::any_left(const ServerSpec& spec) {
  return cluster_.any_left(id_of(spec));
}

Result<> FakeServers::hold(const std::string& name, Instant deadline, Deadline) {
  // FLEET/HOST/SERVICE-MEMBER
  std::string id = name.substr(name.rfind('/') + 1);
  id[id.rfind('-')] = '/';
  Guard& guard = guards_[id];
  if (guard.fencing != Instant{} && cluster_.any_left(id)) {
    return fail(Failure::refused, "the deadline of " + name + " has passed");
  }
  guard.deadline = deadline;
  // One that does not answer is replaced.
  if (!mutant("no-guard-check")) guard.hangs = false;
  return {};
}

void FakeServers::tick(Instant now) {
  if (mutant("wall-clock")) now += stepped_;
  for (auto& [id, guard] : guards_) {
    if (guard.hangs || cluster_.frozen(host_) || !cluster_.any_left(id)) continue;
    if (guard.fencing == Instant{} && guard.deadline != Instant{} && now >= guard.deadline) {
      guard.fencing = guard.deadline;
    }
    if (guard.fencing != Instant{}) fence(id, guard, now);
  }
}

// As guard.c: fast, 0.5 s later immediate, 0.4 s later whatever is left. The backends of a server
// whose postmaster is dead hear of neither of the first two.
void FakeServers::fence(const std::string& id, Guard& guard, Instant now) {
  const Duration since = now - guard.fencing;
  if (since >= kKillAfter) {
    if (mutant("kill-the-group-only")) return cluster_.kill_server(id);
    cluster_.end(id, false);
  } else if (cluster_.running(id)) {
    cluster_.end(id, since < kImmediateAfter);
  }
}

}  // namespace weir::engine
