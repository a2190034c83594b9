// Claims through a store: one holder at a time, and nobody's claim outlives its holder for long.
#include "agent/claims.h"

#include "agent/agent.h"
#include "agent/store_test.h"
#include "agent/world_test.h"

namespace weir::agent {
namespace {

const store::Keys kKeys{FleetName("quickstart")};
const ServiceName kOrders("orders");

// One agent's claims. The lease is short, so that a holder that is gone is seen to be.
struct OneAgent {
  OneAgent(TestWorld& test, store::Store& store, const char* host, const char* life_text,
           Duration lease)
      : setting{kKeys, HostName(host), "/state", {}}, life(life_text) {
    setting.timings.lease = lease;
    claims = std::make_unique<Claims>(test.world, store, setting, life);
  }
  Setting setting;
  AgentLife life;
  std::unique_ptr<Claims> claims;
};

struct ClaimsTest : ::testing::Test, TestWorld {
  Deadline soon() { return clock->within(10s); }

  OneAgent agent(const char* host, const char* life, Duration lease = 1h) {
    return OneAgent(*this, store, host, life, lease);
  }
  std::optional<store::HeldClaim> claim() {
    const auto read = store::read_claim(store, kKeys, kOrders, soon());
    EXPECT_TRUE(read);
    return read ? *read : std::nullopt;
  }
  std::string holder() {
    const auto held = claim();
    return held ? held->claim.host.text : "nobody";
  }
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
  void renew(Claims& at, const char* host, const char* life, int count) {
    at.learn_renewal(HostName(host), Json::object().set("incarnation", life).set("count", count));
  }
  Json order(const char* id, Duration lasts = 1h) {
    return Json::object()
        .set("service", "orders")
        .set("capability", "drill")
        .set("id", id)
        .set("client", "weir drill, pid 7")
        .set("lasts_ns", std::int64_t{lasts.count()})
        .set("for_all", false);
  }

  MoodyStore store{*clock, *workers};
};

TEST_F(ClaimsTest, OneHolderAtATime) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb");
  put_record(7, false);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  ASSERT_TRUE(a.claims->check(kOrders));
  const auto refused = b.claims->take(kOrders, Capability::provision, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::held);
  EXPECT_NE(refused.error().what.find("held by the agent of a"), std::string::npos);
  EXPECT_FALSE(b.claims->check(kOrders));
  b.claims->give_up(kOrders);  // of nothing
  EXPECT_EQ(holder(), "a");
  a.claims->give_up(kOrders);
  EXPECT_EQ(holder(), "nobody");
  EXPECT_FALSE(a.claims->check(kOrders));
  ASSERT_TRUE(b.claims->take(kOrders, Capability::provision, {}));
  EXPECT_EQ(holder(), "b");
}

// A drop of which the store said nothing would keep everybody out for the claim's whole duration.
TEST_F(ClaimsTest, WhatTheStoreDidNotConfirmIsGivenUpAgain) {
  const OneAgent a = agent("a", "la");
  put_record(7, false);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  a.claims->learn_claim(kOrders, claim());
  store.away = true;
  a.claims->give_up(kOrders);
  store.away = false;
  EXPECT_EQ(holder(), "a");
  EXPECT_TRUE(comes_true([&] { return holder() == "nobody"; }));
}

// A write that was given up can come late: what nobody here acts under is dropped, and what
// somebody does, or another's, is not.
TEST_F(ClaimsTest, OnlyWhatNobodyActsUnderIsDropped) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb");
  put_record(7, false);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  a.claims->learn_claim(kOrders, claim());
  b.claims->learn_claim(kOrders, claim());
  clock->sleep_for(3500ms);  // longer than a stray stands
  EXPECT_EQ(holder(), "a");
  EXPECT_TRUE(a.claims->check(kOrders));
  a.claims->give_up(kOrders);
  ASSERT_TRUE(a.claims->take_for(order("one")));
  Claim late = claim()->claim;
  a.claims->learn_claim(kOrders, claim());
  ASSERT_TRUE(a.claims->give_up_for(order("one")));
  ASSERT_TRUE(store::write_claim(store, kKeys, kOrders, late, 0, soon()));
  a.claims->learn_claim(kOrders, claim());
  EXPECT_TRUE(comes_true([&] { return holder() == "nobody"; }));
}

TEST_F(ClaimsTest, ARoundPreemptsIt) {
  const OneAgent a = agent("a", "la");
  put_record(7, false);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  put_record(8, true);
  const auto refused = a.claims->check(kOrders);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::refused);
  // Nobody may have it before its holder has ended its step and given it up.
  const OneAgent b = agent("b", "lb");
  put_record(8, false);
  EXPECT_FALSE(a.claims->check(kOrders));
  EXPECT_FALSE(b.claims->take(kOrders, Capability::provision, {}));
  a.claims->give_up(kOrders);
  EXPECT_TRUE(b.claims->take(kOrders, Capability::provision, {}));
}

