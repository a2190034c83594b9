// Days on which what lies under the fleet goes wrong: each ends with a sentence that says what is
// the matter, with a service that serves as far as it can, and with nothing lost.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>

#include <atomic>

#include "peer/peer.h"
#include "tests/real/days/bad_day.h"

namespace weir::test {
namespace {

TEST_F(BadDay, DataOfAnotherVersionOrClusterIsLeftAlone) {
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  Application application(fleet);
  application.write(3);
  ASSERT_NO_FATAL_FAILURE(down());

  // A replica whose data somebody upgraded or mixed up by hand.
  ASSERT_TRUE(fleet.files().write(data("c") + "/PG_VERSION", "14\n", 0644).has_value());
  {
    const WaitingUp up(fleet);
    EXPECT_TRUE(hears(fleet, "is of PostgreSQL 14"));
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(60s), 300ms,
                           [&] { return fleet.leader() == "a" && fleet.postmaster("b") > 0; }));
    application.write(3);
    EXPECT_EQ(fleet.postmaster("c"), 0);
  }
  EXPECT_EQ(fleet.files().read(data("c") + "/PG_VERSION").value_or(""), "14\n");
  ASSERT_TRUE(fleet.files().write(data("c") + "/PG_VERSION", "15\n", 0644).has_value());
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  ASSERT_NO_FATAL_FAILURE(down());

  // Another cluster's volume where the leader's was: it must neither serve nor feed anybody.
  const std::string theirs = data("a") + ".of-another";
  const Ran made = fleet.shell(fmt::format(
      "mv {0} {0}.kept; mkdir {1}; {2} {1}; {3} /usr/lib/postgresql/15/bin/initdb -k -D {1} -U "
      "postgres; mv {1} {0}",
      data("a"), theirs, geteuid() == 0 ? "chown postgres" : "true",
      geteuid() == 0 ? "runuser -u postgres --" : ""));
  ASSERT_EQ(made.status, 0) << made.err;
  {
    const WaitingUp up(fleet);
    EXPECT_TRUE(hears(fleet, "of another cluster"));
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 300ms, [&] {
      const std::string leader = fleet.leader();
      return leader == "b" || leader == "c";
    }));
    application.write(3);
    EXPECT_EQ(fleet.postmaster("a"), 0);
    EXPECT_TRUE(fleet.files().exists(data("a") + "/PG_VERSION"));
    // Put back, the member's own data is rewound or rebuilt, and follows.
    const Ran back = fleet.shell(fmt::format("mv {0} {0}.foreign; mv {0}.kept {0}", data("a")));
    ASSERT_EQ(back.status, 0) << back.err;
    ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  }
  EXPECT_GE(application.acknowledged(), 6u);
  application.expect_all();
}

TEST_F(BadDay, AReadOnlyStateDirectoryIsNamedAndStopsNobody) {
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  Application application(fleet);
  application.write(2);
  const std::string state = fleet.folder() + "/s";
  {
    // What runs already has its files open below the other mount; what starts now has not.
    const Mounted itself(fleet, "--bind " + state, state);
    const Ran sealed = fleet.shell(Mounted::as_root() + "mount -o remount,bind,ro " + state);
    ASSERT_EQ(sealed.status, 0) << sealed.err;
    const Ran up = fleet.weir({"up", "-f", fleet.file()}, 60s);
    EXPECT_EQ(up.status, 1) << up.out << up.err;
    EXPECT_NE(up.err.find("read-only file system"), std::string::npos) << up.err;
    EXPECT_NE(up.err.find(state), std::string::npos) << up.err;
    EXPECT_EQ(fleet.weir({"status", "orders"}).status, 0);
    application.write(2);
  }
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(application.acknowledged(), 4u);
  application.expect_all();
}

TEST_F(BadDay, AHostWhoseDiskCameBackEmptyIsMadeAnew) {
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  Application application(fleet);
  application.write(3);
  // All that weir and its server had on it goes at once: data, notes, journal.
  const auto lose_disk = [&](const std::string& host) {
    const int agent = fleet.agent(host);
    const int server = fleet.postmaster(host);
    kill(agent, SIGSTOP);
    kill(server, SIGKILL);
    for (const char* what : {"/members", "/journal.jsonl"}) {
      EXPECT_TRUE(fleet.remove_while_written(fleet.host_folder(host) + what));
    }
    kill(agent, SIGKILL);
  };
  lose_disk("c");
  application.write(3);
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.leader(), "a");
  EXPECT_NE(fleet.sql("c", "select count(*) from kept"), "0");

  // An empty leader serves nobody (safety.md S9): one that holds everything takes over.
  lose_disk("a");
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 300ms, [&] {
    const std::string leader = fleet.leader();
    return leader == "b" || leader == "c";
  }));
  application.write(3);
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_NE(fleet.leader(), "a");
  EXPECT_GE(application.acknowledged(), 7u);
  application.expect_all();
}

// In place of the agent of c, one that has its certificate and answers as it likes.
TEST_F(BadDay, APeerThatAnswersNonsenseTooMuchOrNeverMisleadsNobody) {
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  Application application(fleet);
  application.write(2);
  const int silent = fleet.agent("c");
  kill(silent, SIGSTOP);
  fleet.clock().sleep_for(4s);
  application.write(2);
  EXPECT_EQ(fleet.leader(), "a");

  const std::string identity = fleet.host_folder("c") + "/identity";
  const peer::Identity of_c{"c", identity + "/c.crt", identity + "/c.key", identity + "/ca.crt"};
  std::atomic<int> asked = 0;
  const auto answer = [&](const peer::Request&) -> Result<Json> {
    switch (++asked % 3) {
      case 0:
        return Json::object().set("services", Json::object().set("orders", "everything is fine"));
      case 1:
        return *Json::parse(R"({"services":{"orders":{"voter":7,"epoch":"last","promise":[{}],)"
                            R"("heard":-1,"server":{"life":"maybe"}}},"host":["a","b"]})");
      default:
        return Json(std::string(17u << 20, 'x'));
    }
  };
  // The place is free for a moment after the death of the agent and before the next one.
  Result<std::unique_ptr<peer::Listener>> imposter = fail(Failure::held, "not yet");
  kill(silent, SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 1ms, [&] {
    imposter = peer::listen(fleet.address("c"), peer::kAgentPort, of_c, answer);
    return imposter.has_value();
  }));
  EXPECT_TRUE(
      poll_until(fleet.clock(), fleet.clock().within(30s), 100ms, [&] { return asked > 20; }));
  application.write(3);
  EXPECT_EQ(fleet.leader(), "a");
  // Nor does it stand in the way of the two that are left.
  EXPECT_EQ(fleet.weir({"status", "orders"}).status, 0);
  kill(fleet.postmaster("a"), SIGKILL);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 300ms,
                         [&] { return fleet.as_application("select 1").out == "1"; }));
  application.write(3);
  imposter->reset();
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_GE(application.acknowledged(), 8u);
  application.expect_all();
}

}  // namespace
}  // namespace weir::test
