// Real processes under real guards.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "guard/page_file.h"
#include "guard/testing.h"

namespace weir::guard {
namespace {

class GuardedServer : public RealProcesses {
 protected:
  GuardedServer() {
    run_ = root_ + "/run";
    spec_.name = "fleet/a/orders-a";
    spec_.folder = root_ + "/data";
    spec_.log = root_ + "/server.log";
    EXPECT_TRUE(files_->make_folder(spec_.folder, 0755));
    auto made = make_servers(*clock_, run_);
    EXPECT_TRUE(made) << made.error().what;
    servers_ = std::move(*made);
  }

  ServerSpec shell(const std::string& script) const {
    ServerSpec spec = spec_;
    spec.argv = {"/bin/sh", "-c", script};
    return spec;
  }

  ServerState start(const ServerSpec& spec) {
    const Result<ServerState> state = servers_->start(spec, soon());
    EXPECT_TRUE(state) << state.error().what;
    return state ? *state : ServerState{};
  }
  ServerState look(const ServerSpec& spec) {
    const Result<ServerState> state = servers_->state(spec);
    EXPECT_TRUE(state) << state.error().what;
    return state ? *state : ServerState{};
  }
  weir_guard_page page() {
    const auto read = read_page(run_ + "/" + spec_.name + ".guard");
    EXPECT_TRUE(read);
    return read ? *read : weir_guard_page{};
  }
  std::string read(const std::string& name) {
    return files_->read(root_ + "/" + name).value_or("");
  }

