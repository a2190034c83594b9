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

// Writes one row on the leader itself, in a process of its own; what it said goes to the file.
void begin_to_wait(LiveFleet& fleet, const std::string& leader, const std::string& file) {
  const Ran ran = fleet.shell(fmt::format(
      "/usr/lib/postgresql/15/bin/psql -h {}/r/live/{}/orders-{}.s -U postgres -d shop -qAtX "
      "-c 'insert into kept values (2)' >{} 2>&1 </dev/null &",
      fleet.folder(), leader, leader, file));
  ASSERT_EQ(ran.status, 0) << ran.err;
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
  const std::string file = fleet.folder() + "/waited";
  const auto waited = [&] { return fleet.files().read(file).value_or(""); };
  ASSERT_EQ(fleet.as_application("create table kept(n int)").status, 0);
  ASSERT_EQ(fleet.as_application("insert into kept values (1)").status, 0);
  EXPECT_EQ(read_only(), "off");

  Frozen frozen;
  for (const char* host : {"a", "b", "c"}) {
    if (host == leader) continue;
    ASSERT_NO_FATAL_FAILURE(freeze(fleet, host, frozen));
  }
  ASSERT_NO_FATAL_FAILURE(frozen.add(fleet.process("store")));
  ASSERT_NO_FATAL_FAILURE(begin_to_wait(fleet, leader, file));
  EXPECT_TRUE(soon([&] { return read_only() == "on"; }));
  EXPECT_TRUE(soon([&] { return waited().find("terminating connection") != std::string::npos; }))
      << waited();
  EXPECT_TRUE(soon([&] {
    const std::string said = fleet.weir({"status", "orders"}).out;
    return said.find("takes no writes") != std::string::npos;
  }));
  EXPECT_NE(fleet.as_application("insert into kept values (3)").status, 0);

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
