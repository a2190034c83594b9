// The mutants of claims that no drawn schedule can reach, each found by a directed test.
#include "agent/agent.h"
#include "agent/claims.h"
#include "agent/store_test.h"
#include "agent/world_test.h"
#include "base/mutant.h"

namespace weir::sim {
namespace {

const store::Keys kKeys{FleetName("quickstart")};
const ServiceName kOrders("orders");

// A step asks `check` before each of its effects.
bool goes_on_though_preempted() {
  agent::TestWorld test;
  agent::MoodyStore store{*test.clock, *test.workers};
  const agent::Setting setting{kKeys, HostName("a"), "/state", {}};
  const AgentLife life{"la"};
  agent::Claims claims(test.world, store, setting, life);
  const Deadline soon = test.clock->within(10s);
  Record record;
  record.last_round = 7;
  record.leader = {MemberName("a"), Incarnation("ia")};
  const auto first = store::write_record(store, kKeys, kOrders, record, 0, soon);
  EXPECT_TRUE(first && claims.take(kOrders, Capability::provision, {}));
  EXPECT_TRUE(claims.check(kOrders));
  record.last_round = 8;
  record.round = OpenRound{8, HostName("b")};
  EXPECT_TRUE(store::write_record(store, kKeys, kOrders, record, first.value_or(0), soon));
  return claims.check(kOrders).has_value();
}

TEST(ClaimMutants, APreemptedStepThatGoesOnIsFound) {
  mutants_on().clear();
  EXPECT_FALSE(goes_on_though_preempted());
  mutants_on() = {"a-preempted-step-goes-on"};
  EXPECT_TRUE(goes_on_though_preempted());
  mutants_on().clear();
}

}  // namespace
}  // namespace weir::sim