TEST_F(ClaimsTest, NoClaimIsTakenWhileARoundIsOpen) {
  const OneAgent a = agent("a", "la");
  put_record(8, true);
  EXPECT_FALSE(a.claims->take(kOrders, Capability::provision, {}));
  EXPECT_EQ(holder(), "nobody");
}

TEST_F(ClaimsTest, AHolderThatRenewsKeepsItAndOneThatIsGoneDoesNot) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb", 300ms);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  for (int i = 1; i <= 10; ++i) {
    renew(*b.claims, "a", "la", i);
    EXPECT_FALSE(b.claims->take(kOrders, Capability::provision, {}));
    clock->sleep_for(50ms);
  }
  EXPECT_TRUE(
      comes_true([&] { return b.claims->take(kOrders, Capability::provision, {}).has_value(); }));
  EXPECT_EQ(holder(), "b");
  EXPECT_FALSE(a.claims->check(kOrders));
}

// S2: a grant that was given while the store was away counts as a renewal, in that life.
TEST_F(ClaimsTest, AGrantKeepsAHolderAsARenewalDoes) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb", 300ms);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  renew(*b.claims, "a", "la", 1);
  for (int i = 1; i <= 10; ++i) {
    b.claims->learn_grant(HostName("a"), AgentLife("la"));
    EXPECT_FALSE(b.claims->take(kOrders, Capability::provision, {}));
    clock->sleep_for(50ms);
  }
  EXPECT_TRUE(comes_true([&] {
    b.claims->learn_grant(HostName("a"), AgentLife("another"));
    return b.claims->take(kOrders, Capability::provision, {}).has_value();
  }));
}

// S2: "last" means still the last in a linearizable read at the end of the wait.
TEST_F(ClaimsTest, ARenewalThatTheWatchMissedIsFoundInTheStore) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb", 200ms);
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  EXPECT_FALSE(b.claims->take(kOrders, Capability::provision, {}));
  clock->sleep_for(300ms);
  const Json renewal = Json::object().set("incarnation", "la").set("count", 9);
  ASSERT_TRUE(store.commit({{kKeys.renewal(HostName("a")), 0, renewal.dump(), 0}}, soon()));
  EXPECT_FALSE(b.claims->take(kOrders, Capability::provision, {}));
  EXPECT_EQ(holder(), "a");
}

TEST_F(ClaimsTest, ANewLifeTakesWhatItsFormerOneHeld) {
  const OneAgent former = agent("a", "la");
  ASSERT_TRUE(former.claims->take(kOrders, Capability::provision, {}));
  const OneAgent anew = agent("a", "la2");
  EXPECT_TRUE(anew.claims->take(kOrders, Capability::provision, {}));
  EXPECT_FALSE(former.claims->check(kOrders));
}

TEST_F(ClaimsTest, AClientKeepsItsClaimAndGivesItUp) {
  const OneAgent a = agent("a", "la");
  ASSERT_TRUE(a.claims->take_for(order("one")));
  const auto revision = claim()->revision;
  ASSERT_TRUE(a.claims->take_for(order("one")));
  EXPECT_EQ(claim()->revision, revision);  // keeping writes nothing
  const auto other = a.claims->take_for(order("two"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().failure, Failure::held);
  EXPECT_NE(other.error().what.find("weir drill, pid 7"), std::string::npos);
  EXPECT_FALSE(a.claims->take(kOrders, Capability::provision, {}));
  ASSERT_TRUE(a.claims->give_up_for(order("two")));
  EXPECT_EQ(holder(), "a");
  ASSERT_TRUE(a.claims->give_up_for(order("one")));
  EXPECT_EQ(holder(), "nobody");
}

TEST_F(ClaimsTest, AClientThatIsNotHeardLosesItsClaim) {
  const OneAgent a = agent("a", "la", 300ms);
  ASSERT_TRUE(a.claims->take_for(order("one")));
  EXPECT_TRUE(comes_true([&] { return holder() == "nobody"; }));
}

TEST_F(ClaimsTest, AClaimEndsWithItsDurationHoweverOftenItIsKept) {
  const OneAgent a = agent("a", "la");
  ASSERT_TRUE(a.claims->take_for(order("one", 1s)));
  const Claim first = claim()->claim;
  EXPECT_TRUE(comes_true([&] {
    const auto held = claim();
    if (!held) return true;
    (void)a.claims->take_for(order("one", 1s));
    return false;
  }));
  EXPECT_EQ(first.lasts, 1s);
}

TEST_F(ClaimsTest, AnotherAgentTakesOverWhatAClientHolds) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb");
  ASSERT_TRUE(a.claims->take_for(order("one")));
  ASSERT_TRUE(b.claims->take_for(order("one")));
  EXPECT_EQ(holder(), "b");
}

