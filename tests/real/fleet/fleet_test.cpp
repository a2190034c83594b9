// Whole fleets on real servers: what a user sees, in safety and health; never in speed.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

int listen_at(const std::string& ip, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return bound && listen(fd, 8) == 0 ? fd : -1;
}

void expect_good_drill(const Ran& ran, const std::string& fault) {
  ASSERT_EQ(ran.status, 0) << ran.out << ran.err;
  const Json report = ran.json();
  EXPECT_EQ(report["fault"].text(), fault);
  EXPECT_EQ(report["verdict"].text(), "met") << ran.out;
  EXPECT_EQ(report["loss"]["lost_commits"].integer(-1), 0) << ran.out;
  EXPECT_TRUE(report["fault_gone"].boolean()) << ran.out;
  EXPECT_TRUE(report["old_leader_follows"].boolean()) << ran.out;
}

// The voter of a member as the record has it: with the incarnation of its data.
std::string incarnation(LiveFleet& fleet, const std::string& name) {
  const Json status = fleet.status();
  for (const Json& voter : status["record"]["members"].items()) {
    if (voter.dump().find("\"" + name + "\"") != std::string::npos) return voter.dump();
  }
  return {};
}

TEST(Fleet, FromNothingThroughEveryFaultAndDown) {
  LiveFleet fleet;
  const Ran before = fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"});
  EXPECT_EQ(before.status, 2) << before.err;
  EXPECT_NE(before.out.find("orders/member/a"), std::string::npos) << before.out;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const Ran after = fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"});
  EXPECT_EQ(after.status, 0) << after.out << after.err;
  const Ran again = fleet.weir({"apply", "-f", fleet.file(), "--yes"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_NE(again.out.find("No changes"), std::string::npos) << again.out;

  // The application's own role works; nobody else gets in without a password.
  EXPECT_EQ(fleet.sql(fleet.leader(), "set role shop_owner; create table kept(n int primary key)"),
            "");
  EXPECT_EQ(fleet.as_application("insert into kept values (1) returning n").out, "1");

  expect_good_drill(fleet.weir({"drill", "kill-host", "orders", "-o", "json"}), "kill-host");
  expect_good_drill(fleet.weir({"drill", "kill-server", "orders", "-o", "json"}), "kill-server");
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.as_application("select n from kept").out, "1");
  EXPECT_EQ(
      fleet.sql(fleet.leader(), "select count(*) from pg_namespace where nspname = 'weir_ledger'"),
      "0");

  // A dead agent stops no server; the supervisor brings it back and it adopts what runs.
  const std::string leader = fleet.leader();
  const int server = fleet.postmaster(leader);
  const int agent = fleet.agent(leader);
  ASSERT_GT(server, 0);
  ASSERT_GT(agent, 0);
  const std::int64_t epoch = fleet.status()["record"]["epoch"].items()[1].integer();
  kill(agent, SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 50ms, [&] {
    const int now = fleet.agent(leader);
    return now != 0 && now != agent;
  }));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.postmaster(leader), server);
  EXPECT_EQ(fleet.leader(), leader);
  EXPECT_EQ(fleet.status()["record"]["epoch"].items()[1].integer(), epoch);

  // Down keeps everything, up goes on from there.
  const Ran down = fleet.weir({"down"});
  ASSERT_EQ(down.status, 0) << down.err;
  EXPECT_EQ(fleet.postmaster(leader), 0);
  const Ran while_down = fleet.weir({"plan", "-f", fleet.file()});
  EXPECT_EQ(while_down.status, 0) << while_down.err;
  EXPECT_EQ(fleet.process("store"), 0) << "the store of a command that has ended goes on";
  // That of a command which was killed goes on for a moment: up waits for its end.
  const int killed = fork();
  if (killed == 0) {
    pause();
    _exit(0);
  }
  fleet.start_weir({"store", "--while", std::to_string(killed)});
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 20ms, [&] {
    return fleet.said_by_started().find("serving") != std::string::npos;
  })) << fleet.said_by_started();
  const int up = fleet.start_weir({"up", "-f", fleet.file(), "--store", fleet.store()});
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 20ms, [&] {
    return fleet.said_by_started().find("another command's store") != std::string::npos;
  })) << fleet.said_by_started();
  kill(killed, SIGKILL);
  EXPECT_EQ(fleet.wait_for(killed, 10s), 128 + SIGKILL);
  EXPECT_EQ(fleet.wait_for(up, 240s), 0) << fleet.said_by_started();
  EXPECT_EQ(fleet.as_application("select n from kept").out, "1");
}