  std::string run_;
  ServerSpec spec_;
  std::unique_ptr<Servers> servers_;
};

TEST_F(GuardedServer, IsAbsentBeforeItsFirstStart) {
  EXPECT_EQ(look(shell("true")).life, ServerLife::absent);
  EXPECT_EQ(servers_->signal(shell("true"), SIGTERM).error().failure, Failure::not_found);
  EXPECT_TRUE(servers_->kill_all(shell("true"), soon()));
}

TEST_F(GuardedServer, RunsInItsFolderWithItsLogAndItsEnvironment) {
  ServerSpec spec = shell("pwd; echo $WHAT; echo $LANG; exec sleep 1000");
  spec.env = {"WHAT=given"};
  const ServerState state = start(spec);
  EXPECT_EQ(state.life, ServerLife::running);
  EXPECT_TRUE(state.guarded);
  EXPECT_TRUE(is_alive(static_cast<pid_t>(state.pid), state.start_time));
  EXPECT_TRUE(comes_true([&] { return read("server.log") == spec.folder + "\ngiven\nC\n"; }));
}

TEST_F(GuardedServer, LeavesItsExitStatusWithTheGuard) {
  const ServerSpec spec = shell("exit 7");
  start(spec);
  ASSERT_TRUE(comes_true([&] { return look(spec).life == ServerLife::ended; }));
  EXPECT_EQ(look(spec).exit_status, 7);
}

TEST_F(GuardedServer, LeavesTheSignalThatKilledIt) {
  const ServerSpec spec = shell("exec sleep 1000");
  start(spec);
  ASSERT_TRUE(servers_->signal(spec, SIGTERM));
  ASSERT_TRUE(comes_true([&] { return look(spec).life == ServerLife::ended; }));
  EXPECT_EQ(look(spec).exit_status, 128 + SIGTERM);
}

// Of two signals that wait, the lower number is taken first.
TEST_F(GuardedServer, OutlivesAReloadThatComesBeforeItCanTakeOne) {
  const ServerSpec spec = shell("exec sleep 1000");
  start(spec);
  ASSERT_TRUE(servers_->signal(spec, SIGHUP));
  ASSERT_TRUE(servers_->signal(spec, SIGTERM));
  ASSERT_TRUE(comes_true([&] { return look(spec).life == ServerLife::ended; }));
  EXPECT_EQ(look(spec).exit_status, 128 + SIGTERM);
}

TEST_F(GuardedServer, IsStartedAgainAfterItsEnd) {
  const ServerSpec spec = shell("exec sleep 1000");
  const ServerState first = start(spec);
  ASSERT_TRUE(servers_->kill_all(spec, soon()));
  const ServerState second = start(spec);
  EXPECT_EQ(second.life, ServerLife::running);
  EXPECT_NE(second.pid, first.pid);
}

TEST_F(GuardedServer, SurvivesTheDeathOfItsStarter) {
  const ServerSpec spec = shell("exec sleep 1000");
  const pid_t starter = ::fork();
  if (starter == 0) {
    const bool started = servers_->start(spec, soon()).has_value();
    ::kill(::getpid(), started ? SIGKILL : SIGABRT);
  }
  int raw = 0;
  ASSERT_EQ(::waitpid(starter, &raw, 0), starter);
  ASSERT_EQ(WTERMSIG(raw), SIGKILL);
  const ServerState state = look(spec);
  EXPECT_EQ(state.life, ServerLife::running);
  EXPECT_TRUE(state.guarded);
}

TEST_F(GuardedServer, SurvivesTheDeathOfItsGuardAndIsAdopted) {
  const ServerSpec spec = shell("exec sleep 1000");
  const ServerState before = start(spec);
  const weir_guard_page old = page();
  ASSERT_TRUE(send_signal(static_cast<pid_t>(old.guard_pid), old.guard_start, SIGKILL));
  ASSERT_TRUE(
      comes_true([&] { return !is_alive(static_cast<pid_t>(old.guard_pid), old.guard_start); }));
  const ServerState after = look(spec);
  EXPECT_EQ(after.life, ServerLife::running);
  EXPECT_EQ(after.pid, before.pid);
  EXPECT_TRUE(after.guarded);
  EXPECT_NE(page().guard_pid, old.guard_pid);
  // A start finds it running and begins no second one.
  EXPECT_EQ(start(spec).pid, before.pid);
  ASSERT_TRUE(servers_->kill_all(spec, soon()));
  const ServerState ended = look(spec);
  EXPECT_EQ(ended.life, ServerLife::ended);
  EXPECT_EQ(ended.exit_status, std::nullopt) << "the adopting guard cannot have seen it";
}

TEST_F(GuardedServer, EndsUnseenWhenItsGuardDiedFirst) {
  const ServerSpec spec = shell("exec sleep 1000");
  start(spec);
  const weir_guard_page old = page();
  send_signal(static_cast<pid_t>(old.guard_pid), old.guard_start, SIGKILL);
  send_signal(static_cast<pid_t>(old.server_pid), old.server_start, SIGKILL);
  ASSERT_TRUE(comes_true([&] { return look(spec).life == ServerLife::ended; }));
  EXPECT_EQ(look(spec).exit_status, std::nullopt);
  EXPECT_EQ(start(spec).life, ServerLife::running);
}

TEST_F(GuardedServer, IsStartedOnceByManyStarters) {
  const ServerSpec spec = shell("echo started; exec sleep 1000");
  std::vector<std::int64_t> pids(6);
  std::vector<std::thread> starters;
  for (std::int64_t& pid : pids) {
    starters.emplace_back([&] { pid = servers_->start(spec, soon()).value_or(ServerState{}).pid; });
  }
  for (std::thread& starter : starters) starter.join();
  for (const std::int64_t pid : pids) EXPECT_EQ(pid, pids.front());
  EXPECT_NE(pids.front(), 0);
  EXPECT_TRUE(comes_true([&] { return read("server.log") == "started\n"; }));
}

TEST_F(GuardedServer, DiesWithEveryProcessOfIts) {
  // One child that leaves the process group, one that leaves the session and the folder, and one
  // whose parent is gone.
  const ServerSpec spec = shell(
      "setsid sleep 1001 & (cd / && exec setsid sleep 1002) & "
      "(sh -c 'sleep 1003 & echo $! > orphan' &) ; echo ready; exec sleep 1004");
  const ServerState state = start(spec);
  ASSERT_TRUE(comes_true([&] {
    const auto all = with_descendants(all_processes(), {static_cast<pid_t>(page().guard_pid)});
    int sleeping = 0;
    for (const pid_t pid : all) {
      const auto arguments = arguments_of(pid);
      if (!arguments.empty() && arguments[0] == "sleep") ++sleeping;
    }
    return sleeping == 4;
  }));
  // The server's own process alone: its children stay, and are seen to.
  ASSERT_TRUE(send_signal(static_cast<pid_t>(state.pid), state.start_time, SIGKILL));
  ASSERT_TRUE(comes_true([&] { return look(spec).life == ServerLife::ended; }));
  EXPECT_TRUE(servers_->any_left(spec).value());
  ASSERT_TRUE(servers_->kill_all(spec, soon()));
  EXPECT_FALSE(servers_->any_left(spec).value());
  for (const Process& process : all_processes()) {
    const auto arguments = arguments_of(process.pid);
    const bool ours = arguments.size() == 2 && arguments[0] == "sleep" && arguments[1] >= "1001" &&
                      arguments[1] <= "1004" && arguments[1].size() == 4;
    EXPECT_FALSE(ours) << "sleep " << arguments[1] << " is left";
  }
}

TEST_F(GuardedServer, IsKilledByItsFolderWhenItsPageIsLost) {
  const ServerSpec spec = shell("exec sleep 1000");
  const ServerState state = start(spec);
  ASSERT_TRUE(files_->remove(run_ + "/" + spec.name + ".guard"));
  EXPECT_EQ(look(spec).life, ServerLife::absent);
  EXPECT_TRUE(servers_->any_left(spec).value());
  ASSERT_TRUE(servers_->kill_all(spec, soon()));
  EXPECT_FALSE(is_alive(static_cast<pid_t>(state.pid), state.start_time));
}

TEST_F(GuardedServer, TellsWhyItCannotStart) {
  ServerSpec spec = shell("true");
  spec.argv = {"/usr/lib/postgresql/99/bin/postgres"};
  const auto missing = servers_->start(spec, soon());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().failure, Failure::missing_package);
  EXPECT_EQ(missing.error().hint, "apt-get install postgresql-99");

