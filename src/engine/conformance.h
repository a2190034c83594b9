// The contract of the faces as a test, for every engine that has Leads: the fake passes it in
// src/engine/fake, the real Postgres in tests/real/postgres. A Bench gives three hosts a, b, c with
// one member each of the service `orders`, nothing made yet:
//
//   Deadline within(Duration); const Member& member(const std::string& host);
//   const Service& service(); Engine& engine(const std::string& host);
//   void kill(const std::string& host)   SIGKILL of every process of the member's server
//   Clock& clock()
//
// INSTANTIATE_TYPED_TEST_SUITE_P(Fake, Conformance, FakeBench);
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/engine.h"

namespace weir::engine {

template <class Bench>
class Conformance : public testing::Test {
 protected:
  static constexpr Epoch kFirst{0, 1};

  Runs& runs(const std::string& host) { return *bench.engine(host).runs(); }
  Leads& leads(const std::string& host) { return *bench.engine(host).leads(); }
  Observes& observes(const std::string& host) { return *bench.engine(host).observes(); }
  const Member& member(const std::string& host) { return bench.member(host); }
  Deadline soon() { return bench.within(60s); }
  Deadline brief() { return bench.within(2s); }
  Voter voter(const std::string& host) { return {member(host).name, local(host).incarnation}; }
  SyncSet set_of(const std::vector<std::string>& hosts, int number = 1) {
    SyncSet out;
    for (const std::string& host : hosts) out.voters.push_back(voter(host));
    out.number = number;
    return out;
  }
  Upstream upstream(const std::string& host, Epoch epoch) { return {member(host), epoch}; }
  Local local(const std::string& host) {
    auto out = runs(host).local(member(host));
    EXPECT_TRUE(out.has_value()) << said(out);
    return out ? *out : Local{};
  }
  Sighting seen(const std::string& host) { return observes("a").probe(member(host), brief()); }
  template <class T>
  static std::string said(const Result<T>& result) {
    return result ? "success" : result.error().what;
  }
  template <class T>
  static void expect_failure(const Result<T>& result, Failure failure) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(name_of(result.error().failure), std::string(name_of(failure)))
        << result.error().what;
  }
  bool wait_for(const std::function<bool()>& check) {
    return poll_until(bench.clock(), bench.within(30s), 10ms, check);
  }
  bool streams(const std::string& host, const std::string& leader) {
    const Sighting sighting = seen(leader);
    for (const Follower& follower : sighting.followers) {
      if (follower.voter == voter(host) && follower.streaming) return true;
    }
    return false;
  }

  // `a` leads the first epoch, b and c follow it, and its commits wait for one of both.
  void begin() {
    must(runs("a").create(member("a"), Incarnation("aaaaaaaaaaaa"), bench.service(), soon()));
    must(runs("a").start(member("a"), kFirst, soon()));
    for (const std::string host : {"b", "c"}) {
      must(runs(host).copy(member(host), upstream("a", kFirst),
                           Incarnation(std::string(12, host[0])), bench.service(), soon()));
      must(leads(host).follow(member(host), upstream("a", kFirst), soon()));
      ASSERT_TRUE(wait_for([&] { return streams(host, "a"); })) << host << " does not stream";
    }
    must(leads("a").load_set(member("a"), set_of({"b", "c"}), soon()));
    must(leads("a").confirm(member("a"), kFirst, soon()));
  }
  static void must(const Result<>& result) { ASSERT_TRUE(result.has_value()) << said(result); }
  void promote(const std::string& host, std::int64_t round, const SyncSet& set) {
    const auto promise = leads(host).promise(member(host), round, soon());
    ASSERT_TRUE(promise.has_value()) << said(promise);
    must(leads(host).promote(member(host), {0, round}, set, soon()));
  }

  Bench bench;
};

TYPED_TEST_SUITE_P(Conformance);

