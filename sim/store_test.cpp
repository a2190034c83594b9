// The store's bad days: what was answered and what was done need not agree.
#include "sim/store.h"

#include <gtest/gtest.h>

#include <optional>

#include "store/memory/memory.h"

namespace weir::sim {
namespace {

const char* const kKey = "sim/x";

class Bad : public testing::Test {
 protected:
  Bad()
      : cluster(random),
        host(fibers, random, cluster, HostName("a")),
        server(random, store::make_memory(host.clock, host.workers)),
        store(server, net, fibers, host.passage, HostName("a")) {}

  // The answer to a change of the key, and when it came; nothing yet after three seconds: nullopt.
  std::optional<Result<store::Revision>> commit(const std::string& value) {
    auto out = std::make_shared<std::optional<Result<store::Revision>>>();
    fibers.begin(0, "writer", [this, out, value] {
      *out = store.commit({{kKey, revision(), value, 0}}, {fibers.now() + 1s});
    });
    fibers.run_until(fibers.now() + 3s);
    return *out;
  }
  store::Revision revision() {
    const auto entry = server.kept().get(kKey, {fibers.now() + 1s});
    return entry && *entry ? (*entry)->revision : 0;
  }
  std::string value() {
    const auto entry = server.kept().get(kKey, {fibers.now() + 1s});
    return entry && *entry ? (*entry)->value : "";
  }

  Fibers fibers;
  SimRandom random{1};
  SimNet net{random};
  engine::FakeCluster cluster;
  SimHost host;
  StoreServer server;
  SimStore store;
};

TEST_F(Bad, ADownStoreRefusesAndChangesNothing) {
  server.set_down(true);
  const auto refused = commit("1");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error().failure, Failure::unreachable);
  EXPECT_EQ(value(), "");
  server.heal(fibers.now());
  EXPECT_TRUE(commit("2").value_or(fail(Failure::io, "")).has_value());
  EXPECT_EQ(value(), "2");
}

TEST_F(Bad, AFrozenStoreDoesAtItsThawWhatItWasAsked) {
  server.freeze(fibers.now());
  const auto unknown = commit("1");
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->error().failure, Failure::outcome_unknown);
  EXPECT_EQ(value(), "");
  server.thaw(fibers.now());
  EXPECT_EQ(value(), "1");
}

TEST_F(Bad, ALostAnswerLeavesAllThreeWaysOpen) {
  server.doubt(1);
  int never = 0, done = 0, late = 0;
  for (int i = 1; i <= 60; ++i) {
    const std::string wanted = std::to_string(i);
    const auto unknown = commit(wanted);
    ASSERT_TRUE(unknown.has_value());
    ASSERT_EQ(unknown->error().failure, Failure::outcome_unknown);
    const bool at_once = value() == wanted;
    fibers.run_until(fibers.now() + 10s);
    const bool at_last = value() == wanted;
    (at_once ? done : at_last ? late : never) += 1;
  }
  EXPECT_GT(never, 0);
  EXPECT_GT(done, 0);
  EXPECT_GT(late, 0);
}

TEST_F(Bad, ACutOnTheWayBackIsDoneAndUnknown) {
  net.cut(kStore, HostName("a"));
  const auto unknown = commit("1");
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->error().failure, Failure::outcome_unknown);
  EXPECT_EQ(value(), "1");
  net.mend_all();
  net.cut(HostName("a"), kStore);
  const auto late = commit("2");
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->error().failure, Failure::outcome_unknown);
  EXPECT_EQ(value(), "1");
}

// What a member of the store that lags behind tells is old; what it is asked to agree on is not.
TEST_F(Bad, AStaleStoreListsAndWatchesThePastAndAnswersGetWithThePresent) {
  ASSERT_TRUE(commit("1").value_or(fail(Failure::io, "")).has_value());
  const store::Revision before = revision();
  server.fall_behind();
  ASSERT_TRUE(commit("2").value_or(fail(Failure::io, "")).has_value());
  std::string listed;
  std::string got;
  std::size_t news = 0;
  fibers.begin(0, "reader", [&] {
    const auto entries = store.list("sim/", {fibers.now() + 1s});
    if (entries && entries->size() == 1) listed = entries->front().value;
    const auto entry = store.get(kKey, {fibers.now() + 1s});
    if (entry && *entry) got = (*entry)->value;
    for (int i = 0; i < 2; ++i) {
      const auto watched = store.watch("sim/", before, {fibers.now() + 1s});
      if (watched) news += watched->events.size();
      EXPECT_EQ(news, static_cast<std::size_t>(i));  // the first one heard nothing
      server.heal(fibers.now());
    }
  });
  fibers.run_until(fibers.now() + 5s);
  EXPECT_EQ(listed, "1");
  EXPECT_EQ(got, "2");
  EXPECT_EQ(news, 1u);
}

}  // namespace
}  // namespace weir::sim