  spec = shell("true");
  spec.log = root_ + "/absent/server.log";
  const auto no_log = servers_->start(spec, soon());
  ASSERT_FALSE(no_log);
  EXPECT_EQ(no_log.error().failure, Failure::not_found);
  EXPECT_NE(no_log.error().what.find("its log cannot be opened"), std::string::npos);

  spec = shell("true");
  spec.folder = root_ + "/absent";
  EXPECT_EQ(servers_->start(spec, soon()).error().failure, Failure::not_found);
}

TEST_F(GuardedServer, RefusesNamesAndFoldersThatAreNoServers) {
  ServerSpec spec = shell("true");
  spec.folder = "/";
  EXPECT_EQ(servers_->kill_all(spec, soon()).error().failure, Failure::bad_config);
  spec.folder = "/tmp/..//tmp";
  EXPECT_EQ(servers_->start(spec, soon()).error().failure, Failure::bad_config);
  spec = shell("true");
  for (const char* name : {"fleet/a", "fleet/../x", "fleet/a/", "/a/b", "fleet/a/b/c"}) {
    spec.name = name;
    EXPECT_EQ(servers_->start(spec, soon()).error().failure, Failure::bad_config) << name;
  }
  spec.name = "fleet/a/" + std::string(90, 'x');
  EXPECT_EQ(servers_->start(spec, soon()).error().failure, Failure::bad_config);
}

TEST_F(GuardedServer, BelongsToItsUserAndReachesItsSocketFolder) {
  ServerSpec spec = shell("id -un; : > " + run_ +
                          "/fleet/a/orders-a.s/socket && echo reached; "
                          "exec sleep 1000");
  spec.user = "daemon";
  if (::geteuid() != 0) {
    EXPECT_EQ(servers_->start(spec, soon()).error().failure, Failure::denied);
    return;
  }
  spec.log = root_ + "/log/server.log";
  ASSERT_TRUE(files_->make_folder(root_ + "/log", 0777));
  start(spec);
  EXPECT_TRUE(comes_true([&] { return read("log/server.log") == "daemon\nreached\n"; }));
  struct stat guard_page {};
  ASSERT_EQ(::stat((run_ + "/fleet/a/orders-a.guard").c_str(), &guard_page), 0);
  EXPECT_EQ(guard_page.st_mode & 07777, 0600U) << "the server must not write its guard's page";
}

TEST_F(GuardedServer, IsListedByTheInventoryOfItsHost) {
  start(shell("exec sleep 1000"));
  EXPECT_EQ(inventory(run_, "fleet/a"), std::vector<std::string>{"fleet/a/orders-a"});
  EXPECT_TRUE(inventory(run_, "fleet/b").empty());
}

TEST_F(GuardedServer, OfADamagedPageIsNeverStartedNorBelieved) {
  const ServerSpec spec = shell("exec sleep 1000");
  start(spec);
  ASSERT_TRUE(files_->write(run_ + "/" + spec.name + ".guard", "something else"));
  EXPECT_EQ(servers_->state(spec).error().failure, Failure::bad_data);
  EXPECT_EQ(servers_->start(spec, soon()).error().failure, Failure::bad_data);
}

class RunFolder : public RealProcesses {};

struct HeldProcessTest : RealProcesses {};

TEST_F(HeldProcessTest, IsAliveUntilItsEndAlsoBeforeItIsReaped) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto process = look_at(child);
  ASSERT_TRUE(process);
  HeldProcess held;
  EXPECT_TRUE(held.is_alive(child, process->start_time));
  EXPECT_TRUE(held.is_alive(child, process->start_time)) << "now by its descriptor";
  EXPECT_FALSE(held.is_alive(child, process->start_time + 1)) << "another of that number";
  EXPECT_TRUE(held.is_alive(child, process->start_time));
  EXPECT_FALSE(held.is_alive(0, 0));
  ASSERT_TRUE(held.is_alive(child, process->start_time));
  ::kill(child, SIGKILL);
  EXPECT_TRUE(comes_true([&] { return !held.is_alive(child, process->start_time); }));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(held.is_alive(child, process->start_time));
}

TEST_F(RunFolder, IsRefusedWhenItIsALinkOrOthersMayWrite) {
  ASSERT_TRUE(files_->make_folder(root_ + "/open", 0777));
  EXPECT_EQ(make_servers(*clock_, root_ + "/open").error().failure, Failure::denied);
  ASSERT_TRUE(files_->make_folder(root_ + "/real", 0711));
  ASSERT_EQ(::symlink((root_ + "/real").c_str(), (root_ + "/link").c_str()), 0);
  EXPECT_EQ(make_servers(*clock_, root_ + "/link").error().failure, Failure::denied);
  EXPECT_EQ(make_servers(*clock_, root_ + "/" + std::string(40, 'x')).error().failure,
            Failure::bad_config);
  EXPECT_EQ(make_servers(*clock_, "run").error().failure, Failure::bad_config);
}

}  // namespace
}  // namespace weir::guard
