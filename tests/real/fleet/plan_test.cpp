// What `plan` finds and `apply` does, on real servers: saved plans, targets, drift, and all that
// goes: a database, a member, a leader, a whole service. Nothing that goes is lost.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "base/text.h"
#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

struct Declared {
  std::string members = "a, b, c";
  std::string params = "{max_connections: 60}";
  std::string databases = "{shop: {owner: shop_owner}}";
  std::string grants =
      "[{on: shop.public, tables: [select, insert, update, delete], sequences: [usage]}]";
};

void declare(LiveFleet& fleet, const Declared& declared) {
  std::string text = "fleet: live\nhosts:\n";
  for (const char* host : {"a", "b", "c"}) {
    text += fmt::format("  {}: {{address: {}}}\n", host, fleet.address(host));
  }
  if (declared.members.empty()) {
    fleet.write_text(text + "services: {}\n");
    return;
  }
  text += fmt::format(
      "services:\n  orders:\n    engine: postgres\n    members: [{}]\n    sync: 1\n"
      "    durability: required\n    objective: {{availability: 99.95%, rpo: 0s, rto: 30s}}\n"
      "    params: {}\n    databases: {}\n    roles:\n      shop_owner: {{}}\n"
      "      shop_app: {{login: true, password: generated, grants: {}}}\n",
      declared.members, declared.params, declared.databases, declared.grants);
  fleet.write_text(text);
}

// `weir plan` with its exit code: 0 nothing, 2 something.
Ran plan(LiveFleet& fleet, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"plan", "-f", fleet.file(), "--detailed-exitcode"};
  words.insert(words.end(), more.begin(), more.end());
  return fleet.weir(words);
}

Ran apply(LiveFleet& fleet, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"apply", "-f", fleet.file(), "--yes"};
  words.insert(words.end(), more.begin(), more.end());
  return fleet.weir(words, 400s);
}

void expect_nothing_to_do(LiveFleet& fleet) {
  const Ran ran = plan(fleet);
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
}

std::vector<std::string> finals(LiveFleet& fleet) {
  return fleet.files().list(fleet.folder() + "/s/live/final").value_or(std::vector<std::string>{});
}

bool kept(LiveFleet& fleet, const std::string& begins) {
  const auto names = finals(fleet);
  return std::ranges::any_of(names, [&](const std::string& name) {
    const std::string path = fleet.folder() + "/s/live/final/" + name + "/PG_VERSION";
    return starts_with(name, begins) && fleet.files().exists(path);
  });
}

// Agents that are frozen mend nothing, so that what drifted stays to be seen.
class Frozen {
 public:
  explicit Frozen(LiveFleet& fleet) {
    for (const char* host : {"a", "b", "c"}) pids_.push_back(fleet.agent(host));
    for (const int pid : pids_) kill(pid, SIGSTOP);
  }
  ~Frozen() {
    for (const int pid : pids_) kill(pid, SIGCONT);
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  std::vector<int> pids_;
};

TEST(FleetPlan, SavedTargetedDriftedAndMended) {
  LiveFleet fleet;
  declare(fleet, {});
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  expect_nothing_to_do(fleet);

  // Nobody is there to say yes; nothing is done.
  declare(fleet, {.params = "{max_connections: 60, work_mem: 8MB, log_statement: ddl}"});
  const Ran unasked = fleet.weir({"apply", "-f", fleet.file()});
  EXPECT_EQ(unasked.status, 4) << unasked.err;
  EXPECT_NE(unasked.err.find("--yes"), std::string::npos) << unasked.err;
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "4MB");