TYPED_TEST_P(Conformance, NothingIsThereBeforeItIsMade) {
  const Local nothing = this->local("a");
  EXPECT_FALSE(nothing.data);
  EXPECT_FALSE(nothing.foreign);
  EXPECT_TRUE(nothing.incarnation.empty());
  EXPECT_EQ(nothing.server.life, ServerLife::absent);
  EXPECT_EQ(this->seen("a").reach, Reach::refused);
  EXPECT_FALSE(this->runs("a").start(this->member("a"), this->kFirst, this->soon()));
}

TYPED_TEST_P(Conformance, CreateMakesALeaderOnceAndRefusesOtherData) {
  auto& runs = this->runs("a");
  const Member& a = this->member("a");
  const Incarnation first("aaaaaaaaaaaa");
  this->must(runs.create(a, first, this->bench.service(), this->soon()));
  this->must(runs.create(a, first, this->bench.service(), this->soon()));
  this->expect_failure(
      runs.create(a, Incarnation("zzzzzzzzzzzz"), this->bench.service(), this->soon()),
      Failure::refused);
  this->must(runs.start(a, this->kFirst, this->soon()));
  this->must(runs.start(a, this->kFirst, this->soon()));
  const Local made = this->local("a");
  EXPECT_TRUE(made.data);
  EXPECT_EQ(made.incarnation, first);
  EXPECT_EQ(made.server.life, ServerLife::running);
  EXPECT_FALSE(made.as_replica);
  // Leading an epoch is promote's word, for the first leader, too; here it only writes it down.
  EXPECT_TRUE(made.led.none());
  this->must(this->leads("a").promote(a, this->kFirst, {}, this->soon()));
  EXPECT_EQ(this->local("a").led, this->kFirst);
  const Sighting sighting = this->seen("a");
  EXPECT_EQ(sighting.reach, Reach::serving) << sighting.detail;
  EXPECT_EQ(sighting.role, Role::leader);
  EXPECT_EQ(sighting.timeline, 1);
}

TYPED_TEST_P(Conformance, StopAndFenceLeaveNoProcess) {
  this->begin();
  this->must(this->runs("b").stop(this->member("b"), StopMode::fast, this->soon()));
  this->must(this->runs("b").stop(this->member("b"), StopMode::fast, this->soon()));
  EXPECT_EQ(this->local("b").server.life, ServerLife::ended);
  this->must(this->runs("a").fence(this->member("a"), this->soon()));
  this->must(this->runs("a").fence(this->member("a"), this->soon()));
  const Local fenced = this->local("a");
  EXPECT_EQ(fenced.server.life, ServerLife::ended);
  EXPECT_FALSE(fenced.processes_left);
  EXPECT_EQ(this->seen("a").reach, Reach::refused);
}

TYPED_TEST_P(Conformance, ReplicasStreamUnderTheirIncarnationAndAreCounted) {
  this->begin();
  const Sighting leader = this->seen("a");
  ASSERT_EQ(leader.followers.size(), 2u);
  for (const Follower& follower : leader.followers) EXPECT_TRUE(follower.counted);
  EXPECT_TRUE(leader.writable);
  const Local b = this->local("b");
  EXPECT_TRUE(b.as_replica);
  EXPECT_EQ(b.follows, this->member("a").name);
  EXPECT_EQ(b.follows_epoch, this->kFirst);
  EXPECT_TRUE(this->wait_for([&] { return this->seen("b").position_known; }));
  EXPECT_EQ(this->seen("b").role, Role::replica);
  this->must(this->observes("a").probe_write(this->member("a"), this->soon()));
}

TYPED_TEST_P(Conformance, CommitsWaitForTheLoadedSetOnly) {
  this->begin();
  SyncSet nobody;
  nobody.voters = {{MemberName("b"), Incarnation("xxxxxxxxxxxx")}};  // b, but of another life
  this->expect_failure(this->leads("a").load_set(this->member("a"), nobody, this->brief()),
                       Failure::timed_out);
  EXPECT_FALSE(this->leads("a").confirm(this->member("a"), this->kFirst, this->brief()));
  const SyncSet both = this->set_of({"b", "c"});
  this->must(this->leads("a").load_set(this->member("a"), both, this->soon()));
  this->must(this->leads("a").load_set(this->member("a"), both, this->soon()));
  this->must(this->leads("a").confirm(this->member("a"), this->kFirst, this->soon()));
}

