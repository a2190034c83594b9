// A rewind towards a lower epoch (safety.md S10). No schedule comes to it: a record below an epoch
// that a member has led is old, and not believed (S12). So both of its guards are asked directly.
#include <gtest/gtest.h>

#include "base/mutant.h"
#include "engine/fake/bench.h"
#include "failover/testing.h"

namespace weir::sim {
namespace {

constexpr Epoch kFirst{0, 1};
constexpr Epoch kSecond{0, 2};

// b, which led the second epoch, sees a record of the first.
bool is_decided() {
  using namespace failover::testing;
  failover::View view = calm();
  view.own.as_replica = false;
  view.own.server.life = ServerLife::ended;
  view.own.led = kSecond;
  view.record.set = {{kC}, 1};
  const auto step = failover::decide(view).step;
  return step && std::holds_alternative<failover::Rejoin>(*step);
}

void must(const Result<>& result) { EXPECT_TRUE(result) << result.error().what; }

// What b alone has of the second epoch is gone after it was told to rewind to the first.
bool is_lost() {
  engine::FakeBench bench;
  const auto lead = [&](const char* host, Epoch epoch) {
    const Member& member = bench.member(host);
    must(bench.engine(host).runs()->create(member, Incarnation(host), bench.service(),
                                           bench.within(60s)));
    must(bench.engine(host).leads()->promote(member, epoch, {{}, 0}, bench.within(60s)));
  };
  lead("a", kFirst);
  lead("b", kSecond);
  EXPECT_TRUE(bench.cluster.commit(bench.id("b"), {}).has_value());
  const auto row = static_cast<engine::RowId>(bench.cluster.row_count() - 1);
  EXPECT_TRUE(bench.cluster.holds(bench.id("b"), row));
  must(bench.engine("b").runs()->fence(bench.member("b"), bench.within(60s)));
  const auto rewound = bench.engine("b").leads()->rejoin(
      bench.member("b"), {bench.member("a"), kFirst}, engine::Rejoin::rewind, Incarnation("fresh"),
      bench.service(), bench.within(60s));
  EXPECT_EQ(rewound.has_value(), mutant("rejoin-towards-a-lower-epoch"));
  return !bench.cluster.holds(bench.id("b"), row);
}

TEST(RewindMutants, TowardsALowerEpochIsFound) {
  mutants_on().clear();
  EXPECT_FALSE(is_decided());
  EXPECT_FALSE(is_lost());
  mutants_on() = {"rejoin-towards-a-lower-epoch"};
  EXPECT_TRUE(is_decided());
  EXPECT_TRUE(is_lost());
  mutants_on().clear();
}

}  // namespace
}  // namespace weir::sim
