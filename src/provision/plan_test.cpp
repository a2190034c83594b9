// What `weir plan` says, from a declared service and what was found.
#include <gtest/gtest.h>

#include "provision/provision.h"

namespace weir::provision {
namespace {

using Pair = std::pair<std::string, std::string>;

Member member(const char* name, const char* address) {
  return {ServiceName("orders"), MemberName(name), HostName(name), address, 5432};
}

Resource param(const char* name, const char* value) { return {"param", name, {{"value", value}}}; }

Service orders() {
  Service service;
  service.name = ServiceName("orders");
  service.engine = "postgres";
  service.members = {member("a", "10.0.0.1"), member("b", "10.0.0.2"), member("c", "10.0.0.3")};
  service.sync = 1;
  service.objective.rto = 5s;
  service.resources = {
      {"database", "shop", {{"owner", "shop_owner"}}},
      param("max_connections", "200"),
      param("work_mem", "4MB"),
      {"role", "shop_app", {{"login", "true"}, {"password", "file:/secrets/shop_app"}}},
  };
  return service;
}

const std::vector<engine::Attribute> kTable = {
    {"param", "max_connections", "restart", "number"},
    {"param", "work_mem", "reload", "bytes"},
};

// What a healthy leader answers: as declared, in Postgres's own words, with a verifier.
std::vector<Resource> there() {
  std::vector<Resource> present = orders().resources;
  present[2] = param("work_mem", "4096kB");
  present[3].attributes["password"] = "SCRAM-SHA-256$there";
  return present;
}

// The declared resources as the CLI plans them: references have been taken for what is there.
Service as_planned() {
  Service service = orders();
  service.resources[3].attributes["password"] = "SCRAM-SHA-256$there";
  return service;
}

Found found(const Service& known) {
  Found out;
  out.known = &known;
  out.present = there();
  for (const Member& each : known.members) out.members.push_back({each.name, Reach::serving, {}});
  return out;
}

PlanReport plan(const Service& wanted, const Found& seen) {
  PlanReport report;
  plan_service(wanted, seen, kTable, report);
  return report;
}

const PlannedChange* find(const PlanReport& report, const std::string& address) {
  for (const PlannedChange& change : report.changes) {
    if (change.address == address) return &change;
  }
  return nullptr;
}

std::vector<std::string> addresses(const PlanReport& report) {
  std::vector<std::string> out;
  for (const PlannedChange& change : report.changes) {
    out.push_back(change.action + " " + change.address);
  }
  return out;
}

TEST(Plan, ANewServiceIsCreatedWithAllThatIsInIt) {
  const PlanReport report = plan(orders(), {});
  EXPECT_EQ(
      addresses(report),
      (std::vector<std::string>{"create orders", "create orders/member/a", "create orders/member/b",
                                "create orders/member/c", "create orders/database/shop",
                                "create orders/param/max_connections",
                                "create orders/param/work_mem", "create orders/role/shop_app"}));
  EXPECT_EQ(find(report, "orders")->attributes.at("engine"), Pair("", "postgres"));
  EXPECT_EQ(find(report, "orders")->attributes.at("sync"), Pair("", "1"));
  EXPECT_EQ(find(report, "orders/member/b")->attributes.at("address"), Pair("", "10.0.0.2:5432"));
  EXPECT_EQ(report.count("create"), 8);
  EXPECT_TRUE(report.warnings.empty());
}

TEST(Plan, NothingChangesWhereAllIsAsDeclared) {
  const Service known = as_planned();
  const PlanReport report = plan(as_planned(), found(known));
  EXPECT_EQ(addresses(report), std::vector<std::string>{});
  EXPECT_TRUE(report.warnings.empty());
}

TEST(Plan, AParameterCarriesWhatItsChangeDoes) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.resources[1] = param("max_connections", "300");
  wanted.resources[2] = param("work_mem", "8MB");
  const PlanReport report = plan(wanted, found(known));
  ASSERT_EQ(addresses(report), (std::vector<std::string>{"update orders/param/max_connections",
                                                         "update orders/param/work_mem"}));
  EXPECT_EQ(report.changes[0].effect, "restart");
  EXPECT_EQ(report.changes[0].attributes.at("value"), Pair("200", "300"));
  EXPECT_NE(report.changes[0].reason.find("restarts"), std::string::npos);
  EXPECT_EQ(report.changes[1].effect, "reload");
  EXPECT_EQ(report.changes[1].attributes.at("value"), Pair("4096kB", "8MB"));
}

TEST(Plan, ResourcesComeAndGo) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.resources.erase(wanted.resources.begin());  // database shop
  wanted.resources.push_back({"role", "shop_reader", {{"login", "true"}}});
  const PlanReport report = plan(wanted, found(known));
  EXPECT_EQ(addresses(report), (std::vector<std::string>{"create orders/role/shop_reader",
                                                         "delete orders/database/shop"}));
  EXPECT_EQ(find(report, "orders/database/shop")->attributes.at("owner"), Pair("shop_owner", ""));
}