TEST(Fleet, AReplicaThatDiesOrLosesItsDataComesBack) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  ASSERT_GT(fleet.postmaster("b"), 0);
  kill(fleet.postmaster("b"), SIGKILL);
  // Commits go on with the other replica.
  EXPECT_EQ(fleet.sql("a", "create table t as select 1 as n"), "");
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_GT(fleet.postmaster("b"), 0);

  const std::string before = incarnation(fleet, "c");
  ASSERT_FALSE(before.empty());
  const int agent = fleet.agent("c");
  const int server = fleet.postmaster("c");
  ASSERT_GT(agent, 0);
  ASSERT_GT(server, 0);
  // Its agent sees the disk only once all of it is gone: it would begin to make anew what is being
  // removed. The server's children outlive it by a moment, and write.
  kill(agent, SIGSTOP);
  kill(server, SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 20ms, [&] {
    return fleet.files().remove(fleet.member_folder("c")).has_value();
  }));
  kill(agent, SIGCONT);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 100ms,
                         [&] { return incarnation(fleet, "c") != before; }));
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.sql("c", "select n from t"), "1");
  EXPECT_EQ(fleet.leader(), "a");
}

// Its slot is gone and the leader no longer has the log that it would go on from: no way of coming
// back but a new copy.
TEST(Fleet, AReplicaWhoseLogIsGoneIsCopiedAnew) {
  LiveFleet fleet;
  fleet.write_file("wal_keep_size: 0");
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  const std::string before = incarnation(fleet, "c");
  ASSERT_FALSE(before.empty());
  const int agent = fleet.agent("c");
  const int server = fleet.postmaster("c");
  ASSERT_GT(agent, 0);
  ASSERT_GT(server, 0);
  kill(agent, SIGSTOP);
  kill(server, SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 50ms, [&] {
    fleet.sql("a", "select pg_drop_replication_slot('weir_c')");
    return fleet.sql("a", "select count(*) from pg_replication_slots where slot_name = 'weir_c'") ==
           "0";
  }));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(fleet.sql("a", fmt::format("create table t{} as select 1 as n", i)), "");
    fleet.sql("a", "select pg_switch_wal()");
    EXPECT_EQ(fleet.sql("a", "checkpoint"), "");
  }
  kill(agent, SIGCONT);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 100ms, [&] {
    return incarnation(fleet, "c") != before;
  })) << fleet.weir({"events", "orders"}).out;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.sql("c", "select n from t3"), "1");
  EXPECT_EQ(fleet.leader(), "a");
}

TEST(Fleet, ParametersFollowTheFileByReloadAndByRestart) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  fleet.write_file("max_connections: 80\n      work_mem: 8MB");
  const Ran plan = fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"});
  EXPECT_EQ(plan.status, 2) << plan.out << plan.err;
  EXPECT_NE(plan.out.find("restart"), std::string::npos) << plan.out;
  // Cut off, it is taken up again by the next.
  const int cut = fleet.start_weir({"apply", "-f", fleet.file(), "--yes"});
  fleet.clock().sleep_for(150ms);
  kill(cut, SIGINT);
  const int status = fleet.wait_for(cut, 60s);
  EXPECT_TRUE(status == 130 || status == 0) << status;
  const Ran applied = fleet.weir({"apply", "-f", fleet.file(), "--yes"});
  ASSERT_EQ(applied.status, 0) << applied.err;
  for (const char* host : {"a", "b", "c"}) {
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 200ms,
                           [&] {
                             return fleet.sql(host, "show work_mem") == "8MB" &&
                                    fleet.sql(host, "show max_connections") == "80";
                           }))
        << host << ": " << fleet.sql(host, "show max_connections");
  }
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  const Ran after = fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"});
  EXPECT_EQ(after.status, 0) << after.out;
}

