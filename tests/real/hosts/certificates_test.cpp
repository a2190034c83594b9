// Certificates that live half a minute: renewed while replication goes on, expired, and joined
// again. Nothing of it makes a failover.
#include <gtest/gtest.h>
#include <signal.h>

#include <fmt/format.h>

#include <cstdlib>
#include <map>

#include "base/text.h"
#include "tests/real/hosts/three_hosts.h"

namespace weir::test {
namespace {

std::string text_of(ThreeHosts& hosts, const std::string& path) {
  return hosts.files().read(path).value_or("absent: " + path);
}

std::string conf(ThreeHosts& hosts, const std::string& host) {
  return fmt::format("{}/hosts/{}/members/orders-{}/conf", hosts.state(host), host, host);
}

// The pair of each host is another one than in `before`, and its server has it.
bool all_renewed(ThreeHosts& hosts, const std::map<std::string, std::string>& before) {
  for (const auto& [host, old] : before) {
    const std::string pair = text_of(hosts, fmt::format("{}/{}.crt", hosts.identity(host), host)) +
                             text_of(hosts, fmt::format("{}/{}.key", hosts.identity(host), host));
    const std::string served = text_of(hosts, conf(hosts, host) + "/server.crt") +
                               text_of(hosts, conf(hosts, host) + "/server.key");
    if (pair == old || served != pair) return false;
  }
  return true;
}

std::map<std::string, std::string> pairs(ThreeHosts& hosts) {
  std::map<std::string, std::string> out;
  for (const std::string host : {"a", "b", "c"}) {
    out[host] = text_of(hosts, fmt::format("{}/{}.crt", hosts.identity(host), host)) +
                text_of(hosts, fmt::format("{}/{}.key", hosts.identity(host), host));
  }
  return out;
}

void expect_all_renewed(ThreeHosts& hosts) {
  const auto before = pairs(hosts);
  EXPECT_TRUE(poll_until(hosts.clock(), hosts.clock().within(120s), 100ms,
                         [&] { return all_renewed(hosts, before); }));
}

TEST(HostsCertificates, AreRenewedUnderAStreamAndAnExpiredOneJoinsAgain) {
  ThreeHosts hosts;
  ASSERT_NO_FATAL_FAILURE(hosts.join_all("30s"));
  ASSERT_NO_FATAL_FAILURE(hosts.apply());
  ASSERT_NO_FATAL_FAILURE(hosts.await_healthy());
  ASSERT_EQ(hosts.leader(), "b");
  const std::string streams =
      "select string_agg(pid::text, ',' order by pid) from pg_stat_replication where state = "
      "'streaming'";
  const std::string before = hosts.sql("b", streams, "postgres");
  EXPECT_EQ(split(before, ',').size(), 2u) << before;

  // Twice, so that the first certificates have ended.
  ASSERT_NO_FATAL_FAILURE(expect_all_renewed(hosts));
  ASSERT_NO_FATAL_FAILURE(expect_all_renewed(hosts));
  EXPECT_EQ(hosts.sql("b", streams, "postgres"), before) << "a renewal ended a stream";
  // A receiver that connects anew has the pair of today.
  const int receiver =
      std::atoi(hosts.sql("c", "select pid from pg_stat_wal_receiver", "postgres").c_str());
  ASSERT_GT(receiver, 0);
  EXPECT_EQ(kill(receiver, SIGTERM), 0);
  ASSERT_NO_FATAL_FAILURE(hosts.await_healthy());
  EXPECT_EQ(hosts.as_application("a", "select 1").out, "1");
  const Json told = hosts.weir("a", {"status", "-o", "json"}).json();
  ASSERT_EQ(told["certificates"].items().size(), 3u) << told.dump();
  for (const Json& each : told["certificates"].items()) {
    EXPECT_GT(each["left_s"].integer(), 0) << each.dump();
    EXPECT_EQ(each["trouble"].text("x"), "") << each.dump();
  }

  // A host whose agent was away for too long: its server goes on, its agent says what to do.
  ASSERT_NO_FATAL_FAILURE(hosts.end_agent("c"));
  hosts.clock().sleep_for(35s);
  EXPECT_EQ(hosts.sql("c", "select 1", "postgres"), "1");
  hosts.start("c", {"agent"});
  EXPECT_TRUE(poll_until(hosts.clock(), hosts.clock().within(60s), 100ms, [&] {
    return text_of(hosts, hosts.log("c", "agent")).find("has expired and cannot be renewed") !=
           std::string::npos;
  }));
  ASSERT_NO_FATAL_FAILURE(hosts.join("c"));
  EXPECT_TRUE(poll_until(hosts.clock(), hosts.clock().within(60s), 100ms, [&] {
    const Json seen = hosts.status();
    for (const Json& member : seen["members"].items()) {
      if (member["host"].text() == "c" && member["agent"].text() == "alive") return true;
    }
    return false;
  }));
  ASSERT_NO_FATAL_FAILURE(hosts.await_healthy());
  EXPECT_EQ(hosts.leader(), "b");
  EXPECT_EQ(hosts.status()["record"]["epoch"].items()[1].integer(), 1) << "there was a failover";
}

}  // namespace
}  // namespace weir::test
