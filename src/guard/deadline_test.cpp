// Guards that fence by themselves, over real process trees (safety.md S8).
#include <unistd.h>

#include <cstring>

#include "guard/deadline.h"
#include "guard/page_file.h"
#include "guard/server_processes.h"
#include "guard/testing.h"

namespace weir::guard {
namespace {

constexpr Duration kFar = std::chrono::hours(1);

class GuardsDeadline : public RealProcesses {
 protected:
  GuardsDeadline() {
    run_ = root_ + "/run";
    spec_.name = "fleet/a/orders-a";
    spec_.folder = root_ + "/data";
    spec_.log = root_ + "/server.log";
    spec_.fast_signal = SIGINT;
    spec_.immediate_signal = SIGQUIT;
    EXPECT_TRUE(files_->make_folder(spec_.folder, 0755));
    auto made = make_servers(*clock_, run_);
    EXPECT_TRUE(made) << made.error().what;
    servers_ = std::move(*made);
  }

  ServerState start(const std::string& script) {
    spec_.argv = {"/bin/sh", "-c", script};
    const Result<ServerState> state = servers_->start(spec_, soon());
    EXPECT_TRUE(state) << state.error().what;
    return state ? *state : ServerState{};
  }
  ServerState look() { return servers_->state(spec_).value_or(ServerState{}); }
  bool any_left() { return servers_->any_left(spec_).value_or(true); }
  Result<> hold_for(Duration duration) {
    return servers_->hold(spec_.name, clock_->now() + duration, soon());
  }
  std::string page_path() { return run_ + "/" + spec_.name + ".guard"; }
  weir_guard_page page() { return read_page(page_path()).value_or(weir_guard_page{}); }
  pid_t guard_pid() { return static_cast<pid_t>(page().guard_pid); }
  std::string said() { return files_->read(spec_.log).value_or(""); }
  bool has_said(const std::string& what) {
    return comes_true([&] { return said().find(what) != std::string::npos; });
  }