  const std::string saved = fleet.folder() + "/saved.plan";
  const Ran told = plan(fleet, {"-out", saved});
  EXPECT_EQ(told.status, 2) << told.err;
  EXPECT_NE(told.out.find("work_mem (reload)"), std::string::npos) << told.out;
  EXPECT_EQ(fleet.files().read(saved).value_or("SCRAM").find("SCRAM"), std::string::npos);
  const Ran one = apply(fleet, {"-target", "orders/param/log_statement"});
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(fleet.sql("a", "show log_statement"), "ddl");
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "4MB") << "it was not asked for";
  const Ran stale = fleet.weir({"apply", saved});
  EXPECT_EQ(stale.status, 4) << stale.err;
  EXPECT_NE(stale.err.find("service orders"), std::string::npos) << stale.err;
  const Ran misspelt = plan(fleet, {"-target", "orders/param/work_men"});
  EXPECT_EQ(misspelt.status, 1);
  EXPECT_NE(misspelt.err.find("did you mean `orders/param/work_mem`"), std::string::npos)
      << misspelt.err;
  EXPECT_EQ(plan(fleet, {"--out", saved}).status, 2);
  const Ran done = fleet.weir({"apply", saved});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "8MB");

  {
    const Frozen frozen(fleet);
    EXPECT_EQ(fleet.sql("a", "alter system set work_mem = '1MB'"), "");
    EXPECT_EQ(fleet.sql("a", "alter system set log_min_duration_statement = '5s'"), "");
    EXPECT_EQ(fleet.sql("a", "select pg_reload_conf()"), "t");
    EXPECT_EQ(fleet.sql("a", "alter role shop_app nologin"), "");
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(30s), 50ms,
                           [&] { return fleet.sql("a", "show work_mem") == "1MB"; }));
    const Ran drift = plan(fleet);
    EXPECT_EQ(drift.status, 2) << drift.err;
    EXPECT_NE(drift.out.find("changed outside weir"), std::string::npos) << drift.out;
    for (const char* address : {"orders/param/work_mem", "orders/role/shop_app",
                                "orders/param/log_min_duration_statement"}) {
      EXPECT_NE(drift.out.find(address), std::string::npos) << address << "\n" << drift.out;
    }
  }
  const Ran mended = apply(fleet);
  ASSERT_EQ(mended.status, 0) << mended.err;
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "8MB");
  EXPECT_EQ(fleet.sql("a", "show log_min_duration_statement"), "-1");
  EXPECT_EQ(fleet.sql("a", "select rolcanlogin from pg_roles where rolname = 'shop_app'"), "t");
  expect_nothing_to_do(fleet);

  // With the store away nothing is known, which is said; what runs goes on, and later so do we.
  const int server = fleet.postmaster("a");
  const int store = fleet.process("store");
  ASSERT_GT(store, 0);
  declare(fleet, {.params = "{max_connections: 60, work_mem: 16MB}"});
  kill(store, SIGSTOP);
  for (const char* verb : {"plan", "apply", "up"}) {
    const Ran away = fleet.weir({verb, "-f", fleet.file()});
    EXPECT_EQ(away.status, 1) << verb << away.err;
    EXPECT_NE(away.err.find("the store at"), std::string::npos) << verb << away.err;
    EXPECT_EQ(away.out.find("No changes"), std::string::npos) << verb << away.out;
  }
  kill(store, SIGCONT);
  const int cut = fleet.start_weir({"apply", "-f", fleet.file(), "--yes"});
  fleet.clock().sleep_for(400ms);
  kill(store, SIGSTOP);
  fleet.clock().sleep_for(3s);
  kill(store, SIGCONT);
  EXPECT_GE(fleet.wait_for(cut, 120s), 0);
  ASSERT_EQ(apply(fleet).status, 0);
  EXPECT_EQ(fleet.sql("a", "show work_mem"), "16MB");
  EXPECT_EQ(fleet.postmaster("a"), server);
  EXPECT_EQ(fleet.leader(), "a");
}

