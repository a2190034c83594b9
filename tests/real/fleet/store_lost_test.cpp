// A fleet whose store is deleted or rolled back goes on, believes nothing of it, and is whole again
// after `weir store rebuild` (safety.md S12).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <vector>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

const std::vector<std::string> kFiles = {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm"};

std::vector<int> postmasters(LiveFleet& fleet) {
  std::vector<int> out;
  for (const char* host : {"a", "b", "c"}) out.push_back(fleet.postmaster(host));
  return out;
}

// While it is stopped it writes nothing, so that a copy is as a crash would leave it.
void with_store_stopped(LiveFleet& fleet, const std::function<void()>& what, int then) {
  const int pid = fleet.process("store");
  ASSERT_GT(pid, 0);
  kill(pid, SIGSTOP);
  what();
  kill(pid, then);
}

// The supervisor starts it again; every member sees that it lost what was read.
void await_lost(LiveFleet& fleet) {
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(60s), 200ms, [&] {
    const Ran asked = fleet.weir({"store", "rebuild", "--no-input"});
    return asked.status == 4 && asked.err.find("asks for a yes") != std::string::npos;
  }));
}

void rebuild(LiveFleet& fleet) {
  const Ran done = fleet.weir({"store", "rebuild", "--yes"});
  ASSERT_EQ(done.status, 0) << done.out << done.err;
  EXPECT_NE(done.out.find("rebuilt"), std::string::npos) << done.out;
  EXPECT_NE(done.err.find("leader"), std::string::npos) << "it says what it writes: " << done.err;
}

void expect_drill_met(LiveFleet& fleet) {
  const Ran drill = fleet.weir({"drill", "kill-host", "orders", "-o", "json"});
  ASSERT_EQ(drill.status, 0) << drill.out << drill.err;
  EXPECT_EQ(drill.json()["verdict"].text(), "met") << drill.out;
  EXPECT_EQ(drill.json()["loss"]["lost_commits"].integer(-1), 0) << drill.out;
}

TEST(StoreLost, ADeletedStoreStopsNobodyAndIsRebuilt) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const std::vector<int> servers = postmasters(fleet);
  EXPECT_EQ(fleet.sql("a", "create table kept as select 1 as n"), "");
  with_store_stopped(
      fleet,
      [&] {
        // The whole folder, its certificate too: until `rebuild` the store cannot even begin.
        ASSERT_TRUE(fleet.files().remove(fleet.store_folder()));
      },
      SIGKILL);
  ASSERT_NO_FATAL_FAILURE(await_lost(fleet));
  // An agent that begins anew finds an empty store, and stops nobody either.
  const int agent = fleet.agent("b");
  kill(agent, SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 50ms, [&] {
    const int now = fleet.agent("b");
    return now != 0 && now != agent;
  }));
  EXPECT_EQ(fleet.sql("a", "insert into kept values (2)"), "") << "commits go on";
  fleet.clock().sleep_for(8s);  // more than a lease
  EXPECT_EQ(postmasters(fleet), servers);
  ASSERT_NO_FATAL_FAILURE(rebuild(fleet));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(postmasters(fleet), servers) << "nobody was stopped";
  const Ran again = fleet.weir({"store", "rebuild", "--yes"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_NE(again.out.find("nothing to rebuild"), std::string::npos) << again.out;
  ASSERT_NO_FATAL_FAILURE(expect_drill_met(fleet));
  EXPECT_EQ(fleet.sql(fleet.leader(), "select count(*) from kept"), "2");
}

TEST(StoreLost, AnOldCopyIsNotBelieved) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const std::string copies = fleet.folder() + "/copies";
  ASSERT_TRUE(fleet.files().make_folder(copies, 0700));
  const auto copy = [&](const std::string& from, const std::string& to) {
    for (const std::string& file : kFiles) {
      ASSERT_TRUE(fleet.files().remove(to + "/" + file));
      const auto text = fleet.files().read(from + "/" + file);
      if (!text) continue;
      ASSERT_TRUE(fleet.files().write(to + "/" + file, *text));
    }
  };
  // The copy names a; then b or c leads, and a follows.
  ASSERT_EQ(fleet.leader(), "a");
  with_store_stopped(
      fleet, [&] { copy(fleet.store_folder(), copies); }, SIGCONT);
  ASSERT_NO_FATAL_FAILURE(expect_drill_met(fleet));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  const std::string leader = fleet.leader();
  ASSERT_NE(leader, "a");
  EXPECT_EQ(fleet.sql(leader, "create table kept as select 1 as n"), "");
  const std::vector<int> servers = postmasters(fleet);

  with_store_stopped(
      fleet, [&] { copy(copies, fleet.store_folder()); }, SIGKILL);
  ASSERT_NO_FATAL_FAILURE(await_lost(fleet));
  for (const char* host : {"a", "b", "c"}) {
    const int agent = fleet.agent(host);
    if (agent > 0) kill(agent, SIGKILL);  // what begins anew has only what it remembers
  }
  fleet.clock().sleep_for(8s);
  EXPECT_EQ(postmasters(fleet), servers) << "no fence by an old record";
  EXPECT_EQ(fleet.sql(leader, "insert into kept values (2)"), "") << "commits go on";
  ASSERT_NO_FATAL_FAILURE(await_lost(fleet));
  ASSERT_NO_FATAL_FAILURE(rebuild(fleet));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.leader(), leader);
  EXPECT_EQ(postmasters(fleet), servers);
  EXPECT_EQ(fleet.sql(leader, "select count(*) from kept"), "2");
}

}  // namespace
}  // namespace weir::test
