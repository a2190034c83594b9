// The fake passes the suite of the real thing; and what only it models, is shown to bite.
#include <algorithm>

#include "engine/conformance.h"
#include "engine/fake/bench.h"

namespace weir::engine {

INSTANTIATE_TYPED_TEST_SUITE_P(Fake, Conformance, FakeBench);

namespace {

constexpr Epoch kFirst{0, 1};

class Fake : public testing::Test {
 protected:
  Fake() {
    auto& a = *bench.engine("a").runs();
    EXPECT_TRUE(a.create(bench.member("a"), Incarnation("aaa"), bench.service(), soon()));
    EXPECT_TRUE(a.start(bench.member("a"), kFirst, soon()));
    for (const std::string host : {"b", "c"}) {
      auto& engine = bench.engine(host);
      const Upstream upstream{bench.member("a"), kFirst};
      EXPECT_TRUE(engine.runs()->copy(bench.member(host), upstream,
                                      Incarnation(std::string(3, host[0])), bench.service(),
                                      soon()));
      EXPECT_TRUE(engine.leads()->follow(bench.member(host), upstream, soon()));
    }
    set_ = {{{MemberName("b"), Incarnation("bbb")}, {MemberName("c"), Incarnation("ccc")}}, 1};
    EXPECT_TRUE(bench.engine("a").leads()->load_set(bench.member("a"), set_, soon()));
  }
  Deadline soon() { return bench.within(20s); }
  FakeServer& server(const std::string& host) { return *bench.cluster.server(bench.id(host)); }