TEST(Plan, AParameterThatTheFileGivesUpGoesBackToItsDefault) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.resources.erase(wanted.resources.begin() + 1);  // max_connections
  Found seen = found(known);
  std::erase_if(*seen.present, [](const Resource& r) { return r.name == "max_connections"; });
  const PlanReport report = plan(wanted, seen);
  ASSERT_EQ(addresses(report), std::vector<std::string>{"delete orders/param/max_connections"});
  EXPECT_EQ(report.changes[0].effect, "restart");
  EXPECT_EQ(report.changes[0].attributes.at("value"), Pair("200", ""));
}

TEST(Plan, OnlyTheAttributesThatDifferAreShown) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.resources[3].attributes["login"] = "false";
  const PlanReport report = plan(wanted, found(known));
  ASSERT_EQ(addresses(report), std::vector<std::string>{"update orders/role/shop_app"});
  EXPECT_EQ(report.changes[0].attributes.at("login"), Pair("true", "false"));
  wanted = as_planned();
  wanted.resources[0].attributes = {{"owner", "other"}};
  EXPECT_EQ(plan(wanted, found(known)).changes[0].attributes,
            (std::map<std::string, Pair>{{"owner", {"shop_owner", "other"}}}));
}

TEST(Plan, MembersComeAndGoAndMove) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.members = {member("a", "10.0.0.1"), member("b", "10.0.0.9"), member("d", "10.0.0.4")};
  const PlanReport report = plan(wanted, found(known));
  EXPECT_EQ(addresses(report),
            (std::vector<std::string>{"replace orders/member/b", "create orders/member/d",
                                      "delete orders/member/c"}));
  EXPECT_EQ(find(report, "orders/member/b")->attributes.at("address"),
            Pair("10.0.0.2:5432", "10.0.0.9:5432"));
  EXPECT_NE(find(report, "orders/member/b")->reason.find("cannot change"), std::string::npos);
}

TEST(Plan, SyncAndObjectiveAreChangesOfTheService) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.sync = 2;
  PlanReport report = plan(wanted, found(known));
  ASSERT_EQ(addresses(report), std::vector<std::string>{"update orders"});
  EXPECT_EQ(report.changes[0].attributes.at("sync"), Pair("1", "2"));
  wanted = as_planned();
  wanted.objective.rto = 2s;
  report = plan(wanted, found(known));
  ASSERT_EQ(addresses(report), std::vector<std::string>{"update orders"});
  EXPECT_EQ(report.changes[0].reason, "the objective is measured from now on");
}

TEST(Plan, WhatCannotBeAskedIsUnknownAndNeverAbsent) {
  const Service known = as_planned();
  Found seen = found(known);
  seen.present.reset();
  seen.members[0].reach = Reach::refused;
  seen.members[2].reach = Reach::unknown;
  const PlanReport report = plan(as_planned(), seen);
  EXPECT_EQ(addresses(report),
            (std::vector<std::string>{"unknown orders/member/a", "unknown orders/member/c",
                                      "unknown orders"}));
  EXPECT_TRUE(report.has_changes());
  EXPECT_NE(find(report, "orders/member/a")->reason.find("refused"), std::string::npos);
  EXPECT_NE(show(report).find("3 unknown."), std::string::npos) << show(report);
}