TEST(Fleet, AnInterruptedDrillLeavesNothingBehind) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const int pid = fleet.start_weir({"drill", "kill-host", "orders"});
  fleet.clock().sleep_for(5s);
  kill(pid, SIGINT);
  const int status = fleet.wait_for(pid, 180s);
  EXPECT_EQ(status, 130);
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.sql(fleet.leader(), "select count(*) from pg_roles where rolname='weir_ledger'"),
            "0");

  // A killed one is cleaned up by the next.
  const int killed = fleet.start_weir({"drill", "kill-host", "orders"});
  fleet.clock().sleep_for(4s);
  kill(killed, SIGKILL);
  EXPECT_EQ(fleet.wait_for(killed, 10s), 128 + SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(180s), 500ms, [&] {
    const Ran next = fleet.weir({"drill", "kill-server", "orders", "-o", "json"});
    return next.status == 0;
  }));
}

TEST(Fleet, AnInterruptedUpIsResumed) {
  LiveFleet fleet;
  const int pid = fleet.start_weir({"up", "-f", fleet.file(), "--store", fleet.address("a")});
  fleet.clock().sleep_for(1500ms);
  kill(pid, SIGINT);
  const int status = fleet.wait_for(pid, 60s);
  EXPECT_TRUE(status == 130 || status == 0) << status;
  const Ran again = fleet.weir({"up", "-f", fleet.file()});
  EXPECT_EQ(again.status, 0) << again.err;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
}

TEST(Fleet, WhatItMayNotDoItRefusesInOneSentence) {
  LiveFleet fleet;
  fleet.write_text(
      "fleet: live\nhosts:\n  a: {address: 127.65.1.1}\nservices:\n  orders:\n"
      "    engine: postgers\n    members: [a]\n");
  const Ran misspelt = fleet.weir({"plan", "-f", fleet.file()});
  EXPECT_EQ(misspelt.status, 1);
  EXPECT_NE(misspelt.err.find("fleet.yaml:6:"), std::string::npos) << misspelt.err;
  EXPECT_NE(misspelt.err.find("postgres"), std::string::npos) << misspelt.err;

  fleet.write_file();
  const auto text = fleet.files().read(fleet.file());
  std::string preferred = *text;
  preferred.replace(preferred.find("required"), 8, "preferred");
  fleet.write_text(preferred);
  const Ran refused = fleet.weir({"plan", "-f", fleet.file()});
  EXPECT_EQ(refused.status, 4) << refused.err;
  EXPECT_NE(refused.err.find("durability preferred"), std::string::npos) << refused.err;

  EXPECT_EQ(fleet.weir({"plan"}).status, 1);
  EXPECT_EQ(fleet.weir({"status"}).status, 1);
  EXPECT_EQ(fleet.weir({"drill", "kill-everything", "orders"}).status, 1);
}

TEST(Fleet, AStrangersPortAndAStrangersDataAreLeftAlone) {
  LiveFleet fleet;
  const int stranger = listen_at(fleet.address("c"), 5432);
  ASSERT_GE(stranger, 0);
  // Somebody's directory where b's data would go.
  const std::string theirs = fleet.member_folder("b") + "/data";
  ASSERT_TRUE(fleet.files().make_folder(theirs, 0700).has_value());
  ASSERT_TRUE(fleet.files().write(theirs + "/precious", "keep me", 0600).has_value());
  const int pid = fleet.start_weir({"up", "-f", fleet.file(), "--store", fleet.address("a")});
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(90s), 500ms, [&] {
    const Ran ran = fleet.weir({"status", "orders"});
    return ran.out.find("not ours") != std::string::npos;
  })) << fleet.weir({"status", "orders"}).out;
  EXPECT_EQ(fleet.files().read(theirs + "/precious").value_or(""), "keep me");
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(90s), 500ms, [&] {
    return fleet.weir({"events"}).out.find("has the port") != std::string::npos;
  })) << fleet.weir({"events"}).out;
  close(stranger);
  // The rest of the service serves meanwhile, and c once its port is free.
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(60s), 500ms, [&] {
    return fleet.sql("a", "select 1", "postgres") == "1" &&
           fleet.sql("c", "select 1", "postgres") == "1";
  }));
  kill(pid, SIGINT);
  EXPECT_EQ(fleet.wait_for(pid, 60s), 130);
}

}  // namespace
}  // namespace weir::test
