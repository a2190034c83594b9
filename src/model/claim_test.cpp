// Who may have a claim: one base view, rows that change one thing.
#include "model/claim.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

const Instant kNow{1h};

Claim claim(const char* host, const char* life, const char* id) {
  Claim out;
  out.host = HostName(host);
  out.life = AgentLife(life);
  out.id = id;
  out.lasts = 2min;
  out.round = 7;
  return out;
}

// The agent of b wants what the agent of a holds and renews.
ClaimView contested() {
  ClaimView view;
  view.now = kNow;
  view.wanted = claim("b", "life-of-b", "wanted");
  view.present = claim("a", "life-of-a", "present");
  view.renewed = kNow - 1s;
  view.lease = 6s;
  return view;
}

const struct {
  const char* when;
  void (*change)(ClaimView&);
  bool take;
  const char* because;
} kRows[] = {
    {"it is held", [](ClaimView&) {}, false,
     "the service is claimed for provision, held by the agent of a since "
     "1970-01-01T00:00:00.000Z, for at most 2m"},
    {"nobody holds it", [](ClaimView& v) { v.present.reset(); }, true, "nobody holds the claim"},
    {"we hold it", [](ClaimView& v) { v.present->id = "wanted"; }, true, "it is held already"},
    {"a round is open, and nobody holds it",
     [](ClaimView& v) {
       v.present.reset();
       v.round_open = true;
     },
     false, "a round is open: failover has the word"},
    {"its holder is silent for almost a lease", [](ClaimView& v) { v.renewed = kNow - 5999ms; },
     false,
     "the service is claimed for provision, held by the agent of a since "
     "1970-01-01T00:00:00.000Z, for at most 2m"},
    {"its holder is silent for a lease", [](ClaimView& v) { v.renewed = kNow - 6s; }, true,
     "the agent of a has not renewed its host for 6s"},
    {"an earlier life of ours holds it", [](ClaimView& v) { v.present->host = HostName("b"); },
     true, "an earlier life of this agent held it"},
    {"an earlier life of ours holds it for a client",
     [](ClaimView& v) {
       v.present->host = HostName("b");
       v.present->client = "weir drill, pid 7";
       v.present->capability = Capability::drill;
     },
     false,
     "the service is claimed for drill, held by weir drill, pid 7 (by the agent of b) since "
     "1970-01-01T00:00:00.000Z, for at most 2m"},
    {"this life of ours holds it for somebody else",
     [](ClaimView& v) {
       v.present->host = HostName("b");
       v.present->life = AgentLife("life-of-b");
     },
     false,
     "the service is claimed for provision, held by the agent of b since "
     "1970-01-01T00:00:00.000Z, for at most 2m"},
};

TEST(Claim, WhoMayTakeIt) {
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.when);
    ClaimView view = contested();
    row.change(view);
    EXPECT_EQ(decide_claim(view), (ClaimDecision{row.take, row.because}));
  }
}

TEST(Claim, ARoundPreemptsIt) {
  Record record;
  record.last_round = 7;
  const Claim held = claim("a", "life-of-a", "present");
  EXPECT_TRUE(stands(held, &record));
  EXPECT_TRUE(stands(held, nullptr));
  record.round = OpenRound{8, HostName("b")};
  record.last_round = 8;
  EXPECT_FALSE(stands(held, &record));
  record.round.reset();  // a round that failed has preempted it too
  EXPECT_FALSE(stands(held, &record));
}

TEST(Claim, GoesThroughJson) {
  Claim held = claim("a", "life-of-a", "present");
  held.capability = Capability::drill;
  held.client = "weir drill, pid 7";
  held.since = WallTime(1234567890s);
  held.for_all = true;
  held.silent = {MemberName("b")};
  const auto back = claim_from(to_json(held));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, held);
}

TEST(Claim, RefusesWhatIsNotWhole) {
  for (const char* field :
       {"format", "capability", "host", "life", "id", "since_ns", "lasts_ns", "round", "for_all"}) {
    const auto read = claim_from(to_json(claim("a", "l", "i")).set(field, nullptr));
    ASSERT_FALSE(read) << field;
    EXPECT_EQ(read.error().failure, Failure::bad_data);
  }
  EXPECT_FALSE(claim_from(to_json(claim("a", "l", "i")).set("format", kClaimFormat + 1)));
}

TEST(Claim, CapabilitiesStandInTheOrderOfS11) {
  EXPECT_LT(Capability::fence, Capability::failover);
  EXPECT_LT(Capability::failover, Capability::switchover);
  EXPECT_LT(Capability::heal, Capability::restore);
  EXPECT_LT(Capability::provision, Capability::backup);
  EXPECT_LT(Capability::backup, Capability::drill);
  EXPECT_EQ(capability_named("drill"), Capability::drill);
  EXPECT_EQ(capability_named("Drill"), std::nullopt);
}

}  // namespace
}  // namespace weir