  FakeBench bench;
  SyncSet set_;
};

TEST_F(Fake, AReceiverOutlivesItsSettingsWhileReplayIsPaused) {
  bench.cluster.pause_replay(bench.id("b"), bench.clock().now() + 10s);
  FakeSettings settings = bench.cluster.settings_of(bench.id("b"));
  settings.upstream = {};
  const std::string path = bench.cluster.paths(bench.id("b"), HostName("b")).settings();
  ASSERT_TRUE(bench.world("b").files.write(path, to_json(settings).dump()));
  bench.cluster.reload(bench.id("b"));
  bench.clock().sleep_for(1s);
  EXPECT_TRUE(server("b").loaded.upstream.empty());
  EXPECT_TRUE(server("b").receiver.has_value());  // and still acknowledges
  EXPECT_EQ(server("a").senders.count(bench.id("b")), 1u);
  bench.clock().sleep_for(10s);
  EXPECT_FALSE(server("b").receiver.has_value());
}

TEST_F(Fake, AWalsenderGoesByTheSettingThatItLoadedItself) {
  // b alone is listed on disk, but nobody has reloaded: c still releases commits.
  bench.cluster.kill_receiver(bench.id("b"));
  bench.cluster.pause_replay(bench.id("b"), bench.clock().now() + 10s);
  ASSERT_TRUE(bench.engine("b").runs()->stop(bench.member("b"), StopMode::fast, soon()));
  FakeSettings settings = bench.cluster.settings_of(bench.id("a"));
  settings.set = {{{MemberName("b"), Incarnation("bbb")}}, 1};
  const std::string path = bench.cluster.paths(bench.id("a"), HostName("a")).settings();
  ASSERT_TRUE(bench.world("a").files.write(path, to_json(settings).dump()));
  EXPECT_TRUE(bench.engine("a").leads()->confirm(bench.member("a"), kFirst, soon()));
  bench.cluster.reload(bench.id("a"));
  bench.clock().sleep_for(1s);
  EXPECT_FALSE(bench.engine("a").leads()->confirm(bench.member("a"), kFirst, bench.within(500ms)));
}

TEST_F(Fake, AKilledServerIsGoneOnlyWhenItsBackendsAre) {
  bench.kill("a");
  EXPECT_FALSE(bench.cluster.running(bench.id("a")));
  EXPECT_TRUE(bench.cluster.any_left(bench.id("a")));
  bench.clock().sleep_for(1s);
  EXPECT_FALSE(bench.cluster.any_left(bench.id("a")));
}

TEST_F(Fake, ALedgerSessionWritesAndReadsBack) {
  auto session = bench.engine("a").writes()->connect(bench.service().members, {}, soon());
  ASSERT_TRUE(session.has_value());
  const LedgerRow row{1, 1, "", "h1"};
  EXPECT_EQ((*session)->write(row, soon()).written, Written::acknowledged);
  EXPECT_TRUE((*session)->read_back(row, soon()).value_or(false));
  bench.cluster.end(bench.id("a"), false);
  EXPECT_EQ((*session)->write({1, 2, "h1", "h2"}, soon()).written, Written::refused);
  bench.cluster.kill_host(HostName("a"));  // then nobody is left who could refuse
  EXPECT_EQ((*session)->write({1, 3, "h1", "h3"}, soon()).written, Written::in_doubt);
}

TEST_F(Fake, AnUnansweredCommitIsInDoubt) {
  auto session = bench.engine("a").writes()->connect(bench.service().members, {}, soon());
  ASSERT_TRUE(session.has_value());
  bench.cluster.kill_host(HostName("b"));
  bench.cluster.kill_host(HostName("c"));
  EXPECT_EQ((*session)->write({1, 1, "", "h1"}, bench.within(1s)).written, Written::in_doubt);
}

TEST_F(Fake, ARewindGoesByTheLeadersLastCheckpoint) {
  FakeCluster& cluster = bench.cluster;
  const auto rewound = [&] {
    const Standing before = cluster.standing(bench.id("a"));
    cluster.begin_copy(bench.id("a"));
    EXPECT_TRUE(cluster.end_rewind(bench.id("a"), HostName("a"), bench.id("b"), HostName("b")));
    return cluster.standing(bench.id("a")) != before;
  };
  ASSERT_TRUE(bench.engine("b").leads()->promise(bench.member("b"), 2, soon()));
  EXPECT_TRUE(cluster.commit(bench.id("a"), {}).has_value());  // which b will never have
  cluster.end(bench.id("a"), false);
  ASSERT_TRUE(bench.engine("b").leads()->promote(bench.member("b"), {0, 2}, set_, soon()));
  EXPECT_FALSE(rewound());
  bench.clock().sleep_for(2s);
  EXPECT_FALSE(rewound());
  bench.clock().sleep_for(2s);
  EXPECT_TRUE(rewound());
}

TEST_F(Fake, AReplicaWithoutAReceiverRestoresFromTheArchiveUnlessItHasPromised) {
  for (const std::string host : {"b", "c"}) {
    const std::string path = bench.cluster.paths(bench.id(host), HostName(host)).key(1);
    ASSERT_TRUE(bench.world(host).files.remove(path));  // then no receiver comes back
    bench.cluster.kill_receiver(bench.id(host));
  }
  ASSERT_TRUE(bench.engine("c").leads()->promise(bench.member("c"), 2, soon()));
  EXPECT_TRUE(bench.cluster.commit(bench.id("a"), {}).has_value());
  const Position before = bench.cluster.end_of(bench.id("b"));
  bench.clock().sleep_for(1s);
  EXPECT_EQ(bench.cluster.end_of(bench.id("b")), before);
  bench.cluster.archive(bench.id("a"));
  bench.clock().sleep_for(1s);
  EXPECT_EQ(bench.cluster.end_of(bench.id("b")), bench.cluster.end_of(bench.id("a")));
  EXPECT_EQ(bench.cluster.end_of(bench.id("c")), before);
}

TEST_F(Fake, AServerThatIsStillStartingCannotSayWhatWaitsForARestart) {
  Service service = bench.service();
  Resource param;
  param.kind = "param";
  param.name = "max_connections";
  param.attributes["value"] = "200";
  service.resources = {param};
  const auto settle = [&] {
    return bench.engine("b").runs()->settle(bench.member("b"), service, true, soon());
  };
  bench.cluster.end(bench.id("b"), true);
  bench.cluster.launch(bench.id("b"), HostName("b"));
  EXPECT_FALSE(settle()) << "nothing is known of it yet, which is not the same as nothing waits";
  bench.clock().sleep_for(4s);
  EXPECT_EQ(settle().value_or(std::vector<std::string>{}),
            std::vector<std::string>{"max_connections"});
}

TEST_F(Fake, LostDataIsGoneWithItsIncarnation) {
  bench.cluster.lose_data(bench.id("c"));
  const auto local = bench.engine("c").runs()->local(bench.member("c"));
  ASSERT_TRUE(local.has_value());
  EXPECT_FALSE(local->data);
  EXPECT_TRUE(local->incarnation.empty());
  EXPECT_FALSE(bench.engine("c").leads()->find_standing(bench.member("c"), soon()));
}

}  // namespace
}  // namespace weir::engine