  std::string run_;
  ServerSpec spec_;
  std::unique_ptr<Servers> servers_;
};

TEST_F(GuardsDeadline, IsHeldAndAnsweredFor) {
  start("exec sleep 1000");
  EXPECT_EQ(look().deadline, Instant{});
  const Instant deadline = clock_->now() + kFar;
  ASSERT_TRUE(servers_->hold(spec_.name, deadline, soon()));
  EXPECT_EQ(look().deadline, deadline);
  EXPECT_FALSE(look().fenced);
  ASSERT_TRUE(servers_->hold(spec_.name, Instant{}, soon()));
  EXPECT_EQ(look().deadline, Instant{});
}

// A leader with a held-open session that commits in a loop: the session has left the process group,
// another the folder, and none of them obeys.
TEST_F(GuardsDeadline, FencesEveryProcessByItself) {
  start(
      "trap 'echo fast' INT; trap 'echo immediate' QUIT; "
      "setsid sh -c 'trap \"\" INT QUIT TERM; while :; do echo commit >> commits; sleep 0.01; "
      "done' & "
      "(cd / && exec setsid sh -c 'trap \"\" INT QUIT; while :; do sleep 0.01; done') & "
      "echo ready; while :; do sleep 0.05; done");
  ASSERT_TRUE(has_said("ready"));
  ASSERT_TRUE(comes_true([&] { return files_->exists(spec_.folder + "/commits"); }));
  const auto tree = with_descendants(all_processes(), {guard_pid()});
  int groups_left = 0;
  for (const pid_t pid : tree) groups_left += ::getpgid(pid) != ::getpgid(guard_pid()) ? 1 : 0;
  ASSERT_GE(groups_left, 3) << "a kill of one process group must not be enough here";

  const Instant deadline = clock_->now() + 300ms;
  ASSERT_TRUE(servers_->hold(spec_.name, deadline, soon()));
  ASSERT_TRUE(comes_true([&] { return !any_left(); }));
  EXPECT_GE(clock_->now(), deadline + 900ms) << "each way of stopping gets its time";
  EXPECT_NE(said().find("fast\n"), std::string::npos);
  EXPECT_NE(said().find("immediate\n"), std::string::npos);
  EXPECT_LT(said().find("fast\n"), said().find("immediate\n"));
  const std::string committed = files_->read(spec_.folder + "/commits").value_or("");
  clock_->sleep_for(100ms);
  EXPECT_EQ(files_->read(spec_.folder + "/commits").value_or(""), committed);
  EXPECT_TRUE(look().fenced);
  EXPECT_EQ(look().life, ServerLife::ended);
  EXPECT_EQ(look().exit_status, 128 + SIGKILL);
  for (const pid_t pid : tree) {
    EXPECT_TRUE(comes_true([&] { return !look_at(pid).has_value(); })) << pid;
  }
}

TEST_F(GuardsDeadline, EndsGentlyWhereTheServerObeys) {
  start("trap 'echo bye; exit 3' INT; echo ready; while :; do sleep 0.02; done");
  ASSERT_TRUE(has_said("ready"));
  ASSERT_TRUE(hold_for(100ms));
  ASSERT_TRUE(comes_true([&] { return look().life == ServerLife::ended; }));
  EXPECT_EQ(look().exit_status, 3);
  EXPECT_TRUE(look().fenced);
}

TEST_F(GuardsDeadline, NeitherComesEarlyNorAfterItWasMoved) {
  start("exec sleep 1000");
  ASSERT_TRUE(hold_for(2s));
  ASSERT_TRUE(hold_for(kFar));
  clock_->sleep_for(2500ms);
  EXPECT_EQ(look().life, ServerLife::running);
  ASSERT_TRUE(hold_for(2s));
  ASSERT_TRUE(servers_->hold(spec_.name, Instant{}, soon()));
  clock_->sleep_for(2500ms);
  EXPECT_EQ(look().life, ServerLife::running);
}

TEST_F(GuardsDeadline, IsNotTakenBackOnceItHasPassed) {
  start("trap '' INT QUIT; while :; do sleep 0.02; done");
  ASSERT_TRUE(hold_for(50ms));
  ASSERT_TRUE(comes_true([&] { return page().fenced != 0; }));
  const auto late = hold_for(kFar);
  EXPECT_TRUE(!late || !any_left()) << "a guard that fences answers nobody";
  EXPECT_TRUE(comes_true([&] { return !any_left(); }));
}

TEST_F(GuardsDeadline, IsHeldByANewGuardWhereTheOldOneIsDeadOrHangs) {
  const ServerState before = start("exec sleep 1000");
  for (const int how : {SIGKILL, SIGSTOP}) {
    const weir_guard_page old = page();
    ASSERT_TRUE(send_signal(static_cast<pid_t>(old.guard_pid), old.guard_start, how));
    ASSERT_TRUE(hold_for(kFar)) << how;
    EXPECT_NE(page().guard_pid, old.guard_pid);
    EXPECT_FALSE(is_alive(static_cast<pid_t>(old.guard_pid), old.guard_start));
    EXPECT_EQ(look().pid, before.pid);
    EXPECT_NE(look().deadline, Instant{});
  }
}

TEST_F(GuardsDeadline, FencesAnAdoptedServerToo) {
  const ServerState before =
      start("trap '' INT QUIT; setsid sleep 1001 & echo ready; while :; do sleep 0.02; done");
  ASSERT_TRUE(has_said("ready"));
  ASSERT_TRUE(hold_for(kFar));
  const weir_guard_page old = page();
  ASSERT_TRUE(send_signal(static_cast<pid_t>(old.guard_pid), old.guard_start, SIGKILL));
  ASSERT_TRUE(hold_for(200ms));
  ASSERT_NE(page().guard_pid, old.guard_pid);
  EXPECT_TRUE(comes_true([&] { return !any_left(); }));
  EXPECT_FALSE(is_alive(static_cast<pid_t>(before.pid), before.start_time));
  EXPECT_TRUE(look().fenced);
  EXPECT_EQ(look().exit_status, std::nullopt);
}

// Backends outlive a killed postmaster, and the deadline holds for them.
TEST_F(GuardsDeadline, HoldsForWhatOutlivesTheServer) {
  for (const bool adopted : {false, true}) {
    const ServerState server = start("setsid sleep 1001 & echo ready; exec sleep 1002");
    ASSERT_TRUE(has_said("ready"));
    ASSERT_TRUE(hold_for(kFar));
    if (adopted) {
      const weir_guard_page old = page();
      send_signal(static_cast<pid_t>(old.guard_pid), old.guard_start, SIGKILL);
      ASSERT_TRUE(hold_for(kFar));
    }
    ASSERT_TRUE(send_signal(static_cast<pid_t>(server.pid), server.start_time, SIGKILL));
    ASSERT_TRUE(comes_true([&] { return look().life == ServerLife::ended; }));
    ASSERT_TRUE(hold_for(100ms));
    EXPECT_TRUE(comes_true([&] { return !any_left(); })) << adopted;
    ASSERT_TRUE(servers_->hold(spec_.name, Instant{}, soon()));
  }
}

TEST_F(GuardsDeadline, IsThereFromTheFirstMomentOfAStart) {
  const Instant deadline = clock_->now() + 5s;
  ASSERT_TRUE(servers_->hold(spec_.name, deadline, soon()));
  EXPECT_EQ(look().deadline, deadline) << "known before the start";
  EXPECT_EQ(start("exec sleep 1000").deadline, deadline);
  EXPECT_TRUE(comes_true([&] { return !any_left(); }));
  EXPECT_GE(clock_->now(), deadline);
  EXPECT_TRUE(look().fenced);
  // It has passed: nothing starts under it, and a later one lets it.
  EXPECT_EQ(servers_->start(spec_, soon()).error().failure, Failure::refused);
  ASSERT_TRUE(hold_for(kFar));
  EXPECT_FALSE(start("exec sleep 1000").fenced);
  EXPECT_EQ(look().life, ServerLife::running);
}

// A guard of the version before is still at its server when weir has been replaced.
TEST_F(GuardsDeadline, IsHeldByANewGuardWhereTheOldOneKnowsNone) {
  start("exec sleep 1000");
  ASSERT_TRUE(files_->exists(page_path()));
  std::string bytes = files_->read(page_path()).value_or("");
  weir_guard_page old{};
  ASSERT_EQ(bytes.size(), sizeof old);
  std::memcpy(&old, bytes.data(), sizeof old);
  old.format = WEIR_GUARD_FORMAT_BEFORE;
  ASSERT_TRUE(files_->write(page_path(), {reinterpret_cast<const char*>(&old), sizeof old}));
  EXPECT_EQ(look().deadline, Instant{});
  EXPECT_EQ(give_deadline(page_path(), clock_->now() + kFar).error().failure, Failure::unsupported);
  ASSERT_TRUE(hold_for(kFar));
  EXPECT_EQ(page().format, static_cast<std::uint32_t>(WEIR_GUARD_FORMAT));
  EXPECT_NE(page().guard_pid, old.guard_pid);
  EXPECT_NE(look().deadline, Instant{});
}

TEST_F(GuardsDeadline, OfAServerThatDoesNotRunNeedsNoAnswer) {
  EXPECT_TRUE(hold_for(kFar));
  start("exit 0");
  ASSERT_TRUE(comes_true([&] { return look().life == ServerLife::ended; }));
  EXPECT_TRUE(hold_for(kFar));
}

}  // namespace
}  // namespace weir::guard
