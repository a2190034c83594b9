// A service whose commits wait for nobody: its leader lives under the deadline of its guard.
#include <gtest/gtest.h>
#include <signal.h>

#include <fmt/format.h>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

std::int64_t epoch_of(LiveFleet& fleet) {
  return fleet.status()["record"]["epoch"].items()[1].integer();
}

void begin(LiveFleet& fleet) {
  fleet.write_async_file();
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  EXPECT_EQ(fleet.status()["record"]["mode"].text(), "async");
  EXPECT_EQ(fleet.sql(fleet.leader(), "show synchronous_standby_names"), "");
}

TEST(AsyncFleet, LosesAtMostWhatIsDeclaredWhenItsHostOrServerDies) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(begin(fleet));
  for (const char* fault : {"kill-host", "kill-server"}) {
    const Ran ran = fleet.weir({"drill", fault, "orders", "-o", "json"});
    ASSERT_EQ(ran.status, 0) << ran.out << ran.err;
    const Json report = ran.json();
    EXPECT_EQ(report["verdict"].text(), "met") << ran.out;
    EXPECT_TRUE(report["old_leader_follows"].boolean()) << ran.out;
    EXPECT_EQ(report["loss"]["unexpected_rows"].integer(-1), 0) << ran.out;
    EXPECT_GE(report["loss"]["lost_commits"].integer(-1), 0) << "measured, not assumed";
    ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  }
}

// Nobody renews for the leader any more: its guard stops it, and only then somebody else leads.
TEST(AsyncFleet, ALeaderWithoutItsAgentIsFencedBeforeAnotherLeads) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(begin(fleet));
  const std::string leader = fleet.leader();
  const std::int64_t epoch = epoch_of(fleet);
  const int server = fleet.postmaster(leader);
  ASSERT_GT(server, 0);
  EXPECT_EQ(fleet.sql(leader, "create table kept(n int)"), "");
  const std::string other = leader == "a" ? "b" : "a";
  const auto end = fleet.clock().within(60s);
  while (!fleet.clock().passed(end) && epoch_of(fleet) == epoch) {
    // The supervisor brings it back; it is not let live long enough to renew.
    const int agent = fleet.agent(leader);
    if (agent != 0) kill(agent, SIGKILL);
    fleet.clock().sleep_for(20ms);
  }
  EXPECT_GT(epoch_of(fleet), epoch);
  EXPECT_NE(fleet.postmaster(leader), server) << "the old leader's server lives on";
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_NE(fleet.leader(), leader);
  EXPECT_EQ(fleet.sql(other, "select count(*) from kept"), "0");
}

// An agent that is back in time takes over the guard, and nothing has happened.
TEST(AsyncFleet, ALeaderOutlivesItsAgentsRestart) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(begin(fleet));
  const std::string leader = fleet.leader();
  const int server = fleet.postmaster(leader);
  const int agent = fleet.agent(leader);
  ASSERT_GT(agent, 0);
  kill(agent, SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 50ms, [&] {
    const int now = fleet.agent(leader);
    return now != 0 && now != agent;
  }));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  fleet.clock().sleep_for(6s);
  EXPECT_EQ(fleet.leader(), leader);
  EXPECT_EQ(fleet.postmaster(leader), server);
}

// The store is frozen rather than killed: its supervisor would start it again. The agents of all
// other members extend the leader's lease in its place, also one that was started meanwhile.
TEST(AsyncFleet, ALeaderOutlivesTheStoreWhileAllOthersSaySo) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(begin(fleet));
  const std::string leader = fleet.leader();
  const std::int64_t epoch = epoch_of(fleet);
  const int server = fleet.postmaster(leader);
  ASSERT_EQ(fleet.sql(leader, "create table kept(n int); grant all on kept to shop_app"), "");
  const int store = fleet.process("store");
  ASSERT_GT(store, 1);
  ASSERT_EQ(kill(store, SIGSTOP), 0);
  int written = 0;
  bool restarted = false;
  std::string said;
  const auto end = fleet.clock().within(12s);
  while (!fleet.clock().passed(end)) {
    const Ran ran = fleet.as_application("insert into kept values (1)");
    EXPECT_EQ(ran.status, 0) << ran.err;
    if (ran.status == 0) ++written;
    if (said.empty() && written > 10) {
      said = fleet.weir({"status", "orders"}).out;
    } else if (!said.empty() && !restarted) {
      restarted = true;
      const int agent = fleet.agent(leader == "c" ? "b" : "c");
      EXPECT_GT(agent, 1);
      kill(agent, SIGKILL);
    }
    fleet.clock().sleep_for(100ms);
  }
  EXPECT_EQ(fleet.postmaster(leader), server) << "its guard stopped it";
  ASSERT_EQ(kill(store, SIGCONT), 0);
  EXPECT_NE(said.find("the store is away, and its lease is extended by"), std::string::npos)
      << said;
  EXPECT_GT(written, 10);
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.leader(), leader);
  EXPECT_EQ(epoch_of(fleet), epoch);
  EXPECT_EQ(fleet.postmaster(leader), server);
  EXPECT_EQ(fleet.sql(leader, "select count(*) from kept"), fmt::format("{}", written));
}

TEST(AsyncFleet, ItsModeFollowsTheFile) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(begin(fleet));
  const std::string leader = fleet.leader();
  const int server = fleet.postmaster(leader);
  const auto mode_becomes = [&](const std::string& mode) {
    return poll_until(fleet.clock(), fleet.clock().within(60s), 100ms,
                      [&] { return fleet.status()["record"]["mode"].text() == mode; });
  };
  fleet.write_file();
  const Ran plan = fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"});
  EXPECT_EQ(plan.status, 2) << plan.out;
  EXPECT_NE(plan.out.find("durability"), std::string::npos) << plan.out;
  ASSERT_EQ(fleet.weir({"apply", "-f", fleet.file(), "--yes"}).status, 0);
  EXPECT_TRUE(mode_becomes("required"));
  EXPECT_NE(fleet.sql(leader, "show synchronous_standby_names").find("ANY 1"), std::string::npos);
  fleet.clock().sleep_for(6s);
  EXPECT_EQ(fleet.postmaster(leader), server) << "no guard stops a required leader";
  fleet.write_async_file();
  ASSERT_EQ(fleet.weir({"apply", "-f", fleet.file(), "--yes"}).status, 0);
  EXPECT_TRUE(mode_becomes("async"));
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 100ms, [&] {
    return fleet.sql(leader, "show synchronous_standby_names").empty();
  }));
  fleet.clock().sleep_for(6s);
  EXPECT_EQ(fleet.postmaster(leader), server);
}

}  // namespace
}  // namespace weir::test