TYPED_TEST_P(Conformance, APromiseStopsAcknowledgements) {
  this->begin();
  for (const std::string host : {"b", "c"}) {
    const auto promise = this->leads(host).promise(this->member(host), 2, this->soon());
    ASSERT_TRUE(promise.has_value()) << this->said(promise);
    EXPECT_EQ(promise->voter, this->voter(host));
    EXPECT_EQ(promise->round, 2);
    EXPECT_EQ(promise->of, this->kFirst);
    const auto again = this->leads(host).promise(this->member(host), 2, this->soon());
    ASSERT_TRUE(again.has_value()) << this->said(again);
    EXPECT_EQ(*again, *promise);
    EXPECT_EQ(this->local(host).promised, 2);
  }
  EXPECT_FALSE(this->leads("a").confirm(this->member("a"), this->kFirst, this->brief()));
  EXPECT_TRUE(this->seen("a").followers.empty());
}

TYPED_TEST_P(Conformance, APromiseOutlivesItsServer) {
  this->begin();
  ASSERT_TRUE(this->leads("b").promise(this->member("b"), 2, this->soon()).has_value());
  this->bench.kill("b");
  ASSERT_TRUE(this->wait_for([&] { return !this->local("b").processes_left; }));
  this->must(this->runs("b").start(this->member("b"), this->kFirst, this->soon()));
  EXPECT_EQ(this->local("b").promised, 2);
  this->bench.clock().sleep_for(500ms);
  EXPECT_FALSE(this->streams("b", "a"));
}

TYPED_TEST_P(Conformance, WhoPromisedRefusesEverythingBelow) {
  this->begin();
  ASSERT_TRUE(this->leads("b").promise(this->member("b"), 5, this->soon()).has_value());
  this->expect_failure(this->leads("b").promise(this->member("b"), 4, this->soon()),
                       Failure::refused);
  this->expect_failure(
      this->leads("b").follow(this->member("b"), this->upstream("a", this->kFirst), this->soon()),
      Failure::refused);
  this->expect_failure(
      this->leads("b").promote(this->member("b"), {0, 4}, this->set_of({"a", "c"}), this->soon()),
      Failure::refused);
  this->expect_failure(this->leads("b").release(this->member("b"), 4, {}, this->soon()),
                       Failure::refused);
}

TYPED_TEST_P(Conformance, ARunningLeaderDoesNotPromise) {
  this->begin();
  this->expect_failure(this->leads("a").promise(this->member("a"), 2, this->soon()),
                       Failure::refused);
  this->must(this->runs("a").fence(this->member("a"), this->soon()));
  const auto promise = this->leads("a").promise(this->member("a"), 2, this->soon());
  ASSERT_TRUE(promise.has_value()) << this->said(promise);
  this->expect_failure(this->runs("a").start(this->member("a"), this->kFirst, this->soon()),
                       Failure::refused);
}

TYPED_TEST_P(Conformance, AReleasedPromiseLetsItFollowAgain) {
  this->begin();
  ASSERT_TRUE(this->leads("b").promise(this->member("b"), 2, this->soon()).has_value());
  const auto upstream = this->upstream("a", this->kFirst);
  this->must(this->leads("b").release(this->member("b"), 2, upstream, this->soon()));
  this->must(this->leads("b").release(this->member("b"), 2, upstream, this->soon()));
  EXPECT_EQ(this->local("b").promised, 0);
  EXPECT_EQ(this->local("b").promised_last, 2);
  EXPECT_TRUE(this->wait_for([&] { return this->streams("b", "a"); }));
}

