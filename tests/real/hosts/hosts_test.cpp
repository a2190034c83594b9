// Three machines that share no file: joining, a failover when a link is cut, and what may not be.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

#include "access/access.h"
#include "base/text.h"
#include "tests/real/hosts/three_hosts.h"

namespace weir::test {
namespace {

// Rows that the application was told are committed.
struct Acknowledged {
  std::vector<int> rows;
  int next = 1;

  bool write(ThreeHosts& hosts) {
    const int row = next++;
    const Ran ran = hosts.as_application("a", fmt::format("insert into kept values ({})", row));
    if (ran.status == 0) rows.push_back(row);
    return ran.status == 0;
  }
  // How many of them are not there.
  int lost(ThreeHosts& hosts) const {
    const Ran ran = hosts.as_application("a", "select n from kept");
    EXPECT_EQ(ran.status, 0) << ran.err;
    const std::vector<std::string> there = split(ran.out, '\n');
    int missing = 0;
    for (const int row : rows) {
      if (std::ranges::find(there, std::to_string(row)) == there.end()) ++missing;
    }
    return missing;
  }
};

void expect_only_own_files(ThreeHosts& hosts) {
  for (const char* host : {"b", "c"}) {
    EXPECT_FALSE(hosts.files().exists(hosts.state(host) + "/ca")) << host;
    EXPECT_FALSE(hosts.files().exists(hosts.state(host) + "/operator")) << host;
    EXPECT_FALSE(hosts.files().exists(hosts.state("a") + "/hosts/" + host)) << host;
    EXPECT_TRUE(hosts.files().exists(hosts.identity(host) + "/" + host + ".key")) << host;
  }
}

void expect_refusals(ThreeHosts& hosts) {
  const Ran second = hosts.weir("b", {"agent", "--host", "b"});
  EXPECT_EQ(second.status, 5) << second.err;
  EXPECT_NE(second.err.find("runs already: pid "), std::string::npos) << second.err;

  const Ran elsewhere = hosts.weir("b", {"status"});
  EXPECT_EQ(elsewhere.status, 4) << elsewhere.err;
  EXPECT_NE(elsewhere.err.find("host a"), std::string::npos) << elsewhere.err;

  // A token is for one host and one key, whoever shows it.
  const Ran token = hosts.weir("a", {"token", "--host", "c"});
  ASSERT_EQ(token.status, 0) << token.err;
  const std::vector<std::string> join{"join", "-", "--store", "198.18.0.1:7400", "--host"};
  std::vector<std::string> words = join;
  words.push_back("b");
  const Ran other = hosts.weir("b", words, token.out);
  EXPECT_EQ(other.status, 4) << other.err;
  EXPECT_NE(other.err.find("the token is for host c"), std::string::npos) << other.err;
  words.back() = "c";
  const Ran thief = hosts.weir("b", words, token.out);
  EXPECT_EQ(thief.status, 4) << thief.err;
  EXPECT_NE(thief.err.find("is host b"), std::string::npos) << thief.err;
  EXPECT_EQ(hosts.weir("b", words, "hello").status, 1);

  const Ran unknown = hosts.weir("a", {"token", "--host", "z"});
  EXPECT_EQ(unknown.status, 1) << unknown.err;
  EXPECT_NE(unknown.err.find("declares no host z"), std::string::npos) << unknown.err;
  EXPECT_EQ(hosts.weir("b", {"token", "--host", "c"}).status, 4);
  EXPECT_EQ(hosts.weir("a", {"up", "-f", hosts.file()}).status, 4);
  EXPECT_EQ(hosts.weir("a", {"down"}).status, 4);
  // Again is no harm.
  EXPECT_EQ(hosts.weir("a", {"init", "-f", hosts.file()}).status, 0);
}

// Names of files below the hosts' folders that hold a line of `pattern`, which is a file's path.
std::string files_with(ThreeHosts& hosts, const std::string& pattern,
                       const std::vector<std::string>& options = {}) {
  std::vector<std::string> argv{"/usr/bin/grep", "-rlF", "-f", pattern, hosts.folder()};
  argv.insert(argv.end(), options.begin(), options.end());
  return trim(hosts.on("a", argv).out);
}

// Also in no list of processes, in no environment.
void expect_in_no_process(ThreeHosts& hosts, const std::string& secret) {
  for (const char* host : {"a", "b", "c"}) {
    for (const int pid : hosts.processes(host)) {
      for (const char* name : {"cmdline", "environ"}) {
        const auto text = hosts.files().read(fmt::format("/proc/{}/{}", pid, name));
        EXPECT_EQ(text.value_or("").find(secret), std::string::npos) << pid << " " << name;
      }
    }
  }
}

// safety.md S15, on a fleet that is alive: the password is in its owner's file, its verifier in the
// servers' own data, and neither is anywhere else.
void expect_no_secret_in_clear(ThreeHosts& hosts) {
  const std::string kept = hosts.state("a") + "/secrets/orders/shop_app";
  const auto secret = hosts.files().read(kept);
  ASSERT_TRUE(secret);
  EXPECT_EQ(files_with(hosts, kept), kept);
  expect_in_no_process(hosts, *secret);

  const std::string verifier =
      hosts.sql("b", "select rolpassword from pg_authid where rolname = 'shop_app'");
  ASSERT_TRUE(starts_with(verifier, "SCRAM-SHA-256$")) << verifier;
  const std::string pattern = hosts.folder() + "/verifier";
  ASSERT_TRUE(hosts.files().write(pattern, verifier));
  EXPECT_EQ(files_with(hosts, pattern, {"--exclude-dir=data"}), pattern);
  expect_in_no_process(hosts, verifier);
  ASSERT_TRUE(hosts.files().remove(pattern));
  // It can be found: the store has it sealed.
  ASSERT_TRUE(hosts.files().write(pattern, "sealed:"));
  EXPECT_NE(files_with(hosts, pattern).find("store.sqlite"), std::string::npos);
  ASSERT_TRUE(hosts.files().remove(pattern));
}

// What a machine that knows nothing yet is told; x, y and z are its state folders.
void expect_tokens_to_work_once(ThreeHosts& hosts) {
  const Ran minted = hosts.weir("a", {"token", "--host", "c"});
  ASSERT_EQ(minted.status, 0) << minted.err;
  const std::vector<std::string> join{"join", "-", "--store", "198.18.0.1:7400", "--host", "c"};
  auto forged = access::token_from(trim(minted.out));
  ASSERT_TRUE(forged);
  forged->ca = std::string(64, '0');
  const Ran between = hosts.weir_anew("c", "x", join, access::word_of(*forged));
  EXPECT_EQ(between.status, 1) << between.err;
  EXPECT_NE(between.err.find("is not the one that the token names"), std::string::npos)
      << between.err;
  EXPECT_FALSE(hosts.files().exists(hosts.folder() + "/x/s/trio/hosts/c/identity/ca.crt"));

  // A joined machine does not change its fleet either.
  const Ran changed = hosts.weir("c", join, access::word_of(*forged));
  EXPECT_EQ(changed.status, 4) << changed.err;
  EXPECT_NE(changed.err.find("another fleet that is also called trio"), std::string::npos)
      << changed.err;

  const Ran first = hosts.weir_anew("c", "y", join, minted.out);
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(hosts.weir_anew("c", "y", join, minted.out).status, 0) << "again is no harm";
  const Ran second = hosts.weir_anew("c", "z", join, minted.out);
  EXPECT_EQ(second.status, 1) << second.err;
  EXPECT_NE(second.err.find("the token was used before"), std::string::npos) << second.err;
  EXPECT_NE(second.err.find("hint: weir token --host c"), std::string::npos) << second.err;
}

// A reference is resolved where it is used, so the plan asks there.
void expect_a_missing_reference_is_named(ThreeHosts& hosts) {
  std::string text = hosts.files().read(hosts.file()).value_or("");
  const std::size_t at = text.find("generated");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 9, "file:/nowhere/password");
  const std::string other = hosts.folder() + "/other.yaml";
  ASSERT_TRUE(hosts.files().write(other, text));
  const Ran plan = hosts.weir("a", {"plan", "-f", other});
  for (const char* host : {"a", "b", "c"}) {
    EXPECT_NE(plan.out.find(fmt::format("host {} lacks file:/nowhere/password", host)),
              std::string::npos)
        << plan.out << plan.err;
  }
}

TEST(Hosts, ThreeMachinesJoinAndACutLinkLosesNothing) {
  ThreeHosts hosts;
  ASSERT_NO_FATAL_FAILURE(hosts.join_all());
  ASSERT_NO_FATAL_FAILURE(hosts.apply());
  ASSERT_NO_FATAL_FAILURE(hosts.await_healthy());
  ASSERT_EQ(hosts.leader(), "b");
  expect_only_own_files(hosts);
  ASSERT_NO_FATAL_FAILURE(expect_refusals(hosts));
  ASSERT_NO_FATAL_FAILURE(expect_tokens_to_work_once(hosts));
  ASSERT_NO_FATAL_FAILURE(expect_a_missing_reference_is_named(hosts));
  const auto hba =
      hosts.files().read(hosts.state("b") + "/hosts/b/members/orders-b/conf/pg_hba.conf");
  ASSERT_TRUE(hba);
  for (const char* host : {"a", "b", "c"}) {
    EXPECT_NE(hba->find(fmt::format("weir_replication {}/32 cert", hosts.address(host))),
              std::string::npos)
        << *hba;
  }

  ASSERT_EQ(hosts.sql("b", "set role shop_owner; create table kept(n int primary key)"), "");
  Acknowledged acknowledged;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(acknowledged.write(hosts));
  ASSERT_NO_FATAL_FAILURE(expect_no_secret_in_clear(hosts));
  hosts.link("b", false);
  EXPECT_TRUE(poll_until(hosts.clock(), hosts.clock().within(60s), 50ms,
                         [&] { return acknowledged.write(hosts); }));
  const std::string leader = hosts.leader();
  EXPECT_TRUE(leader == "a" || leader == "c") << leader;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(acknowledged.write(hosts));
  // What is cut off acknowledges nothing: nobody is there to confirm it.
  const std::string alone =
      hosts.sql("b", "set statement_timeout = '2s'; insert into kept values (-1)");
  EXPECT_NE(alone, "") << "a commit was acknowledged by one that is cut off";

  hosts.link("b", true);
  ASSERT_NO_FATAL_FAILURE(hosts.await_healthy());
  EXPECT_EQ(hosts.leader(), leader);
  EXPECT_EQ(acknowledged.lost(hosts), 0);

  // A whole machine dies and comes back.
  hosts.kill_host("b");
  EXPECT_TRUE(acknowledged.write(hosts));
  hosts.start("b", {"agent"});
  ASSERT_NO_FATAL_FAILURE(hosts.await_healthy());
  EXPECT_EQ(acknowledged.lost(hosts), 0);
}

}  // namespace
}  // namespace weir::test