TEST(FleetPlan, WhatGoesIsAskedForByNameAndKept) {
  LiveFleet fleet;
  declare(fleet, {});
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  EXPECT_EQ(fleet.sql("a", "set role shop_owner; create table t as select 7 as n"), "");

  // A database: --yes alone destroys no data, and its last state is kept.
  declare(fleet, {.databases = "{}", .grants = "[]"});
  const Ran refused = apply(fleet);
  EXPECT_EQ(refused.status, 4) << refused.err;
  EXPECT_NE(refused.err.find("--destroy-data orders/database/shop"), std::string::npos)
      << refused.err;
  EXPECT_EQ(fleet.sql("a", "select n from t"), "7");
  const Ran up = fleet.weir({"up", "-f", fleet.file()});
  EXPECT_EQ(up.status, 4) << up.err;
  const Ran database = apply(fleet, {"--destroy-data", "orders/database/shop"});
  ASSERT_EQ(database.status, 0) << database.err;
  const std::string name = fleet.sql(
      "a", "select datname from pg_database where datname like 'weir_final_%'", "postgres");
  EXPECT_EQ(fleet.sql("a", "select n from t", name), "7") << name;
  EXPECT_EQ(fleet.sql("a", "select count(*) from pg_database where datname = 'shop'", "postgres"),
            "0");

  // A member, and then the leader itself: another leads before it goes.
  declare(fleet, {.members = "a, b", .databases = "{}", .grants = "[]"});
  EXPECT_EQ(apply(fleet).status, 4);
  // While its agent is frozen it cannot leave, and the apply waits; a second one is told so.
  const int frozen = fleet.agent("c");
  kill(frozen, SIGSTOP);
  const int first =
      fleet.start_weir({"apply", "-f", fleet.file(), "--yes", "--destroy-data", "orders/member/c"});
  // Once it holds the claim; before, the second might be first.
  const std::string pid = "weir apply, pid " + std::to_string(first);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(40s), 100ms, [&] {
    return fleet.weir({"describe", "orders"}).out.find(pid) != std::string::npos;
  }));
  const Ran second = apply(fleet);
  EXPECT_EQ(second.status, 5) << second.err;
  for (const std::string& part : {pid, std::string("since"), std::string("for at most")}) {
    EXPECT_NE(second.err.find(part), std::string::npos) << second.err;
  }
  kill(frozen, SIGCONT);
  EXPECT_EQ(fleet.wait_for(first, 200s), 0);
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(60s), 100ms,
                         [&] { return fleet.postmaster("c") == 0; }));
  EXPECT_EQ(fleet.postmaster("c"), 0);
  EXPECT_TRUE(kept(fleet, "orders-c-"));
  EXPECT_FALSE(fleet.files().exists(fleet.member_folder("c")));
  EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(60s), 200ms, [&] {
    return fleet.sql("a", "select count(*) from pg_replication_slots", "postgres") == "1";
  })) << fleet.sql("a", "select slot_name from pg_replication_slots", "postgres");
  expect_nothing_to_do(fleet);

  declare(fleet, {.databases = "{}", .grants = "[]"});
  const Ran back = apply(fleet);
  ASSERT_EQ(back.status, 0) << back.err;
  EXPECT_EQ(fleet.sql("c", "select n from t", name), "7");

  declare(fleet, {.members = "b, c", .databases = "{}", .grants = "[]"});
  ASSERT_EQ(fleet.leader(), "a");
  const Ran leader = apply(fleet, {"--destroy-data", "orders/member/a"});
  ASSERT_EQ(leader.status, 0) << leader.err;
  EXPECT_NE(fleet.leader(), "a");
  EXPECT_EQ(fleet.postmaster("a"), 0);
  EXPECT_TRUE(kept(fleet, "orders-a-"));
  EXPECT_EQ(fleet.sql(fleet.leader(), "select n from t", name), "7");

  // All of it.
  declare(fleet, {.members = ""});
  const Ran service = apply(fleet, {"--destroy-data", "orders"});
  ASSERT_EQ(service.status, 0) << service.err;
  EXPECT_TRUE(kept(fleet, "orders-2"));
  for (const char* host : {"a", "b", "c"}) {
    EXPECT_EQ(fleet.postmaster(host), 0) << host;
    EXPECT_FALSE(fleet.files().exists(fleet.member_folder(host))) << host;
  }
  expect_nothing_to_do(fleet);

  // What has left is forgotten: a service of its name is a new one.
  declare(fleet, {});
  const Ran anew = apply(fleet);
  ASSERT_EQ(anew.status, 0) << anew.err;
  EXPECT_EQ(fleet.sql("a", "select count(*) from pg_tables where tablename = 't'"), "0");

  const Ran unnamed = fleet.weir({"down", "--destroy", "--yes"});
  EXPECT_EQ(unnamed.status, 4) << unnamed.err;
  const Ran down = fleet.weir({"down", "--destroy", "--destroy-data", "live"});
  EXPECT_EQ(down.status, 0) << down.err;
  EXPECT_EQ(fleet.files().list(fleet.folder() + "/s/live").value_or(std::vector<std::string>{}),
            std::vector<std::string>{"final"});
  EXPECT_EQ(finals(fleet).size(), 4U);
}

TEST(FleetPlan, DownKeepsAFinalCopyOfEachService) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  const Ran down = fleet.weir({"down", "--destroy", "--destroy-data", "live"});
  EXPECT_EQ(down.status, 0) << down.err;
  EXPECT_TRUE(kept(fleet, "orders-2"));
  EXPECT_FALSE(fleet.files().exists(fleet.host_folder("a")));
}

}  // namespace
}  // namespace weir::test