TYPED_TEST_P(Conformance, ThePromisedPositionIsTheEndOfTheLog) {
  this->begin();
  this->must(this->leads("a").load_set(this->member("a"), this->set_of({"b"}), this->soon()));
  this->must(this->leads("a").confirm(this->member("a"), this->kFirst, this->soon()));
  const Position written = this->seen("a").written;
  // A server that has received nothing since its start knows it all the same.
  this->must(this->runs("a").fence(this->member("a"), this->soon()));
  this->must(this->runs("b").stop(this->member("b"), StopMode::fast, this->soon()));
  this->must(this->runs("b").start(this->member("b"), this->kFirst, this->soon()));
  EXPECT_FALSE(this->seen("b").position_known);
  const auto promise = this->leads("b").promise(this->member("b"), 2, this->soon());
  ASSERT_TRUE(promise.has_value()) << this->said(promise);
  EXPECT_GE(promise->standing.at, written);
  const auto standing = this->leads("b").find_standing(this->member("b"), this->soon());
  ASSERT_TRUE(standing.has_value()) << this->said(standing);
  EXPECT_EQ(*standing, promise->standing);
}

TYPED_TEST_P(Conformance, PromotionOpensWithTheSetLoaded) {
  this->begin();
  const SyncSet others = this->set_of({"a", "c"});
  // Or c could have more than b, and would not descend from it.
  ASSERT_TRUE(this->wait_for([&] {
    const Position at = this->seen("a").written;
    return this->seen("b").written == at && this->seen("c").written == at;
  }));
  this->must(this->runs("a").fence(this->member("a"), this->soon()));
  this->promote("b", 3, others);
  this->must(this->leads("b").promote(this->member("b"), {0, 3}, others, this->soon()));
  const Sighting b = this->seen("b");
  EXPECT_EQ(b.role, Role::leader);
  EXPECT_EQ(b.timeline, 3);  // every epoch has a timeline of its own number
  EXPECT_EQ(this->local("b").led, (Epoch{0, 3}));
  EXPECT_EQ(this->local("b").promised, 0);
  EXPECT_FALSE(this->leads("b").confirm(this->member("b"), {0, 3}, this->brief()));
  this->must(this->leads("c").follow(this->member("c"), this->upstream("b", {0, 3}), this->soon()));
  this->must(this->leads("c").follow(this->member("c"), this->upstream("b", {0, 3}), this->soon()));
  ASSERT_TRUE(this->wait_for([&] { return this->streams("c", "b"); }));
  this->must(this->leads("b").confirm(this->member("b"), {0, 3}, this->soon()));
}

TYPED_TEST_P(Conformance, CommitsWaitForNobodyWithoutANumber) {
  this->begin();
  const Member& a = this->member("a");
  this->must(this->leads("a").load_set(a, {{}, 0}, this->soon()));
  EXPECT_EQ(this->seen("a").set_loaded, "");
  this->must(this->observes("a").probe_write(a, this->soon()));
  this->must(this->leads("a").confirm(a, this->kFirst, this->soon()));
  this->must(this->runs("b").fence(this->member("b"), this->soon()));
  this->must(this->leads("a").confirm(a, this->kFirst, this->soon()));
  this->must(this->runs("c").fence(this->member("c"), this->soon()));
  this->must(this->observes("a").probe_write(a, this->soon()));
  EXPECT_FALSE(this->leads("a").confirm(a, this->kFirst, this->brief()))
      << "a commit is confirmed by a replica, also where none is waited for";
}

