// Each checker is shown to fail: a world is made in which its rule is broken, and to be content
// with the same world unbroken.
#include <gtest/gtest.h>

#include <functional>

#include "sim/checkers/checker.h"
#include "sim/ports.h"

namespace weir::sim {
namespace {

using engine::FakeServer;
using engine::RowId;

const Voter kB{MemberName("b"), Incarnation("bbb")};
const Voter kC{MemberName("c"), Incarnation("ccc")};

// Three disks and servers without weir: leaders and rows are made by hand.
class Checkers : public testing::Test {
 protected:
  Checkers() : cluster(random) {
    service.name = ServiceName("orders");
    service.sync = 1;
    for (const std::string name : {"a", "b", "c"}) {
      service.members.push_back({service.name, MemberName(name), HostName(name), "127.0.0.1", 1});
      cluster.add_host(HostName(name), disks[name], "/state");
    }
    record.epoch = {0, 1};
    record.leader = {MemberName("a"), Incarnation("aaa")};
    record.set = {{kB, kC}, 1};
  }

  std::string id(const std::string& name) { return "orders/" + name; }
  void lead(const std::string& name, std::int64_t epoch) {
    cluster.init(id(name));
    engine::FakeSettings settings;
    settings.epoch = epoch;
    settings.set = record.set;
    ASSERT_TRUE(disks[name].write(cluster.paths(id(name), HostName(name)).settings(),
                                  to_json(settings).dump(), 0600));
    cluster.launch(id(name), HostName(name));
    for (int i = 0; i < 200; ++i) cluster.tick(at += 4ms);
  }
  Truth truth() { return {at, cluster, service, record, faults, calm}; }
  FakeServer& server(const std::string& name) { return *cluster.server(id(name)); }
  // A row that its server acknowledges, whoever holds it.
  RowId acknowledge(Checker& checker, const std::string& name) {
    EXPECT_TRUE(cluster.commit(id(name), {}).has_value());
    const RowId row = cluster.disk(id(name)).log.back();
    checker.on_acknowledged(truth(), server(name), row);
    return row;
  }