TEST(Plan, DataThatIsOursAndNotInTheStoreIsAdoptedAndNeverMadeAnew) {
  Found seen;
  seen.members = {{MemberName("a"), Reach::unknown, Incarnation("ia")},
                  {MemberName("b"), Reach::unknown, {}}};
  const PlanReport fresh = plan(orders(), seen);
  EXPECT_EQ(find(fresh, "orders/member/a")->action, "adopt");
  EXPECT_EQ(find(fresh, "orders/member/b")->action, "create");
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.members.push_back(member("d", "10.0.0.4"));
  seen = found(known);
  seen.members.push_back({MemberName("d"), Reach::unknown, Incarnation("id")});
  EXPECT_EQ(addresses(plan(wanted, seen)), std::vector<std::string>{"adopt orders/member/d"});
}

TEST(Plan, AServiceThatIsGoneFromTheFileIsDestroyedWithItsMembers) {
  PlanReport report;
  plan_gone(orders(), report);
  EXPECT_EQ(addresses(report),
            (std::vector<std::string>{"delete orders", "delete orders/member/a",
                                      "delete orders/member/b", "delete orders/member/c"}));
  EXPECT_NE(report.changes[0].reason.find("final copy"), std::string::npos);
}

TEST(Plan, DriftIsWhatIsNotAsItWasLastApplied) {
  const Service known = as_planned();
  Found seen = found(known);
  EXPECT_TRUE(plan(as_planned(), seen).drift.empty());
  seen.present->at(1) = param("max_connections", "80");  // by hand
  seen.present->push_back(param("fsync", "off"));        // ALTER SYSTEM
  std::erase_if(*seen.present, [](const Resource& r) { return r.kind == "database"; });
  const PlanReport report = plan(as_planned(), seen);
  ASSERT_EQ(report.drift.size(), 3U);
  EXPECT_EQ(report.drift[0].address, "orders/param/max_connections");
  EXPECT_EQ(report.drift[0].attributes.at("value"), Pair("200", "80"));
  EXPECT_EQ(report.drift[1].address, "orders/database/shop");
  EXPECT_EQ(report.drift[1].action, "delete");
  EXPECT_EQ(report.drift[1].attributes.at("owner"), Pair("shop_owner", ""));
  EXPECT_EQ(report.drift[2].address, "orders/param/fsync");
  EXPECT_EQ(report.drift[2].action, "create");
  EXPECT_EQ(report.drift[2].attributes.at("value"), Pair("", "off"));
  // And applying mends each of them.
  EXPECT_EQ(addresses(report),
            (std::vector<std::string>{"update orders/param/max_connections",
                                      "create orders/database/shop", "delete orders/param/fsync"}));
  EXPECT_NE(show(report).find("changed outside weir"), std::string::npos);
}

TEST(Plan, WhatTheFileChangesIsNoDrift) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.resources[1] = param("max_connections", "300");
  const PlanReport report = plan(wanted, found(known));
  EXPECT_EQ(report.changes.size(), 1U);
  EXPECT_TRUE(report.drift.empty());
}

TEST(Plan, PasswordsAreNeverShown) {
  const Service known = as_planned();
  Service wanted = as_planned();
  wanted.resources[3].attributes["password"] = "SCRAM-SHA-256$wanted";
  wanted.resources.push_back({"role", "fresh", {{"password", "SCRAM-SHA-256$fresh"}}});
  Found seen = found(known);
  seen.present->push_back({"role", "gone", {{"password", "SCRAM-SHA-256$gone"}}});
  for (const PlanReport& report : {plan(wanted, seen), plan(wanted, {})}) {
    const std::string told = show(report) + to_json(report).dump();
    EXPECT_EQ(told.find("SCRAM"), std::string::npos) << told;
    EXPECT_NE(told.find("(secret)"), std::string::npos) << told;
  }
  const PlanReport report = plan(wanted, seen);
  ASSERT_NE(find(report, "orders/role/shop_app"), nullptr) << "a changed password is a change";
  EXPECT_EQ(find(report, "orders/role/shop_app")->attributes.at("password"),
            Pair("(secret)", "(secret)"));
}

}  // namespace
}  // namespace weir::provision
