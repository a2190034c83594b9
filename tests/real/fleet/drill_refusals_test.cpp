// Drills that do not begin, and drills that are stopped (safety.md S11, S14).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

std::string log_of(LiveFleet& fleet, int number) {
  return fleet.files().read(fmt::format("{}/started-{}.log", fleet.folder(), number)).value_or("");
}

bool says(LiveFleet& fleet, int number, const std::string& what) {
  return poll_until(fleet.clock(), fleet.clock().within(120s), 20ms,
                    [&] { return log_of(fleet, number).find(what) != std::string::npos; });
}

TEST(DrillRefusals, OneDrillAtATimeAndNoneAgainstTheLeverOrAFreeze) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());

  // Two within milliseconds: one holds the claim, the other says so.
  const int first = fleet.start_weir({"drill", "kill-server", "orders"});
  const int second = fleet.start_weir({"drill", "kill-server", "orders"});
  const int one = fleet.wait_for(first, 240s);
  const int two = fleet.wait_for(second, 240s);
  EXPECT_EQ(std::min(one, two), 0) << log_of(fleet, 1) << log_of(fleet, 2);
  EXPECT_EQ(std::max(one, two), 5) << log_of(fleet, 1) << log_of(fleet, 2);
  const std::string refused = log_of(fleet, one == 5 ? 1 : 2);
  EXPECT_NE(refused.find("weir drill kill-server, pid "), std::string::npos) << refused;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());

  // The lever ends a running drill, which leaves nothing, and none begins after it.
  const int running = fleet.start_weir({"drill", "kill-server", "orders"});
  ASSERT_TRUE(says(fleet, 3, "writers commit")) << log_of(fleet, 3);
  const Ran pulled = fleet.weir({"drill", "--stop-all", "--reason", "incident 4711"});
  EXPECT_EQ(pulled.status, 0) << pulled.err;
  EXPECT_EQ(fleet.wait_for(running, 240s), 4) << log_of(fleet, 3);
  EXPECT_NE(log_of(fleet, 3).find("incident 4711"), std::string::npos) << log_of(fleet, 3);
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(
      fleet.sql(fleet.leader(), "select count(*) from pg_namespace where nspname = 'weir_ledger'"),
      "0");
  const Ran against = fleet.weir({"drill", "kill-server", "orders"});
  EXPECT_EQ(against.status, 4);
  EXPECT_NE(against.err.find("incident 4711"), std::string::npos) << against.err;
  const Ran released = fleet.weir({"drill", "--release"});
  EXPECT_EQ(released.status, 0) << released.err;

  // A freeze is part of the file.
  const auto text = fleet.files().read(fleet.file());
  ASSERT_TRUE(text);
  fleet.write_text(*text +
                   "freeze: [{from: 2020-01-01, until: 2100-01-01, reason: the long sale}]\n");
  const Ran applied = fleet.weir({"apply", "-f", fleet.file(), "--yes"});
  ASSERT_EQ(applied.status, 0) << applied.err;
  const Ran frozen = fleet.weir({"drill", "kill-server", "orders"});
  EXPECT_EQ(frozen.status, 4);
  EXPECT_NE(frozen.err.find("the long sale"), std::string::npos) << frozen.err;
}

}  // namespace
}  // namespace weir::test