  SimRandom random{1};
  engine::FakeCluster cluster;
  std::map<std::string, SimDisk> disks;
  Service service;
  Record record;
  Instant at{};
  int faults = 0;
  bool calm = false;
};

TEST_F(Checkers, AcknowledgedSeesALostRow) {
  for (const bool lost : {false, true}) {
    const auto checker = check_acknowledged();
    lead("a", 1);
    acknowledge(*checker, "a");
    if (lost) cluster.disk(id("a")).log.pop_back();
    checker->on_end(truth());
    EXPECT_EQ(checker->violations().empty(), !lost);
    cluster.end(id("a"), false);
  }
}

TEST_F(Checkers, OneWriterSeesALateAcknowledgementThatTheSuccessorLacks) {
  lead("a", 1);
  lead("b", 2);
  for (const bool held : {true, false}) {
    const auto checker = check_one_writer();
    acknowledge(*checker, "a");
    acknowledge(*checker, "b");
    EXPECT_TRUE(cluster.commit(id("a"), {}).has_value());
    const RowId late = cluster.disk(id("a")).log.back();
    if (held) cluster.disk(id("b")).log.push_back(late);
    checker->on_acknowledged(truth(), server("a"), late);
    EXPECT_EQ(checker->violations().empty(), held);
  }
}

TEST_F(Checkers, OneWriterAllowsWhatTheSuccessorHeldUntilItsDiskWasLost) {
  lead("a", 1);
  lead("b", 2);
  for (const bool held : {true, false}) {
    const auto checker = check_one_writer();
    acknowledge(*checker, "b");
    EXPECT_TRUE(cluster.commit(id("a"), {}).has_value());
    const RowId late = cluster.disk(id("a")).log.back();
    if (held) cluster.disk(id("b")).log.push_back(late);
    cluster.lose_data(id("b"));
    checker->on_acknowledged(truth(), server("a"), late);
    EXPECT_EQ(checker->violations().empty(), held);
    lead("b", 2);
  }
}

TEST_F(Checkers, OneWriterSeesTwoLeadersOfOneEpoch) {
  lead("a", 1);
  lead("b", 1);
  const auto checker = check_one_writer();
  acknowledge(*checker, "a");
  EXPECT_TRUE(checker->violations().empty());
  acknowledge(*checker, "b");
  EXPECT_FALSE(checker->violations().empty());
}

TEST_F(Checkers, SetInequalitySeesAWalsenderThatCountsWhoIsNotRecorded) {
  lead("a", 1);
  engine::FakeSender sender;
  sender.voter = kC;
  sender.loaded = record.set;
  sender.counted = true;
  server("a").senders[id("c")] = sender;
  const auto checker = check_set_inequality();
  checker->on_tick(truth());
  EXPECT_TRUE(checker->violations().empty());
  server("a").loaded.set = {{kB}, 1};  // what new ones inherit is narrow already
  record.set = {{kB}, 1};              // recorded before c's walsender had loaded it
  checker->on_tick(truth());
  ASSERT_FALSE(checker->violations().empty());
  EXPECT_NE(checker->violations()[0].find("walsender of orders/c"), std::string::npos);
}

TEST_F(Checkers, SetInequalitySeesAListThatIsWiderThanTheRecord) {
  lead("a", 1);
  const auto checker = check_set_inequality();
  record.set = {{kB}, 1};
  checker->on_tick(truth());
  EXPECT_FALSE(checker->violations().empty());
}

TEST_F(Checkers, ClaimedSeesAStepWithoutAClaimAndOneThatOutlivesIt) {
  const auto checker = check_claimed();
  const HostName a("a");
  const auto effect = [&](const std::optional<Claim>& claim, std::string_view call,
                          std::string_view detail, std::string_view content = {}) {
    Truth now = truth();
    now.claim = claim;
    checker->on_effect(now, {a, call, detail, content});
  };
  const auto begin = "{\"number\":1,\"capability\":\"provision\",\"kind\":\"Settle\"}\n";
  const auto end = "{\"of\":1,\"outcome\":\"done\"}\n";
  Claim claim;
  claim.host = a;
  checker->on_agent_began(a);
  effect(claim, "store.commit", "claim");
  effect(std::nullopt, "appended", "/state/journal", begin);  // given up by who was frozen
  effect(std::nullopt, "appended", "/state/journal", end);
  effect(std::nullopt, "write", "/state/members/orders-a/promise.json");
  EXPECT_TRUE(checker->violations().empty());
  effect(claim, "appended", "/state/journal", begin);
  EXPECT_TRUE(checker->violations().empty());
  effect(claim, "write", "/state/members/orders-a/promise.json");  // while the step goes on
  EXPECT_EQ(checker->violations().size(), 1u);
  effect(std::nullopt, "appended", "/state/journal", end);
  claim.capability = Capability::drill;
  effect(claim, "appended", "/state/journal", begin);  // another capability's
  EXPECT_EQ(checker->violations().size(), 2u);
  effect(std::nullopt, "appended", "/state/journal", end);
  claim.capability = Capability::provision;
  claim.host = HostName("b");
  effect(claim, "appended", "/state/journal", begin);  // another host's
  EXPECT_EQ(checker->violations().size(), 3u);
}

TEST_F(Checkers, JournaledSeesAStepWithoutIntent) {
  const auto checker = check_journaled();
  const HostName a("a");
  const auto effect = [&](std::string_view call, std::string_view detail,
                          std::string_view content = {}) {
    checker->on_effect(truth(), {a, call, detail, content});
  };
  checker->on_agent_began(a);
  effect("server.kill_all", "sim/a/orders-a");  // a fence needs none
  effect("write", "/state/agent.json");         // and is no member's
  effect("appended", "/state/journal", "{\"number\":1,\"outcome\":\"open\"}\n");
  effect("write", "/state/members/orders-a/promise.json");
  EXPECT_TRUE(checker->violations().empty());
  effect("appended", "/state/journal", "{\"of\":1,\"outcome\":\"done\"}\n");
  effect("write", "/state/members/orders-a/promise.json");
  EXPECT_EQ(checker->violations().size(), 1u);
  effect("written", "/state/journal", "{\"number\":1,\"outcome\":\"done\"}\n");
  effect("appended", "/state/journal", "{\"number\":2,\"outcome\":\"open\"}\n");
  checker->on_agent_began(a);  // an intent of an earlier life allows nothing
  effect("server.start", "sim/a/orders-a");
  EXPECT_EQ(checker->violations().size(), 2u);
}

TEST_F(Checkers, FlappingSeesAChangeInTheCalm) {
  lead("a", 1);
  const auto checker = check_flapping();
  calm = true;
  checker->on_tick(truth());
  checker->on_tick(truth());
  EXPECT_TRUE(checker->violations().empty());
  record.epoch = {0, 2};
  checker->on_tick(truth());
  EXPECT_FALSE(checker->violations().empty());
}

TEST_F(Checkers, FlappingCountsPromotionsAgainstFaults) {
  lead("a", 1);
  cluster.disk(id("a")).lineage.branches.resize(3);
  faults = 2;
  const auto enough = check_flapping();
  enough->on_end(truth());
  EXPECT_TRUE(enough->violations().empty());
  faults = 1;
  const auto too_many = check_flapping();
  too_many->on_end(truth());
  EXPECT_FALSE(too_many->violations().empty());
}

TEST_F(Checkers, SetInequalityMindsAWalsenderOfReplacedData) {
  lead("a", 1);
  const auto checker = check_set_inequality();
  engine::FakeSettings renamed;
  renamed.name = Incarnation("new");
  cluster.launch(id("b"), HostName("b"));  // places it; without data nothing starts
  ASSERT_TRUE(disks["b"].write(cluster.paths(id("b"), HostName("b")).settings(),
                               to_json(renamed).dump(), 0600));
  record.set = {{{MemberName("b"), Incarnation("new")}, kC}, 1};
  checker->on_tick(truth());
  EXPECT_TRUE(checker->violations().empty());  // nobody bears b's old name any more
  engine::FakeSender sender;
  sender.voter = kB;
  sender.loaded = server("a").loaded.set;
  sender.half_open = true;
  server("a").senders[id("b")] = sender;
  checker->on_tick(truth());
  EXPECT_FALSE(checker->violations().empty());
}

TEST_F(Checkers, CopiesCountsWhoHoldsWhatIsAcknowledged) {
  lead("a", 1);
  for (const bool held : {true, false}) {
    const auto checker = check_copies();
    EXPECT_TRUE(cluster.commit(id("a"), {}).has_value());
    const RowId row = cluster.disk(id("a")).log.back();
    if (held) cluster.disk(id("b")).log.push_back(row);
    checker->on_acknowledged(truth(), server("a"), row);
    EXPECT_EQ(checker->violations().empty(), held);
  }
}

TEST_F(Checkers, CopiesCountsWhoHadItUntilItsDiskWasLost) {
  lead("a", 1);
  for (const bool had : {true, false}) {
    lead("b", 1);
    const auto checker = check_copies();
    EXPECT_TRUE(cluster.commit(id("a"), {}).has_value());
    const RowId row = cluster.disk(id("a")).log.back();
    if (had) cluster.disk(id("b")).log.push_back(row);
    cluster.lose_data(id("b"));
    checker->on_acknowledged(truth(), server("a"), row);
    EXPECT_EQ(checker->violations().empty(), had);
  }
}

TEST_F(Checkers, OnlyCopySeesAnAcknowledgedRowThatNobodyElseHas) {
  lead("a", 1);
  lead("b", 1);
  record.leader = kB;
  const auto overwritten = [&](bool exported) {
    const auto checker = check_only_copy();
    if (exported) {
      checker->on_effect(truth(), {HostName("a"), "write", "/state/members/a/exports/1.json", {}});
    }
    checker->on_overwrite(truth(), id("a"));
    return checker->violations().empty();
  };
  cluster.disk(id("b")).log = cluster.disk(id("a")).log;
  EXPECT_TRUE(overwritten(false));
  EXPECT_TRUE(cluster.commit(id("a"), {}).has_value());  // nobody was told
  EXPECT_TRUE(overwritten(true));
  EXPECT_FALSE(overwritten(false));
  server("a").waits = false;
  EXPECT_TRUE(cluster.commit(id("a"), {}).has_value());
  EXPECT_FALSE(overwritten(true));
}

TEST_F(Checkers, ReasonsWantsAWordOnWhyNobodyLeads) {
  lead("a", 1);
  std::map<HostName, std::string> because{{HostName("b"), "follows a in epoch 1"}};
  const auto saying = [&](const std::string& word) {
    const auto checker = check_reasons();
    because[HostName("b")] = word;
    for (int i = 0; i < 10; ++i) {
      Truth now = truth();
      now.because = &because;
      checker->on_tick(now);
      at += 1s;
    }
    return checker->violations().empty();
  };
  EXPECT_TRUE(saying("follows a in epoch 1"));
  cluster.end(id("a"), false);
  EXPECT_FALSE(saying("follows a in epoch 1"));
  EXPECT_TRUE(saying("a is silent for 3 s, but too few of its voters answer"));
}

// b follows a as the record says; then one thing after the other is half-done.
TEST_F(Checkers, WholeSeesWhatIsHalfDone) {
  lead("a", 1);
  service.members.resize(2);
  record.members = {{MemberName("a"), Incarnation("aaa")}, kB};
  const auto paths_of = [&](const std::string& name) {
    return cluster.paths(id(name), HostName(name));
  };
  const auto note = [&](const std::string& name, const std::string& path, const std::string& text) {
    ASSERT_TRUE(disks[name].write(path, text, 0600).has_value());
  };
  note("a", paths_of("a").incarnation(), R"({"incarnation": "aaa"})");
  note("b", paths_of("b").incarnation(), R"({"incarnation": "bbb"})");
  engine::FakeSettings follows;
  follows.standby = true;
  follows.upstream = MemberName("a");
  follows.epoch = follows.key_epoch = 1;
  const auto violations = [&] {
    const auto checker = check_whole();
    checker->on_end(truth());
    return checker->violations();
  };
  const auto restored = [&] {
    note("b", paths_of("b").settings(), to_json(follows).dump());
    note("b", paths_of("b").key(1), "key");
    note("b", paths_of("b").promise(), R"({"round": 0, "last": 3})");
    cluster.disk(id("b")).damaged = false;
    return disks["b"].remove(paths_of("b").rewinding()).has_value();
  };
  const std::pair<const char*, std::function<void()>> halves[] = {
      {"half copied", [&] { cluster.begin_copy(id("b")); }},
      {"rewind was cut off", [&] { note("b", paths_of("b").rewinding(), "1"); }},
      {"promise of round 3",
       [&] { note("b", paths_of("b").promise(), R"({"round": 3, "last": 3})"); }},
      {"no key", [&] { ASSERT_TRUE(disks["b"].remove(paths_of("b").key(1)).has_value()); }},
      {"would lead", [&] { note("b", paths_of("b").settings(), "{}"); }},
  };
  for (const auto& [what, spoil] : halves) {
    ASSERT_TRUE(restored());
    spoil();
    calm = false;
    EXPECT_TRUE(violations().empty()) << what;
    calm = true;
    ASSERT_EQ(violations().size(), 1u) << what;
    EXPECT_NE(violations()[0].find(what), std::string::npos) << violations()[0];
  }
  ASSERT_TRUE(restored());
  EXPECT_TRUE(violations().empty());
  record.members = {{MemberName("a"), Incarnation("aaa")}, {MemberName("b"), Incarnation("other")}};
  EXPECT_EQ(violations().size(), 1u);
}

TEST_F(Checkers, RoundsSeesOneThatIsOvertakenBeforeItsLimit) {
  for (const Duration after : {Duration(2s), Duration(4s)}) {
    const auto checker = check_rounds();
    record.round = OpenRound{2, HostName("b")};
    checker->on_tick(truth());
    at += after;
    record.round = OpenRound{3, HostName("c")};
    checker->on_tick(truth());
    EXPECT_EQ(checker->violations().empty(), after > 3s);
  }
}

TEST_F(Checkers, RoundsSeesALeaderOfAnEpochThatIsNotRecorded) {
  lead("a", 1);
  const auto checker = check_rounds();
  checker->on_tick(truth());
  EXPECT_TRUE(checker->violations().empty());
  lead("b", 2);
  checker->on_tick(truth());
  EXPECT_FALSE(checker->violations().empty());
}

TEST_F(Checkers, RewoundSeesATailThatIsStillThere) {
  lead("a", 2);
  lead("b", 1);
  EXPECT_TRUE(cluster.commit(id("b"), {}).has_value());  // it reached nobody
  const auto done = [&](Checker& checker) {
    checker.on_effect(truth(), {HostName("b"), "remove", "/state/members/orders-b/rewinding", {}});
    return checker.violations().empty();
  };
  for (const bool rewound : {false, true}) {
    const auto checker = check_rewound();
    EXPECT_TRUE(done(*checker));
    checker->on_overwrite(truth(), id("b"));
    if (rewound) cluster.disk(id("b")).log = cluster.disk(id("a")).log;
    EXPECT_EQ(done(*checker), rewound);
  }
}

TEST_F(Checkers, PromisedSeesALogThatGrowsAfterItsAnswer) {
  lead("b", 1);
  const auto writes = [&](Checker& checker, const char* file, const std::string& text) {
    checker.on_effect(truth(), {HostName("b"), "written", std::string("/b/") + file, text});
  };
  Promise promise;
  promise.round = 2;
  promise.standing = cluster.standing(id("b"));
  const std::string held =
      Json::object().set("round", 2).set("last", 2).set("given", to_json(promise)).dump();
  const auto answered = check_promised();
  writes(*answered, "promise.json", held);
  const auto given_back = check_promised();
  writes(*given_back, "promise.json", held);
  writes(*given_back, "promise.json", R"({"round": 0, "last": 2})");
  const auto promoted = check_promised();
  writes(*promoted, "promise.json", held);
  writes(*promoted, "incarnation.json", R"({"incarnation": "bbb", "led": [0, 2]})");
  answered->on_tick(truth());
  EXPECT_TRUE(answered->violations().empty());
  EXPECT_TRUE(cluster.commit(id("b"), {}).has_value());
  for (Checker* checker : {answered.get(), given_back.get(), promoted.get()}) {
    checker->on_tick(truth());
    EXPECT_EQ(checker->violations().empty(), checker != answered.get());
  }
}

TEST_F(Checkers, ProgressNamesWhatIsMissing) {
  EXPECT_NE(not_back(truth()).find("does not lead"), std::string::npos);
  lead("a", 1);
  EXPECT_EQ(not_back(truth()), "the leader has no confirmed commit of its own");
  record.confirmed = true;
  EXPECT_EQ(not_back(truth()), "orders/b does not run");
  record.round = OpenRound{2, HostName("b")};
  EXPECT_EQ(not_back(truth()), "round 2 is open");
}

}  // namespace
}  // namespace weir::sim