TEST_F(ClaimsTest, AllMayActUnderAClaimForAllWithItsCapability) {
  const OneAgent a = agent("a", "la");
  const OneAgent b = agent("b", "lb");
  const Json apply = order("one").set("capability", "provision").set("for_all", true);
  ASSERT_TRUE(a.claims->take_for(apply));
  EXPECT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  EXPECT_TRUE(b.claims->take(kOrders, Capability::provision, {}));
  EXPECT_TRUE(b.claims->check(kOrders));
  EXPECT_FALSE(b.claims->take(ServiceName("orders"), Capability::backup, {}));
  b.claims->give_up(kOrders);
  EXPECT_EQ(holder(), "a");  // what was joined is its holder's
  ASSERT_TRUE(b.claims->take(kOrders, Capability::provision, {}));
  ASSERT_TRUE(a.claims->give_up_for(apply));
  EXPECT_FALSE(b.claims->check(kOrders));
}

TEST_F(ClaimsTest, RefusesARequestThatIsNotWhole) {
  const OneAgent a = agent("a", "la");
  for (const char* field : {"service", "capability", "id", "client", "lasts_ns"}) {
    const auto refused = a.claims->take_for(order("one").set(field, nullptr));
    ASSERT_FALSE(refused) << field;
    EXPECT_EQ(refused.error().failure, Failure::bad_data);
  }
  EXPECT_FALSE(a.claims->take_for(order("one").set("capability", "failover")));
  EXPECT_FALSE(a.claims->take_for(order("one", 25h)));
  EXPECT_EQ(holder(), "nobody");
}

TEST_F(ClaimsTest, WithoutTheStoreNothingIsTakenAndNothingGoesOn) {
  const OneAgent a = agent("a", "la");
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  store.away = true;
  EXPECT_FALSE(a.claims->check(kOrders));
  EXPECT_FALSE(a.claims->take_for(order("one")));
}

TEST_F(ClaimsTest, AClientsClaimGoesOnceTheStoreIsBack) {
  const OneAgent a = agent("a", "la");
  ASSERT_TRUE(a.claims->take_for(order("one")));
  a.claims->learn_claim(kOrders, claim());
  store.away = true;
  ASSERT_TRUE(a.claims->give_up_for(order("one")));
  store.away = false;
  EXPECT_TRUE(comes_true([&] { return holder() == "nobody"; }));
  EXPECT_TRUE(a.claims->take_for(order("two")));
}

// The store was away for longer than a lease: the agent that could not renew lives on by a new id,
// and what it held for a client by the former one would stand for a lease more.
TEST_F(ClaimsTest, AClientsClaimOfAFormerLifeGoesOnceTheStoreIsBack) {
  const OneAgent a = agent("a", "la");
  ASSERT_TRUE(a.claims->take_for(order("one")));
  a.claims->learn_claim(kOrders, claim());
  store.away = true;
  ASSERT_TRUE(a.claims->give_up_for(order("one")));
  a.claims->learn_life(AgentLife("la2"));
  store.away = false;
  ASSERT_TRUE(a.claims->take_for(order("two")));
  // Who is heard goes on under the new life, and loses nothing to what a former one left.
  a.claims->learn_life(AgentLife("la3"));
  EXPECT_FALSE(a.claims->take_for(order("three")));
  EXPECT_TRUE(a.claims->take_for(order("two")));
  EXPECT_EQ(claim()->claim.life, AgentLife("la3"));
}

TEST_F(ClaimsTest, WhatCouldNotBeGivenUpIsTakenAgain) {
  const OneAgent a = agent("a", "la");
  a.claims->join();  // or its own turn may give it up before it is taken again
  ASSERT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  const store::HeldClaim first = *claim();
  store.away = true;
  a.claims->give_up(kOrders);
  store.away = false;
  EXPECT_EQ(holder(), "a");
  EXPECT_TRUE(a.claims->take(kOrders, Capability::provision, {}));
  EXPECT_TRUE(a.claims->check(kOrders));
  // The first giving up may still be on its way, or be tried anew by a turn that has begun: it does
  // not reach what was taken since.
  EXPECT_EQ(claim()->claim.id, first.claim.id);
  EXPECT_TRUE(store::drop_claim(store, kKeys, kOrders, first.revision, soon()));
  EXPECT_TRUE(a.claims->check(kOrders));
}

}  // namespace
}  // namespace weir::agent
