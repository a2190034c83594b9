// A host is revoked: its replica streams no more, its peers refuse it, nothing acknowledged is
// lost, and it comes back by a new token alone.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/text.h"
#include "tests/real/hosts/three_hosts.h"

namespace weir::test {
namespace {

const std::string kStreams =
    "select string_agg(application_name, ',' order by application_name) from pg_stat_replication "
    "where state = "
    "'streaming'";

// Writes on and on as an application; what was acknowledged must be there in the end.
class Load {
 public:
  explicit Load(ThreeHosts& hosts) : hosts_(hosts) {
    thread_ = std::thread([this] {
      for (int i = 1; !done_; ++i) {
        const Ran ran = hosts_.as_application("a", fmt::format("insert into kept values ({})", i));
        if (ran.status == 0) acknowledged_.insert(i);
      }
    });
  }
  ~Load() { stop(); }
  void stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::set<int>& acknowledged() const { return acknowledged_; }  // once stopped

 private:
  ThreeHosts& hosts_;
  std::atomic<bool> done_ = false;
  std::set<int> acknowledged_;
  std::thread thread_;
};

void expect_nothing_lost(ThreeHosts& hosts, const std::string& on, Load& load) {
  load.stop();
  std::set<int> there;
  for (const std::string& row : split(hosts.sql(on, "select i from kept"), '\n')) {
    there.insert(std::atoi(row.c_str()));
  }
  EXPECT_GT(load.acknowledged().size(), 10u);
  for (const int i : load.acknowledged()) EXPECT_TRUE(there.contains(i)) << i;
}

bool log_says(ThreeHosts& hosts, const std::string& host, const std::string& words) {
  return hosts.files().read(hosts.log(host, "agent")).value_or("").find(words) != std::string::npos;
}

Json member_on(const Json& status, const std::string& host) {
  for (const Json& member : status["members"].items()) {
    if (member["host"].text() == host) return member;
  }
  return {};
}

std::string trouble_of(ThreeHosts& hosts, const std::string& host) {
  const Json told = hosts.weir("a", {"status", "-o", "json"}).json();
  for (const Json& each : told["certificates"].items()) {
    if (each["host"].text() == host) return each["trouble"].text();
  }
  return "no word of " + host;
}

class HostsRevoked : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(hosts_.join_all());
    ASSERT_NO_FATAL_FAILURE(hosts_.apply());
    ASSERT_NO_FATAL_FAILURE(hosts_.await_healthy());
    ASSERT_EQ(hosts_.leader(), "b");
    ASSERT_EQ(hosts_.sql("b", "create table kept (i int); grant all on kept to shop_app"), "");
  }
  bool comes_true(const std::function<bool()>& check, Duration limit = 120s) {
    return poll_until(hosts_.clock(), hosts_.clock().within(limit), 100ms, check);
  }
  void revoke(const std::string& host) {
    const Ran ran = hosts_.weir("a", {"revoke", host, "--yes"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    EXPECT_NE(ran.err.find("orders: member " + host), std::string::npos) << ran.err;
  }
  ThreeHosts hosts_;
};

TEST_F(HostsRevoked, AReplicasHostIsCutOffLosesNothingAndComesBackByANewToken) {
  EXPECT_EQ(hosts_.weir("a", {"revoke", "a", "--yes"}).status, 4) << "the CA's own host";
  EXPECT_EQ(hosts_.weir("b", {"revoke", "c", "--yes"}).status, 4) << "the CA is not there";
  EXPECT_EQ(hosts_.weir("a", {"revoke", "c"}).status, 4) << "nobody was asked";
  EXPECT_NE(hosts_.weir("a", {"revoke", "x", "--yes"}).status, 0);
  const std::string both = hosts_.sql("b", kStreams, "postgres");
  ASSERT_EQ(split(both, ',').size(), 2u) << both;
  Load load(hosts_);

  ASSERT_NO_FATAL_FAILURE(revoke("c"));
  EXPECT_TRUE(comes_true([&] {
    return hosts_.sql("b", kStreams, "postgres").find("weir_c") == std::string::npos;
  })) << hosts_.sql("b", kStreams, "postgres");
  EXPECT_TRUE(comes_true([&] { return log_says(hosts_, "c", "host c was revoked"); }));
  // It stays out, though its server and its agent run on and try.
  hosts_.clock().sleep_for(10s);
  EXPECT_EQ(hosts_.sql("b", kStreams, "postgres").find("weir_c"), std::string::npos);
  EXPECT_EQ(hosts_.sql("c", "select count(*) from pg_stat_wal_receiver where status = 'streaming'",
                       "postgres"),
            "0");
  EXPECT_EQ(hosts_.sql("b",
                       "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where "
                       "client_dn = '/CN=c'",
                       "postgres"),
            "0");
  const Json seen = hosts_.status();
  EXPECT_EQ(member_on(seen, "c")["sighting"]["role"].text(), "unknown") << seen.dump();
  EXPECT_NE(member_on(seen, "c")["agent"].text(), "alive") << seen.dump();
  EXPECT_NE(trouble_of(hosts_, "c").find("revoked"), std::string::npos) << trouble_of(hosts_, "c");
  EXPECT_EQ(hosts_.leader(), "b");

  // An agent that starts anew is told so by those who refuse it.
  ASSERT_NO_FATAL_FAILURE(hosts_.end_agent("c"));
  ASSERT_TRUE(hosts_.files().remove(hosts_.log("c", "agent")));
  hosts_.start("c", {"agent"});
  EXPECT_TRUE(comes_true([&] { return log_says(hosts_, "c", "host c was revoked"); }));

  ASSERT_NO_FATAL_FAILURE(hosts_.join("c"));
  ASSERT_NO_FATAL_FAILURE(hosts_.await_healthy());
  EXPECT_TRUE(comes_true([&] { return hosts_.sql("b", kStreams, "postgres") == both; }));
  EXPECT_TRUE(comes_true([&] { return trouble_of(hosts_, "c").empty(); }))
      << trouble_of(hosts_, "c");
  expect_nothing_lost(hosts_, "b", load);
  EXPECT_EQ(hosts_.leader(), "b");
  EXPECT_EQ(hosts_.status()["record"]["epoch"].items()[1].integer(), 1) << "there was a failover";
}

TEST_F(HostsRevoked, ALeadersHostIsFailedOverByItsSilence) {
  Load load(hosts_);
  ASSERT_NO_FATAL_FAILURE(revoke("b"));
  EXPECT_TRUE(comes_true([&] {
    const std::string leader = hosts_.leader();
    return leader == "a" || leader == "c";
  }));
  const std::string leader = hosts_.leader();
  EXPECT_TRUE(comes_true(
      [&] { return hosts_.sql(leader, "select pg_is_in_recovery()", "postgres") == "f"; }));
  hosts_.clock().sleep_for(3s);
  ASSERT_NO_FATAL_FAILURE(hosts_.join("b"));
  ASSERT_NO_FATAL_FAILURE(hosts_.await_healthy());
  expect_nothing_lost(hosts_, leader, load);
}

}  // namespace
}  // namespace weir::test
