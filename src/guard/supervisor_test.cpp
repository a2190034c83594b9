// A real supervisor in a process of its own, with shell scripts for agents and servers.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "guard/testing.h"

namespace weir::guard {
namespace {

class Supervision : public RealProcesses {
 protected:
  Supervision() {
    plan_.run = root_ + "/run";
    plan_.socket = root_ + "/supervisor.sock";
    plan_.state = root_ + "/supervisor.json";
    plan_.fleet = "fleet";
    plan_.log_folder = root_ + "/log";
    plan_.store_argv = script("store");
    for (const char* host : {"a", "b"})
      plan_.agents.push_back({HostName(host), script(std::string("agent-") + host)});
    auto made = make_servers(*clock_, plan_.run);
    EXPECT_TRUE(made);
    servers_ = std::move(*made);
  }
  ~Supervision() override {
    if (supervisor_ > 0) kill_supervisor();
  }

  // Writes one line per start and stays.
  std::vector<std::string> script(const std::string& name) const {
    return {"/bin/sh", "-c", "cd " + root_ + "; echo up >> " + name + ".starts; exec sleep 1000"};
  }
  int starts_of(const std::string& name) {
    const std::string lines = files_->read(root_ + "/" + name + ".starts").value_or("");
    return static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
  }

  pid_t fork_supervisor() {
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no supervisor behind
    ::close(2);
    ::open((root_ + "/supervisor.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    auto random = make_real_random();
    auto programs = make_real_programs(*clock_);
    auto workers = make_real_workers();
    World world{*clock_, *random, *files_, *programs, *servers_, *workers};
    const Result<> ended = supervise(world, plan_);
    ::_exit(ended ? 0 : 10 + static_cast<int>(ended.error().failure));
  }
  void start_supervisor() {
    supervisor_ = fork_supervisor();
    ASSERT_TRUE(comes_true([&] { return all_up(); }))
        << files_->read(root_ + "/supervisor.log").value_or("no log");
  }
  void kill_supervisor() {
    ::kill(supervisor_, SIGKILL);
    ::waitpid(supervisor_, nullptr, 0);
    supervisor_ = 0;
  }

  Json status() { return client_.status(soon()).value_or(Json()); }
  Json agent(const std::string& host) {
    const Json now = status();
    for (const Json& one : now["agents"].items()) {
      if (one["host"].text() == host) return one;
    }
    return {};
  }
  bool all_up() {
    const Json now = status();
    return now["store"]["pid"].integer() != 0 && agent("a")["pid"].integer() != 0 &&
           agent("b")["pid"].integer() != 0 && starts_of("agent-a") > 0 &&
           starts_of("agent-b") > 0 && starts_of("store") > 0;
  }

  ServerSpec server(const std::string& host) {
    ServerSpec spec;
    spec.name = "fleet/" + host + "/orders-" + host;
    spec.folder = root_ + "/data-" + host;
    spec.log = root_ + "/server-" + host + ".log";
    // A child that would outlive its server.
    spec.argv = {"/bin/sh", "-c", "setsid sleep 1000 & exec sleep 1000"};
    EXPECT_TRUE(files_->make_folder(spec.folder));
    const auto started = servers_->start(spec, soon());
    EXPECT_TRUE(started) << started.error().what;
    // Or it could be killed before it has one.
    EXPECT_TRUE(comes_true([&] {
      const auto processes = all_processes();
      return std::ranges::count_if(processes, [&](const Process& process) {
               return working_folder_of(process.pid) == spec.folder;
             }) == 2;
    }));
    return spec;
  }
  // What still works for a host: its servers and their guards.
  int left_of(const ServerSpec& spec) {
    int left = 0;
    for (const Process& process : all_processes()) {
      if (working_folder_of(process.pid) == spec.folder ||
          page_of_guard(process.pid) == plan_.run + "/" + spec.name + ".guard")
        ++left;
    }
    return left;
  }
  FaultOrder order(Fault fault, const std::string& drill, Duration revert_by = 1h) {
    return {fault, HostName("a"), "orders-a", drill, revert_by};
  }

  SupervisorPlan plan_;
  std::unique_ptr<Servers> servers_;
  Supervisor client_{*clock_, root_ + "/supervisor.sock"};
  pid_t supervisor_ = 0;
};

TEST_F(Supervision, NobodyAnswersWhereNoneRuns) {
  EXPECT_EQ(client_.status(soon()).error().failure, Failure::unreachable);
}

TEST_F(Supervision, KeepsItsSocketToItself) {
  start_supervisor();
  struct stat seen {};
  ASSERT_EQ(::stat(plan_.socket.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 07777, 0600U);
}

TEST_F(Supervision, StartsADeadAgentAgain) {
  start_supervisor();
  const auto before = static_cast<pid_t>(agent("a")["pid"].integer());
  ::kill(before, SIGKILL);
  ASSERT_TRUE(comes_true([&] { return starts_of("agent-a") == 2; }));
  ASSERT_TRUE(comes_true([&] { return agent("a")["pid"].integer() != 0; }));
  EXPECT_NE(agent("a")["pid"].integer(), before);
  EXPECT_EQ(starts_of("agent-b"), 1);
}

TEST_F(Supervision, IsHeldForASecondOne) {
  start_supervisor();
  const pid_t second = fork_supervisor();
  int raw = 0;
  ASSERT_EQ(::waitpid(second, &raw, 0), second);
  EXPECT_EQ(WEXITSTATUS(raw), 10 + static_cast<int>(Failure::held));
  EXPECT_EQ(starts_of("agent-a"), 1);
}

TEST_F(Supervision, ItsChildrenOutliveItAndTheNextOneAdoptsThem) {
  start_supervisor();
  const Json before = status();
  kill_supervisor();
  start_supervisor();
  EXPECT_EQ(status()["store"], before["store"]);
  EXPECT_EQ(status()["agents"], before["agents"]);
  EXPECT_EQ(starts_of("agent-a"), 1);
  // What it adopted it also starts again.
  ::kill(static_cast<pid_t>(agent("a")["pid"].integer()), SIGKILL);
  EXPECT_TRUE(comes_true([&] { return starts_of("agent-a") == 2; }));
}

TEST_F(Supervision, KillServerKillsTheServersOwnProcessOnly) {
  start_supervisor();
  const ServerSpec spec = server("a");
  const Instant before = clock_->now();
  const auto done = client_.inject(order(Fault::kill_server, "d1"), soon());
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_GE(done->at, before);
  EXPECT_LE(done->at, clock_->now());
  const auto state = servers_->state(spec);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->life, ServerLife::ended) << "T0 is after the death";
  EXPECT_EQ(state->exit_status, 128 + SIGKILL);
  EXPECT_TRUE(servers_->any_left(spec).value()) << "its child has to outlive it";
  EXPECT_EQ(starts_of("agent-a"), 1);
  EXPECT_TRUE(client_.reverted("d1", soon()).value());
}

TEST_F(Supervision, KillHostLeavesNothingAliveUntilItIsReverted) {
  start_supervisor();
  const ServerSpec spec = server("a");
  const ServerSpec other = server("b");
  const auto before = agent("a");
  ASSERT_TRUE(client_.inject(order(Fault::kill_host, "d1"), soon()));
  EXPECT_EQ(left_of(spec), 0);
  EXPECT_FALSE(look_at(static_cast<pid_t>(before["pid"].integer())));
  EXPECT_TRUE(agent("a")["down"].boolean());
  EXPECT_EQ(agent("a")["drill"].text(), "d1");
  EXPECT_FALSE(client_.reverted("d1", soon()).value());
  // The other host does not notice.
  EXPECT_EQ(servers_->state(other)->life, ServerLife::running);
  EXPECT_EQ(starts_of("agent-b"), 1);
  // Longer than a dead agent's pause: the host stays down.
  clock_->sleep_for(1500ms);
  EXPECT_EQ(starts_of("agent-a"), 1);

  ASSERT_TRUE(client_.revert("d1", soon()));
  ASSERT_TRUE(comes_true([&] { return client_.reverted("d1", soon()).value_or(false); }));
  EXPECT_FALSE(agent("a")["down"].boolean());
  ASSERT_TRUE(comes_true([&] { return starts_of("agent-a") == 2; }));
  EXPECT_TRUE(client_.revert("d1", soon())) << "nothing is left to revert, and that is success";
}

TEST_F(Supervision, KillHostTakesWhatItsAgentWasDoing) {
  plan_.agents[0].argv = {"/bin/sh", "-c",
                          "cd " + root_ + "; echo up >> agent-a.starts; sleep 1000 & wait"};
  start_supervisor();
  const auto session = static_cast<pid_t>(agent("a")["pid"].integer());
  const auto in_session = [&] {
    int count = 0;
    for (const Process& process : all_processes()) count += process.session == session ? 1 : 0;
    return count;
  };
  ASSERT_TRUE(comes_true([&] { return in_session() == 2; }));
  ASSERT_TRUE(client_.inject(order(Fault::kill_host, "d1"), soon()));
  EXPECT_EQ(in_session(), 0);
}

TEST_F(Supervision, RevertsByItselfWhenTheTimeHasCome) {
  start_supervisor();
  ASSERT_TRUE(client_.inject(order(Fault::kill_host, "d1", 300ms), soon()));
  EXPECT_TRUE(comes_true([&] { return client_.reverted("d1", soon()).value_or(false); }));
  EXPECT_TRUE(comes_true([&] { return starts_of("agent-a") == 2; }));
}

TEST_F(Supervision, RemembersAcrossItsOwnDeathWhoIsDown) {
  start_supervisor();
  const ServerSpec spec = server("a");
  ASSERT_TRUE(client_.inject(order(Fault::kill_host, "d1"), soon()));
  kill_supervisor();
  // Between the note and the strike the same may be alive: the next supervisor finishes the work.
  ASSERT_TRUE(servers_->start(spec, soon()));
  supervisor_ = fork_supervisor();
  ASSERT_TRUE(comes_true([&] { return client_.status(soon()).has_value(); }));
  EXPECT_EQ(left_of(spec), 0);
  EXPECT_TRUE(agent("a")["down"].boolean());
  EXPECT_EQ(starts_of("agent-a"), 1);
  ASSERT_TRUE(client_.revert("d1", soon()));
  EXPECT_TRUE(comes_true([&] { return starts_of("agent-a") == 2; }));
}

TEST_F(Supervision, RevertsAFaultWhoseTimePassedWhileItWasDead) {
  start_supervisor();
  ASSERT_TRUE(client_.inject(order(Fault::kill_host, "d1", 200ms), soon()));
  kill_supervisor();
  clock_->sleep_for(300ms);
  start_supervisor();
  EXPECT_TRUE(client_.reverted("d1", soon()).value());
}

TEST_F(Supervision, KillAgentIsFollowedByItsRestart) {
  start_supervisor();
  const ServerSpec spec = server("a");
  ASSERT_TRUE(client_.inject(order(Fault::kill_agent, "d1"), soon()));
  EXPECT_EQ(servers_->state(spec)->life, ServerLife::running);
  ASSERT_TRUE(comes_true([&] { return starts_of("agent-a") == 2; }));
  EXPECT_TRUE(comes_true([&] { return client_.reverted("d1", soon()).value_or(false); }));
}

TEST_F(Supervision, RefusesWhatItCannotDo) {
  start_supervisor();
  const auto failure_of = [&](const FaultOrder& wanted) {
    const auto done = client_.inject(wanted, soon());
    return done ? "none" : std::string(name_of(done.error().failure));
  };
  EXPECT_EQ(failure_of(order(Fault::kill_server, "d1")), "not_found") << "no server runs";
  FaultOrder stranger = order(Fault::kill_host, "d2");
  stranger.host = HostName("z");
  EXPECT_EQ(failure_of(stranger), "not_found");
  EXPECT_EQ(failure_of(order(Fault::kill_host, "d3", 0s)), "bad_data");
  EXPECT_EQ(failure_of(order(Fault::kill_host, "")), "bad_data");
  EXPECT_EQ(failure_of(order(Fault::kill_host, "d4")), "none");
  EXPECT_EQ(failure_of(order(Fault::kill_host, "d5")), "refused") << "it is down already";
}

TEST_F(Supervision, StopsAgentsAndStoreAndLeavesServers) {
  start_supervisor();
  const ServerSpec spec = server("a");
  const Json before = status();
  ASSERT_TRUE(client_.stop(soon()));
  int raw = 0;
  ASSERT_EQ(::waitpid(supervisor_, &raw, 0), supervisor_);
  supervisor_ = 0;
  EXPECT_EQ(WEXITSTATUS(raw), 0);
  EXPECT_FALSE(look_at(static_cast<pid_t>(before["store"]["pid"].integer())));
  for (const Json& one : before["agents"].items())
    EXPECT_FALSE(look_at(static_cast<pid_t>(one["pid"].integer())));
  EXPECT_EQ(servers_->state(spec)->life, ServerLife::running);
  EXPECT_EQ(client_.status(soon()).error().failure, Failure::unreachable);
}

TEST_F(Supervision, AChildIsReplacedAndServersAreNot) {
  start_supervisor();
  const ServerSpec spec = server("a");
  const auto before = servers_->state(spec);
  ASSERT_TRUE(before);
  const std::int64_t agent_a = agent("a")["pid"].integer();
  const std::int64_t agent_b = agent("b")["pid"].integer();
  ASSERT_TRUE(client_.replace("agent/a", soon()));
  EXPECT_TRUE(comes_true([&] {
    const std::int64_t now = agent("a")["pid"].integer();
    return now != 0 && now != agent_a && starts_of("agent-a") == 2;
  }));
  EXPECT_EQ(agent("b")["pid"].integer(), agent_b);
  EXPECT_EQ(servers_->state(spec)->pid, before->pid);

  const auto unknown = client_.replace("agent/z", soon());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().failure, Failure::not_found);
  ASSERT_TRUE(client_.inject(order(Fault::kill_host, "down"), soon()));
  const auto down = client_.replace("agent/a", soon());
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().failure, Failure::refused);
  EXPECT_EQ(agent("a")["pid"].integer(), 0) << "a host that a drill holds down stays down";
}

TEST(OurProgram, IsRecognisedByWhatItIs) {
  EXPECT_TRUE(runs_our_program(::getpid()));
  const pid_t other = ::fork();
  if (other == 0) {
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    ::_exit(127);
  }
  const auto clock = make_real_clock();
  EXPECT_TRUE(
      poll_until(*clock, clock->within(10s), 1ms, [&] { return !runs_our_program(other); }));
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  EXPECT_FALSE(runs_our_program(other)) << "it has gone";
}

}  // namespace
}  // namespace weir::guard
