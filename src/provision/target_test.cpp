// Parts of a plan, and the way from what is written to what is wanted.
#include <gtest/gtest.h>

#include "provision/provision.h"

namespace weir::provision {
namespace {

using Names = std::vector<std::string>;

Member member(const char* name, const char* address = "10.0.0.1") {
  return {ServiceName("orders"), MemberName(name), HostName(name), address, 5432};
}

Service orders(const std::vector<Member>& members) {
  Service service;
  service.name = ServiceName("orders");
  service.engine = "postgres";
  service.members = members;
  service.sync = 1;
  return service;
}

Service abc() { return orders({member("a"), member("b"), member("c")}); }

Names names(const std::vector<Member>& members) {
  Names out;
  for (const Member& m : members) out.push_back(m.name.text);
  return out;
}

// Applies `wanted` as the CLI does, with agents that let leave whoever is to leave.
std::vector<Service> way(const Service& wanted, Service known, const char* leader = "a") {
  std::vector<Service> out;
  for (int i = 0; i < 20; ++i) {
    const Service next = next_desired(wanted, &known, MemberName(leader), true);
    if (next == known) return out;
    out.push_back(next);
    known = next;
    known.leaving.clear();
  }
  ADD_FAILURE() << "it never arrives";
  return out;
}

TEST(NextDesired, WhatIsNewIsWrittenAtOnce) {
  EXPECT_EQ(next_desired(abc(), nullptr, {}, true), abc());
  EXPECT_TRUE(way(abc(), abc()).empty());
}

TEST(NextDesired, AMemberThatGoesLeavesFirst) {
  const auto steps = way(orders({member("a"), member("b")}), abc());
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(names(steps[0].members), (Names{"a", "b"}));
  EXPECT_EQ(names(steps[0].leaving), Names{"c"});
  // While it leaves the same is wanted, and nothing is written anew.
  EXPECT_EQ(next_desired(orders({member("a"), member("b")}), &steps[0], MemberName("a"), true),
            steps[0]);
}

TEST(NextDesired, OneThatIsDeclaredAgainWhileItLeavesWaitsUntilItHasLeft) {
  Service known = orders({member("a"), member("b")});
  known.leaving = {member("c")};
  const Service next = next_desired(abc(), &known, MemberName("a"), true);
  EXPECT_EQ(names(next.members), (Names{"a", "b"}));
  EXPECT_EQ(names(next.leaving), Names{"c"});
}

TEST(NextDesired, MovedMembersAreReplacedOneAtATimeAndTheLeaderLast) {
  const Service moved =
      orders({member("a", "10.0.0.9"), member("b", "10.0.0.9"), member("c", "10.0.0.9")});
  const auto steps = way(moved, abc());
  Names left;
  for (const Service& step : steps) {
    ASSERT_LE(step.leaving.size(), 1U);
    EXPECT_GE(step.members.size(), 2U);
    if (!step.leaving.empty()) left.push_back(step.leaving[0].name.text);
  }
  EXPECT_EQ(left, (Names{"b", "c", "a"}));
  EXPECT_EQ(steps.back(), moved);
}

TEST(NextDesired, AServiceThatLeavesIsGoneBeforeItsNameIsUsedAnew) {
  const Service leaving = all_leaving(abc(), false);
  EXPECT_TRUE(leaving.leaves());
  EXPECT_FALSE(leaving.final_copies);
  EXPECT_EQ(names(leaving.leaving), (Names{"a", "b", "c"}));
  EXPECT_EQ(next_desired(abc(), &leaving, MemberName("a"), true), leaving);
}

TEST(NextDesired, CopiesAreKeptUnlessItIsSaidForThisTime) {
  const Service fewer = orders({member("a"), member("b")});
  const Service abcs = abc();
  const Service next = next_desired(fewer, &abcs, MemberName("a"), false);
  EXPECT_FALSE(next.final_copies);
  Service left = next;
  left.leaving.clear();
  EXPECT_TRUE(next_desired(fewer, &left, MemberName("a"), false).final_copies);
}

Service with(const std::vector<Resource>& resources) {
  Service out = abc();
  out.resources = resources;
  return out;
}

const Resource kOwner{"role", "owner", {{"login", "false"}}};
const Resource kApp{"role", "app", {{"login", "true"}}};
const Resource kShop{"database", "shop", {{"owner", "owner"}}};
const Resource kGrant{"grant", "app on shop.public", {{"role", "app"}, {"database", "shop"}}};
const Resource kMemory{"param", "work_mem", {{"value", "8MB"}}};

TEST(Targeted, TakesWhatIsNamedAndLeavesTheRest) {
  const Service wanted = with({kShop, kMemory, kApp, kOwner});
  const Service known = with({{"param", "work_mem", {{"value", "4MB"}}}, kApp});
  EXPECT_EQ(targeted(wanted, known, {"orders/param/work_mem"}), with({kMemory, kApp}));
  EXPECT_EQ(targeted(wanted, known, {"orders"}), wanted);
  EXPECT_EQ(targeted(wanted, known, {"orders/role/nobody"}), known);
}

TEST(Targeted, BringsAlongWhatItCannotBeWithout) {
  const Service wanted = with({kShop, kGrant, kMemory, kApp, kOwner});
  EXPECT_EQ(targeted(wanted, with({}), {"orders/grant/app on shop.public"}),
            with({kShop, kGrant, kApp, kOwner}));
  EXPECT_EQ(targeted(wanted, with({}), {"orders/database/shop"}), with({kShop, kOwner}));
}

TEST(Targeted, WhatTheFileNoLongerNamesGoesWhenItIsNamed) {
  Service wanted = orders({member("a"), member("b")});
  Service known = with({kApp});
  EXPECT_EQ(targeted(wanted, known, {"orders/role/app"}), abc());
  EXPECT_EQ(names(targeted(wanted, known, {"orders/member/c"}).members), (Names{"a", "b"}));
  EXPECT_EQ(targeted(wanted, known, {"orders/member/c"}).resources, known.resources);
}

TEST(Destroyed, IsDataAndOnlyTheOutermostIsNamed) {
  PlanReport report;
  report.changes = {{"orders/role/app", "delete", "", "", {}},
                    {"orders/member/c", "delete", "", "", {}},
                    {"orders/member/b", "replace", "", "", {}},
                    {"orders/database/shop", "delete", "", "", {}},
                    {"orders/database/new", "create", "", "", {}},
                    {"orders/member/d", "delete", "", "", {}, true},
                    {"billing", "delete", "", "", {}},
                    {"billing/member/a", "delete", "", "", {}}};
  const Names destroyed = destroyed_by(report);
  EXPECT_EQ(destroyed,
            (Names{"orders/member/c", "orders/member/b", "orders/database/shop", "billing"}));
  EXPECT_EQ(not_allowed(destroyed, {}), destroyed);
  EXPECT_EQ(not_allowed(destroyed, {"orders"}), Names{"billing"});
  EXPECT_EQ(not_allowed(destroyed, {"orders/member/c", "billing"}),
            (Names{"orders/member/b", "orders/database/shop"}));
  EXPECT_EQ(not_allowed(destroyed, {"order"}), destroyed);
}

}  // namespace
}  // namespace weir::provision
