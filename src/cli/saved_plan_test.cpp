// The plan file: what it keeps, and when it is stale.
#include "cli/saved_plan.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

SavedPlan plan() {
  SavedPlan out;
  out.fleet.name = FleetName("quickstart");
  out.fleet.hosts = {{HostName("a"), "10.0.0.1"}};
  Service service;
  service.name = ServiceName("orders");
  service.engine = "postgres";
  service.members = {{service.name, MemberName("a"), HostName("a"), "10.0.0.1", 5432}};
  service.resources = {{"role", "app", {{"login", "true"}, {"password", "env:APP"}}}};
  out.fleet.services = {service};
  out.targets = {"orders/role/app"};
  out.revisions = {{ServiceName("orders"), 12}, {ServiceName("old"), 3}};
  return out;
}

TEST(SavedPlan, ComesBackAsItWas) {
  const auto again = saved_plan_from(to_json(plan()));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(*again, plan());
}

TEST(SavedPlan, WhatIsNoneIsRefused) {
  Json other = to_json(plan());
  EXPECT_FALSE(saved_plan_from(Json::object()));
  EXPECT_FALSE(saved_plan_from(Json()));
  other.set("format", kPlanFormat + 1);
  const auto newer = saved_plan_from(other);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().failure, Failure::bad_data);
  Json broken = to_json(plan());
  broken.set("services", Json::array().add(Json::object().set("name", "orders")));
  EXPECT_FALSE(saved_plan_from(broken));
}

TEST(SavedPlan, IsStaleOnceAServiceInItHasMoved) {
  const SavedPlan saved = plan();
  EXPECT_TRUE(check_unmoved(saved, saved.revisions));
  for (const char* name : {"orders", "old", "appeared"}) {
    auto now = saved.revisions;
    now[ServiceName(name)] = 99;
    const auto checked = check_unmoved(saved, now);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().failure, Failure::refused);
    EXPECT_NE(checked.error().what.find(std::string("service ") + name), std::string::npos)
        << checked.error().what;
  }
  auto gone = saved.revisions;
  gone.erase(ServiceName("old"));
  EXPECT_FALSE(check_unmoved(saved, gone));
}

}  // namespace
}  // namespace weir::cli
