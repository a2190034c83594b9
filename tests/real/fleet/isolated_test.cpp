// A leader that has lost the store and its voters lets its clients go, and takes writes again
// (safety.md S8), on real servers.
#include <gtest/gtest.h>
#include <signal.h>

#include <fmt/format.h>
#include <fstream>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

// Agents and servers that stand still; at the end of a test they go on, whatever happened.
class Frozen {
 public:
  ~Frozen() { thaw(); }

  void add(int pid) {
    ASSERT_GT(pid, 1);
    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    pids_.push_back(pid);
  }
  void add_children_of(int pid) {
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
    for (int child = 0; children >> child;) add(child);
  }
  void thaw() {
    for (const int pid : pids_) kill(pid, SIGCONT);
    pids_.clear();
  }

 private:
  std::vector<int> pids_;
};

void freeze(LiveFleet& fleet, const std::string& host, Frozen& frozen) {
  const int server = fleet.postmaster(host);
  frozen.add(fleet.agent(host));
  frozen.add(server);
  frozen.add_children_of(server);
}

TEST(IsolatedFleet, LetsItsClientsGoAndTakesWritesAgain) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const std::string leader = fleet.leader();
  const int server = fleet.postmaster(leader);
  const auto soon = [&](const std::function<bool()>& check) {
    return poll_until(fleet.clock(), fleet.clock().within(60s), 100ms, check);
  };
  const auto read_only = [&] { return fleet.sql(leader, "show default_transaction_read_only"); };
  const auto workers = make_real_workers();
  ASSERT_EQ(fleet.sql(leader, "create table kept(n int); grant all on kept to shop_app"), "");
  ASSERT_EQ(fleet.as_application("insert into kept values (1)").status, 0);
  EXPECT_EQ(read_only(), "off");

  Frozen frozen;
  for (const char* host : {"a", "b", "c"}) {
    if (host == leader) continue;
    ASSERT_NO_FATAL_FAILURE(freeze(fleet, host, frozen));
  }
  ASSERT_NO_FATAL_FAILURE(frozen.add(fleet.process("store")));
  // It waits for an acknowledgement that nobody can give.
  Ran waited;
  const auto waiting =
      workers->begin("wait", [&] { waited = fleet.as_application("insert into kept values (2)"); });
  EXPECT_TRUE(soon([&] { return read_only() == "on"; }));
  while (!waiting->wait(fleet.clock().within(60s))) continue;  // its call has a limit of its own
  EXPECT_NE(waited.status, 0) << "acknowledged by nobody";
  EXPECT_NE(waited.err.find("terminating connection"), std::string::npos) << waited.err;
  EXPECT_TRUE(soon([&] {
    const std::string said = fleet.weir({"status", "orders"}).out;
    return said.find("takes no writes") != std::string::npos;
  }));
  const std::string refused = fleet.sql(leader, "insert into kept values (3)");
  EXPECT_NE(refused.find("read-only transaction"), std::string::npos) << refused;

  frozen.thaw();
  EXPECT_TRUE(soon([&] { return read_only() == "off"; }));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.as_application("insert into kept values (4)").status, 0);
  EXPECT_EQ(fleet.leader(), leader);
  EXPECT_EQ(fleet.postmaster(leader), server);
  EXPECT_EQ(fleet.sql(leader, "select count(*) from kept where n in (1, 4)"), "2");
}

}  // namespace
}  // namespace weir::test
