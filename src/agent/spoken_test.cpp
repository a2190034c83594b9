// Voices on the wire: what is said is heard, and what is no voice is heard as nothing at all.
#include <gtest/gtest.h>

#include "agent/board.h"

namespace weir::agent {
namespace {

const Instant kHeard{42s};

Spoken whole() {
  Spoken spoken;
  failover::Voice& voice = spoken.voice;
  voice.heard = kHeard;
  voice.life = AgentLife("life-b");
  voice.voter = {MemberName("b"), Incarnation("ib")};
  voice.server = ServerLife::running;
  voice.rising = true;
  voice.sick = true;
  voice.knows_position = true;
  voice.suspects = true;
  voice.epoch = {1, 7};
  voice.leader = MemberName("a");
  spoken.promise = weir::Promise{voice.voter, 8, {1, 7}, {{"sys", {{1, {100}}}, 2}, {250}}};
  return spoken;
}

void expect_equal(const Spoken& a, const Spoken& b) {
  EXPECT_EQ(a.voice.heard, b.voice.heard);
  EXPECT_EQ(a.voice.refused, b.voice.refused);
  EXPECT_EQ(a.voice.life, b.voice.life);
  EXPECT_EQ(a.voice.voter, b.voice.voter);
  EXPECT_EQ(a.voice.server, b.voice.server);
  EXPECT_EQ(a.voice.rising, b.voice.rising);
  EXPECT_EQ(a.voice.sick, b.voice.sick);
  EXPECT_EQ(a.voice.knows_position, b.voice.knows_position);
  EXPECT_EQ(a.voice.suspects, b.voice.suspects);
  EXPECT_EQ(a.voice.epoch, b.voice.epoch);
  EXPECT_EQ(a.voice.leader, b.voice.leader);
  EXPECT_EQ(a.promise, b.promise);
}

// By its text, as it travels.
Spoken sent(const Spoken& spoken) {
  const auto json = Json::parse(to_json(spoken).dump());
  EXPECT_TRUE(json);
  return json ? spoken_from(*json, kHeard) : Spoken{};
}

TEST(Spoken, IsHeardAsItIsSaid) {
  expect_equal(sent(whole()), whole());
  for (const ServerLife life : {ServerLife::absent, ServerLife::running, ServerLife::ended}) {
    Spoken spoken = whole();
    spoken.voice.server = life;
    expect_equal(sent(spoken), spoken);
  }
}

// Each of the flags travels under its own name.
TEST(Spoken, EachFlagIsItsOwn) {
  for (bool failover::Voice::*flag :
       {&failover::Voice::rising, &failover::Voice::sick, &failover::Voice::knows_position,
        &failover::Voice::suspects}) {
    Spoken spoken;
    spoken.voice.heard = kHeard;
    spoken.voice.*flag = true;
    expect_equal(sent(spoken), spoken);
  }
}

TEST(Spoken, WithoutAPromiseThereIsNone) {
  Spoken spoken = whole();
  spoken.promise.reset();
  EXPECT_FALSE(to_json(spoken).has("promise"));
  EXPECT_EQ(sent(spoken).promise, std::nullopt);
}

TEST(Spoken, WhoeverListensSaysWhenItWasHeard) {
  Spoken spoken = whole();
  spoken.voice.heard = Instant{1s};
  spoken.voice.refused = Instant{2s};
  const Json json = to_json(spoken);
  EXPECT_FALSE(json.has("heard"));
  EXPECT_EQ(spoken_from(json, kHeard).voice.heard, kHeard);
  EXPECT_EQ(spoken_from(json, kHeard).voice.refused, Instant{});
}

// Garbage is heard as the voice that claims least: no running server, no suspicion, no position.
TEST(Spoken, GarbageClaimsNothing) {
  Spoken silent;
  silent.voice.heard = kHeard;
  const char* const texts[] = {
      "{}",
      "null",
      "[]",
      "7",
      "\"voice\"",
      "[{\"life\":\"x\"}]",
      (R"({"life":7,"voter":[],"server":true,"rising":"true","sick":1,"knows_position":"yes",)"
       R"("suspects":{},"epoch":{"reign":1},"leader":["a"]})"),
      R"({"server":"RUNNING","epoch":[1],"voter":"b"})",
      R"({"epoch":[1,2,3],"voter":{"member":7,"incarnation":null}})",
  };
  for (const char* text : texts) {
    SCOPED_TRACE(text);
    const auto json = Json::parse(text);
    ASSERT_TRUE(json);
    expect_equal(spoken_from(*json, kHeard), silent);
  }
}

// A promise that cannot be read names no voter and no round: it counts for nobody.
TEST(Spoken, AGarbledPromiseCountsForNobody) {
  for (const char* text : {R"({"promise":null})", R"({"promise":"yes"})", R"({"promise":[1,2]})",
                           R"({"promise":{"voter":"b","round":"8"}})"}) {
    SCOPED_TRACE(text);
    const Spoken spoken = spoken_from(*Json::parse(text), kHeard);
    if (!spoken.promise) continue;
    EXPECT_EQ(spoken.promise->round, 0);
    EXPECT_TRUE(spoken.promise->voter.member.empty());
    EXPECT_FALSE(spoken.promise->standing.lineage.known());
  }
}

}  // namespace
}  // namespace weir::agent
