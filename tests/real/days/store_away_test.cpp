// Days on which the store is away, frozen or killed, while the operator works: what is said names
// the store and what to type next, nothing is half-done, and with the store back the same command
// completes.
#include "tests/real/days/bad_day.h"

namespace weir::test {
namespace {

constexpr int kTimedOut = 124;

class StoreAway : public BadDay {
 protected:
  // It hangs: its port is open, and nobody answers.
  class Frozen {
   public:
    explicit Frozen(LiveFleet& fleet) : pid_(fleet.process("store")) {
      EXPECT_GT(pid_, 0);
      kill(pid_, SIGSTOP);
    }
    ~Frozen() { kill(pid_, SIGCONT); }
    Frozen(const Frozen&) = delete;
    Frozen& operator=(const Frozen&) = delete;

   private:
    int pid_;
  };

  void kill_store() {
    const int pid = fleet.process("store");
    if (pid > 0) kill(pid, SIGKILL);
  }
  std::string store_name() { return "the store at " + fleet.store() + ":7400"; }
  void expect_names_the_store(const Ran& ran, int status) {
    EXPECT_EQ(ran.status, status) << ran.out << ran.err;
    EXPECT_NE(ran.err.find(store_name()), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("hint: "), std::string::npos) << ran.err;
  }
  // Its claim goes with the store's return, a moment after everything else is well.
  int begin_drill() {
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 300ms, [&] {
      return fleet.weir({"describe", "orders"}).out.find("weir drill") == std::string::npos;
    })) << fleet.weir({"status", "orders"}).out;
    return fleet.start_weir({"drill", "kill-host", "orders", "-o", "json"});
  }
  void expect_nothing_left() {
    const std::string schemas = "select count(*) from pg_namespace where nspname = 'weir_ledger'";
    EXPECT_EQ(fleet.sql(fleet.leader(), schemas), "0");
    for (const char* host : {"a", "b", "c"}) EXPECT_NE(fleet.agent(host), 0) << host;
  }
  // What was started says so, or goes on for longer than a minute.
  bool started_says(const std::string& words) {
    return poll_until(fleet.clock(), fleet.clock().within(60s), 5ms,
                      [&] { return fleet.said_by_started().find(words) != std::string::npos; });
  }
};

TEST_F(StoreAway, AFrozenOneHangsNoCommandAndNothingIsHalfDone) {
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  Application application(fleet);
  application.write(2);
  fleet.write_file("max_connections: 60\n      work_mem: 7MB");
  {
    const Frozen store(fleet);
    expect_names_the_store(fleet.weir({"plan", "-f", fleet.file()}, 60s), 1);
    expect_names_the_store(fleet.weir({"apply", "-f", fleet.file(), "--yes"}, 60s), 1);
    expect_names_the_store(
        fleet.weir({"apply", "-f", fleet.file(), "--yes", "--timeout", "3s"}, 20s), kTimedOut);
    expect_names_the_store(fleet.weir({"up", "-f", fleet.file(), "--timeout", "3s"}, 20s),
                           kTimedOut);
    application.write(2);
  }
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "4MB");
  const Ran applied = fleet.weir({"apply", "-f", fleet.file(), "--yes"});
  EXPECT_EQ(applied.status, 0) << applied.out << applied.err;
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "7MB");
  EXPECT_EQ(fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"}).status, 0);
  EXPECT_EQ(application.acknowledged(), 4u);
  application.expect_all();
}

TEST_F(StoreAway, KilledInTheMiddleOfUpAndApplyTheSameCommandCompletes) {
  const int up = fleet.start_weir({"up", "-f", fleet.file(), "--store", fleet.store()});
  ASSERT_TRUE(started_says("written")) << fleet.said_by_started();
  kill_store();
  const int upped = fleet.wait_for(up, 200s);
  EXPECT_TRUE(upped == 0 || fleet.said_by_started().find("store") != std::string::npos)
      << upped << fleet.said_by_started();
  const Ran again = fleet.weir({"up", "-f", fleet.file()});
  ASSERT_EQ(again.status, 0) << again.err;
  Application application(fleet);
  application.write(2);

  int memory = 4;
  for (const char* when : {"", "Plan:", "written"}) {
    fleet.write_file(fmt::format("max_connections: 60\n      work_mem: {}MB", ++memory));
    const int apply = fleet.start_weir({"apply", "-f", fleet.file(), "--yes"});
    ASSERT_TRUE(started_says(when)) << fleet.said_by_started();
    kill_store();
    const int applied = fleet.wait_for(apply, 200s);
    EXPECT_TRUE(applied == 0 || applied == 1) << applied << fleet.said_by_started();
    EXPECT_TRUE(applied == 0 || fleet.said_by_started().find("store") != std::string::npos)
        << fleet.said_by_started();
  }
  const Ran last = fleet.weir({"apply", "-f", fleet.file(), "--yes"});
  EXPECT_EQ(last.status, 0) << last.out << last.err;
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "7MB");
  EXPECT_EQ(fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"}).status, 0);
  application.expect_all();
}

// Frozen before the fault it breaks nothing; while the fault stands nobody is promoted, and what
// clients then see is judged. Nothing of either stays, and the next drill begins.
TEST_F(StoreAway, DuringADrillItEndsWithAVerdictAndLeavesNothing) {
  const std::string text = fleet.files().read(fleet.file()).value_or("");
  const std::size_t rto = text.find("rto: 30s");
  ASSERT_NE(rto, std::string::npos);
  fleet.write_text(std::string(text).replace(rto, 8, "rto: 5s"));
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  Application application(fleet);
  application.write(2);

  const int early = fleet.start_weir({"drill", "kill-host", "orders", "-o", "json"});
  ASSERT_TRUE(started_says("writers commit")) << fleet.said_by_started();
  {
    const Frozen store(fleet);
    EXPECT_TRUE(started_says("ending the load")) << fleet.said_by_started();
  }
  EXPECT_EQ(fleet.wait_for(early, 200s), 1) << fleet.said_by_started();
  EXPECT_NE(fleet.said_by_started().find("\"verdict\": \"void\""), std::string::npos)
      << fleet.said_by_started();
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  expect_nothing_left();

  const int late = begin_drill();
  ASSERT_TRUE(started_says("kill-host: ")) << fleet.said_by_started();
  {
    const Frozen store(fleet);
    fleet.clock().sleep_for(8s);
  }
  EXPECT_EQ(fleet.wait_for(late, 200s), 3) << fleet.said_by_started();
  EXPECT_NE(fleet.said_by_started().find("\"verdict\": \"breached\""), std::string::npos)
      << fleet.said_by_started();
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  expect_nothing_left();
  application.write(2);
  EXPECT_EQ(application.acknowledged(), 4u);
  application.expect_all();
}

TEST_F(StoreAway, ADrillEndsWithItsTimeWhateverItWaitsFor) {
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const Ran drill = fleet.weir({"drill", "kill-server", "orders", "--timeout", "6s"});
  EXPECT_EQ(drill.status, kTimedOut) << drill.out << drill.err;
  EXPECT_NE(drill.err.find("the drill's time of "), std::string::npos) << drill.err;
  EXPECT_NE(drill.err.find("nothing of it is left"), std::string::npos) << drill.err;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  const Ran next = fleet.weir({"drill", "kill-server", "orders"});
  EXPECT_EQ(next.status, 0) << next.out << next.err;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
}

}  // namespace
}  // namespace weir::test