TYPED_TEST_P(Conformance, AnIsolatedLeaderTakesNoWritesUntilItIsToldOrStarted) {
  this->begin();
  const Member& a = this->member("a");
  Isolates& isolates = *this->bench.engine("a").isolates();
  const auto writable = [&](bool wanted) {
    return this->wait_for([&] { return this->seen("a").writable == wanted; });
  };
  for (int again = 0; again < 2; ++again) {
    this->must(isolates.isolate(a, this->soon()));
    EXPECT_TRUE(writable(false));
  }
  for (int again = 0; again < 2; ++again) {
    this->must(isolates.take_writes(a, this->soon()));
    EXPECT_TRUE(writable(true));
  }
  this->must(isolates.isolate(a, this->soon()));
  this->must(this->runs("a").fence(a, this->soon()));
  this->must(this->runs("a").start(a, this->kFirst, this->soon()));
  EXPECT_TRUE(writable(true)) << "a start clears it";
}

TYPED_TEST_P(Conformance, AFormerLeaderWithATailOfItsOwnIsRewound) {
  this->begin();
  // Its last commit reached nobody.
  for (const std::string host : {"b", "c"}) {
    this->must(this->runs(host).stop(this->member(host), StopMode::fast, this->soon()));
  }
  EXPECT_FALSE(this->leads("a").confirm(this->member("a"), this->kFirst, this->brief()));
  this->must(this->runs("a").fence(this->member("a"), this->soon()));
  for (const std::string host : {"b", "c"}) {
    this->must(this->runs(host).start(this->member(host), this->kFirst, this->soon()));
  }
  this->promote("b", 2, this->set_of({"a", "c"}));
  const Upstream b = this->upstream("b", {0, 2});
  this->must(this->leads("c").follow(this->member("c"), b, this->soon()));
  this->must(this->leads("b").confirm(this->member("b"), {0, 2}, this->soon()));
  this->expect_failure(this->leads("a").follow(this->member("a"), b, this->soon()),
                       Failure::bad_data);
  const Incarnation before = this->local("a").incarnation;
  this->must(this->leads("a").rejoin(this->member("a"), b, Rejoin::rewind,
                                     Incarnation("ffffffffffff"), this->bench.service(),
                                     this->soon()));
  this->must(this->leads("a").follow(this->member("a"), b, this->soon()));
  EXPECT_EQ(this->local("a").incarnation, before);
  EXPECT_TRUE(this->wait_for([&] { return this->streams("a", "b"); }));
}

TYPED_TEST_P(Conformance, ARebuiltMemberIsAnotherVoter) {
  this->begin();
  this->must(this->runs("c").fence(this->member("c"), this->soon()));
  const Upstream a = this->upstream("a", this->kFirst);
  const Incarnation fresh("ffffffffffff");
  this->must(this->leads("c").rejoin(this->member("c"), a, Rejoin::rebuild, fresh,
                                     this->bench.service(), this->soon()));
  this->must(this->leads("c").follow(this->member("c"), a, this->soon()));
  EXPECT_EQ(this->local("c").incarnation, fresh);
  ASSERT_TRUE(this->wait_for([&] { return this->streams("c", "a"); }));
  for (const Follower& follower : this->seen("a").followers) {
    const bool is_c = follower.voter.member == this->member("c").name;
    EXPECT_EQ(follower.counted, !is_c) << "the list names the life that is gone";
  }
}

REGISTER_TYPED_TEST_SUITE_P(Conformance, NothingIsThereBeforeItIsMade,
                            CreateMakesALeaderOnceAndRefusesOtherData, StopAndFenceLeaveNoProcess,
                            ReplicasStreamUnderTheirIncarnationAndAreCounted,
                            CommitsWaitForTheLoadedSetOnly, APromiseStopsAcknowledgements,
                            APromiseOutlivesItsServer, WhoPromisedRefusesEverythingBelow,
                            ARunningLeaderDoesNotPromise, AReleasedPromiseLetsItFollowAgain,
                            ThePromisedPositionIsTheEndOfTheLog, PromotionOpensWithTheSetLoaded,
                            CommitsWaitForNobodyWithoutANumber,
                            AnIsolatedLeaderTakesNoWritesUntilItIsToldOrStarted,
                            AFormerLeaderWithATailOfItsOwnIsRewound, ARebuiltMemberIsAnotherVoter);

}  // namespace weir::engine
