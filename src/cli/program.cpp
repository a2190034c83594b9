// `weir store`, `weir agent`, `weir supervisor`: the processes that `weir up` leaves behind.
#include "cli/program.h"
#include "cli/verbs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "access/access.h"
#include "agent/agent.h"
#include "base/text.h"
#include "cli/log_part.h"
#include "cli/revoked.h"
#include "cli/verbs.h"
#include "engine/postgres/postgres.h"
#include "guard/guard.h"
#include "store/remote.h"
#include "store/sqlite/sqlite.h"
#include "world/log.h"

namespace weir::cli {
namespace {

constexpr const char* kSelf = "/proc/self/exe";
constexpr Duration kEndLook = 100ms;  // between looks whether to end

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
  // Takes it and notes who we are; else says whose it is.
  Result<> take(const HostName& host) const {
    if (fd_ < 0)
      return fail(Failure::io, fmt::format("cannot open the lock of host {}", host.text));
    if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      char text[32] = {};
      const ssize_t size = pread(fd_, text, sizeof text - 1, 0);
      return fail(Failure::held, fmt::format("an agent of host {} runs already: pid {}", host.text,
                                             size > 0 ? trim(text) : "unknown"));
    }
    const std::string pid = fmt::format("{}\n", getpid());
    if (ftruncate(fd_, 0) != 0 || pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
      return fail(Failure::io, fmt::format("cannot write the lock of host {}", host.text));
    }
    return {};
  }

 private:
  int fd_;
};

void wait_for_end(
    Session& session, const std::function<void()>& meanwhile = [] {}) {
  const int pid = session.options().while_pid;
  while (!session.cancelled()) {
    if (pid != 0 && kill(pid, 0) != 0) return;
    meanwhile();
    session.machine().clock.sleep_for(kEndLook);
  }
}

// The host named, or the only one that this machine is.
Result<const Host*> own_host(Session& session) {
  const FleetFacts& facts = session.facts();
  HostName name(session.options().host);
  if (name.empty() && facts.apart()) name = facts.here.front();
  if (name.empty()) return fail(Failure::bad_config, "which host? none was named", "--host a");
  const std::vector<HostName> here = facts.hosts_here();
  const auto host = std::ranges::find(facts.hosts, name, &Host::name);
  if (host == facts.hosts.end() || std::ranges::find(here, name) == here.end()) {
    return fail(
        Failure::not_found,
        fmt::format("host {} of fleet {} is not on this machine", name.text, facts.name.text),
        fmt::format("weir token --host {} where weir init ran, then weir join here", name.text));
  }
  return &*host;
}

// One agent of a machine sees to the certificates that are no host's.
agent::Papers papers_of(Session& session, const HostName& host) {
  const Place& place = session.place();
  agent::Papers papers;
  papers.identity = place.identity(host);
  papers.signer = session.facts().signer;
  if (!session.machine().files.exists(place.ca() + "/ca.key")) return papers;
  papers.ca = place.ca();
  if (session.facts().hosts_here().front() == host) {
    papers.others = {{place.operator_folder(), "operator"}, {place.store_folder(), "store"}};
  }
  return papers;
}

// Each runs until SIGTERM or SIGINT.
Result<> serve_store(Session& session) {
  WEIR_TRY_(session.open());
  Machine& machine = session.machine();
  const Place& place = session.place();
  WEIR_TRY(const auto kept, store::make_sqlite(machine.clock, machine.workers,
                                               place.store_folder() + "/store.sqlite"));
  const FleetFacts& facts = session.facts();
  WEIR_TRY(const peer::Identity identity,
           identity_in(machine.files, place, place.store_folder(), "store"));
  WEIR_TRY(const auto listener,
           store::serve(*kept, machine.clock, facts.store.ip, facts.store.port, identity));
  say(machine.clock, Level::info, "store: serving at {}:{}", facts.store.ip, facts.store.port);
  StoreRevoked revoked(session, *kept, identity);
  wait_for_end(session, [&revoked] { revoked.look(); });
  return {};
}

Result<> serve_agent(Session& session) {
  WEIR_TRY_(session.open());
  Machine& machine = session.machine();
  const Place& place = session.place();
  WEIR_TRY(const Host* const host, own_host(session));
  const HostName name = host->name;
  const HostLock lock(place.host_folder(name) + "/agent.lock");
  WEIR_TRY_(lock.take(name));
  WEIR_TRY_(access::mend(machine.files, place.identity(name), name.text));
  World& world = session.world();
  WEIR_TRY(const peer::Identity identity,
           identity_in(machine.files, place, place.identity(name), name.text));
  const auto caller = peer::make_caller(machine.clock, identity);
  const auto remote = store::make_remote(*caller, machine.clock, session.facts().store);
  agent::Engines engines;
  engines["postgres"] = engine::make_postgres(
      world, {place.fleet, name, place.host_folder(name), place.host_run(name),
              place.identity(name), name.text, place.server_user, place.finals()});
  agent::Papers papers = papers_of(session, name);
  papers.revoked = identity.revoked;
  agent::Agent agent(world, *remote, *caller, engines,
                     {session.keys(), name, place.host_folder(name), {}, papers});
  WEIR_TRY_(agent.start());
  // Strangers are heard where they may join, and nowhere else.
  const bool may_join = !papers.ca.empty() && session.facts().apart();
  WEIR_TRY(auto listener,
           peer::listen(
               host->address, peer::kAgentPort, identity,
               [&agent, &place, name](const peer::Request& request) {
                 return request.path == "/log" ? answer_log(place, name, request)
                                               : agent.answer(request);
               },
               16,
               may_join ? [&agent](const peer::Request& request) { return agent.admit(request); }
                        : peer::Handler()));
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

// In a session of its own, so that no terminal ends it.
Result<pid_t> start_detached(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return fail(Failure::io, "cannot fork");
  if (pid == 0) {
    setsid();
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
  return pid;
}

constinit const Verb kStore{
    "store",
    Group::processes,
    "Run the fleet's store",
    "",
    "",
    "",
    [](Grammar& grammar, Options& options) {
      grammar.option("--while", "PID", &options.while_pid, "End when this process has ended");
    },
    serve_store,
};

constinit const Verb kAgent{
    "agent",
    Group::processes,
    "Run the agent of one host",
    "",
    "",
    "",
    [](Grammar& grammar, Options& options) {
      grammar
          .option("--host", "HOST", &options.host,
                  "Which host this machine is; where it is not plain")
          .offering(Offers::hosts);
    },
    serve_agent,
};

constinit const Verb kSupervisor{
    "supervisor", Group::processes, "Run the supervisor of the fleet here", "", "", "",
    nothing_more, serve_supervisor,
};

}  // namespace weir::cli
