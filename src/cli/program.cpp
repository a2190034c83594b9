// `weir store`, `weir agent`, `weir supervisor`: the processes that `weir up` leaves behind.
#include "cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "engine/postgres/postgres.h"
#include "guard/guard.h"
#include "store/remote.h"
#include "store/sqlite/sqlite.h"
#include "world/log.h"

namespace weir::cli {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

std::string self_path() {
  char buffer[4096];
  const ssize_t length = readlink(kSelf, buffer, sizeof buffer);
  return length > 0 ? std::string(buffer, static_cast<std::size_t>(length)) : "weir";
}

// One agent per host: the lock lives as long as this process (safety.md S6).
class HostLock {
 public:
  explicit HostLock(const std::string& path)
      : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~HostLock() {
    if (fd_ >= 0) close(fd_);
  }
  HostLock(const HostLock&) = delete;
  HostLock& operator=(const HostLock&) = delete;
  bool taken() const { return fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0; }

 private:
  int fd_;
};

void wait_for_end(Session& session) {
  const int pid = session.options().while_pid;
  while (!session.cancelled()) {
    if (pid != 0 && kill(pid, 0) != 0) return;
    session.machine().clock.sleep_for(50ms);
  }
}

const Host* find_host(const FleetFacts& facts, const HostName& name) {
  for (const Host& host : facts.hosts) {
    if (host.name == name) return &host;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> store_argv(const Place& place, int while_pid) {
  std::vector<std::string> argv{self_path(), "store", "--fleet", place.fleet.text};
  if (while_pid != 0) {
    argv.emplace_back("--while");
    argv.push_back(std::to_string(while_pid));
  }
  return argv;
}

std::vector<std::string> agent_argv(const Place& place, const HostName& host) {
  return {self_path(), "agent", "--fleet", place.fleet.text, "--host", host.text};
}

std::vector<std::string> supervisor_argv(const Place& place) {
  return {self_path(), "supervisor", "--fleet", place.fleet.text};
}

Result<> serve_store(Session& session) {
  WEIR_TRY_(session.open());
  Machine& machine = session.machine();
  const Place& place = session.place();
  WEIR_TRY(const auto kept, store::make_sqlite(machine.clock, machine.workers,
                                               place.store_folder() + "/store.sqlite"));
  const FleetFacts& facts = session.facts();
  WEIR_TRY(const auto listener, store::serve(*kept, machine.clock, facts.store.ip, facts.store.port,
                                             place.identity_of(place.store_folder(), "store")));
  say(machine.clock, Level::info, "store: serving at {}:{}", facts.store.ip, facts.store.port);
  wait_for_end(session);
  return {};
}

Result<> serve_agent(Session& session) {
  WEIR_TRY_(session.open());
  Machine& machine = session.machine();
  const Place& place = session.place();
  const HostName name(session.options().host);
  const Host* host = find_host(session.facts(), name);
  if (host == nullptr) {
    return fail(Failure::not_found, fmt::format("the fleet has no host {}", name.text));
  }
  const HostLock lock(place.host_folder(name) + "/agent.lock");
  if (!lock.taken()) {
    return fail(Failure::held, fmt::format("an agent of host {} runs already", name.text));
  }
  World& world = session.world();
  const peer::Identity identity = place.identity_of(place.identity(name), name.text);
  const auto caller = peer::make_caller(machine.clock, identity);
  const auto remote = store::make_remote(*caller, machine.clock, session.facts().store);
  agent::Engines engines;
  engines["postgres"] = engine::make_postgres(
      world, {place.fleet, name, place.host_folder(name), place.host_run(name),
              place.identity(name), name.text, place.server_user});
  agent::Agent agent(world, *remote, *caller, engines,
                     {session.keys(), name, place.host_folder(name), {}});
  WEIR_TRY_(agent.start());
  WEIR_TRY(auto listener,
           peer::listen(host->address, peer::kAgentPort, identity,
                        [&agent](const peer::Request& request) { return agent.answer(request); }));
  say(machine.clock, Level::info, "agent of host {}: serving at {}:{}", name.text, host->address,
      peer::kAgentPort);
  wait_for_end(session);
  agent.stop();
  listener.reset();
  return {};
}

Result<> serve_supervisor(Session& session) {
  WEIR_TRY_(session.open());
  const Place& place = session.place();
  guard::SupervisorPlan plan;
  plan.run = place.run;
  plan.socket = place.supervisor_socket();
  plan.state = place.supervisor_state();
  plan.fleet = place.fleet.text;
  plan.store_argv = store_argv(place, 0);
  for (const Host& host : session.facts().hosts) {
    plan.agents.push_back({host.name, agent_argv(place, host.name)});
  }
  plan.log_folder = place.logs();
  World& world = session.world();
  return guard::supervise(world, plan);
}

// Twice forked, so that it is nobody's child and no terminal's.
Result<> start_detached(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return fail(Failure::io, "cannot fork");
  if (pid == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(in, 0);
    dup2(out >= 0 ? out : in, 1);
    dup2(out >= 0 ? out : in, 2);
    close_range(3, ~0u, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(words[0], words.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return {};
}

}  // namespace weir::cli
