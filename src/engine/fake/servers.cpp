// Signals mean what they mean to Postgres: SIGHUP reloads, SIGINT ends cleanly, SIGQUIT and SIGKILL
// do not.
#include <csignal>

#include "base/check.h"
#include "engine/fake/fake.h"

namespace weir::engine {
namespace {

const std::string& id_of(const ServerSpec& spec) {
  WEIR_ASSERT(spec.argv.size() == 2);
  return spec.argv[1];
}

}  // namespace

Result<ServerState> FakeServers::start(const ServerSpec& spec, Deadline) {
  started_.insert(id_of(spec));
  cluster_.launch(id_of(spec), host_);
  return state(spec);
}

Result<ServerState> FakeServers::state(const ServerSpec& spec) {
  ServerState out;
  if (!started_.contains(id_of(spec))) return out;
  out.life = ServerLife::ended;
  out.guarded = true;
  if (cluster_.running(id_of(spec))) {
    out.life = ServerLife::running;
    out.pid = cluster_.server(id_of(spec))->pid;
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
  started_.insert(id_of(spec));
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

}  // namespace weir::engine
