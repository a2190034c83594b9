// A step of provisioning ends as soon as failover preempts its claim (safety.md S11).
#include <atomic>

#include "agent/agent.h"
#include "agent/claims.h"
#include "agent/store_test.h"
#include "agent/world_test.h"
#include "provision/provision.h"

namespace weir::agent {
namespace {

const store::Keys kKeys{FleetName("quickstart")};
const ServiceName kOrders("orders");

// A server whose last checkpoint never ends: it was told to stop, and does not.
class NeverStops final : public engine::Engine, public engine::Runs {
 public:
  explicit NeverStops(Clock& clock) : clock_(clock) {}
  std::atomic<int> asked = 0;

  std::string name() const override { return "never"; }
  std::uint16_t standard_port() const override { return 1; }
  engine::Runs* runs() override { return this; }

  Result<> stop(const Member&, engine::StopMode, Deadline deadline) override {
    ++asked;
    clock_.sleep_until(deadline.at);
    return fail(Failure::outcome_unknown, "it was asked to stop");
  }
  Result<> create(const Member&, const Incarnation&, const Service&, Deadline) override {
    return {};
  }
  Result<> copy(const Member&, const engine::Upstream&, const Incarnation&, const Service&,
                Deadline) override {
    return {};
  }
  Result<> start(const Member&, Epoch, Deadline) override { return {}; }
  Result<> fence(const Member&, Deadline) override { return {}; }
  Result<engine::Local> local(const Member&) override { return engine::Local{}; }
  Result<std::vector<std::string>> settle(const Member&, const Service&, bool, Deadline) override {
    return std::vector<std::string>{};
  }
  Result<> destroy(const Member&, const std::string&, Deadline) override { return {}; }

 private:
  Clock& clock_;
};

struct Preempted : ::testing::Test, TestWorld {
  Preempted() { service.name = kOrders; }

  Deadline soon() { return clock->within(10s); }
  void put_record(std::int64_t last_round, bool open) {
    Record record;
    record.epoch = {0, 7};
    record.last_round = last_round;
    record.leader = {MemberName("a"), Incarnation("ia")};
    if (open) record.round = OpenRound{last_round, HostName("b")};
    const auto before = store::read_record(store, kKeys, kOrders, soon());
    ASSERT_TRUE(before);
    ASSERT_TRUE(store::write_record(store, kKeys, kOrders, record,
                                    *before ? (*before)->revision : 0, soon()));
  }
  provision::Done stop_for_settings() {
    return provision::carry_out(provision::StopForSettings{{"max_connections"}},
                                {world, store, kKeys, server, member, service, 0, 0,
                                 [this] { return claims.check(kOrders); }});
  }

  MoodyStore store{*clock, *workers};
  Setting setting{kKeys, HostName("a"), "/state", {}};
  AgentLife life{"la"};
  Claims claims{world, store, setting, life};
  NeverStops server{*clock};
  Service service;
  Member member{kOrders, MemberName("a"), HostName("a"), "10.0.0.1", 5432};
};

TEST_F(Preempted, AStepThatWaitsIsEndedLongBeforeItsLimit) {
  put_record(7, false);
  ASSERT_TRUE(claims.take(kOrders, Capability::provision, {}));
  const auto round = workers->begin("round", [this] {
    while (server.asked < 2) clock->sleep_for(1ms);
    put_record(8, true);
  });
  const Instant began = clock->now();
  const provision::Done done = stop_for_settings();
  ASSERT_FALSE(done.outcome);
  EXPECT_EQ(done.outcome.error().failure, Failure::refused);
  EXPECT_EQ(done.outcome.error().what, "failover has preempted the claim");
  EXPECT_LT(clock->now() - began, 50s);  // alone it would have waited for a minute
  while (!round->wait(soon())) continue;
}

TEST_F(Preempted, AStepThatHasNotBegunDoesNot) {
  put_record(7, false);
  ASSERT_TRUE(claims.take(kOrders, Capability::provision, {}));
  put_record(8, true);
  EXPECT_FALSE(stop_for_settings().outcome);
  EXPECT_EQ(server.asked, 0);
}

TEST_F(Preempted, WithoutAClaimNothingBegins) {
  put_record(7, false);
  EXPECT_FALSE(stop_for_settings().outcome);
  EXPECT_EQ(server.asked, 0);
}

}  // namespace
}  // namespace weir::agent
