// Facts in, views out: what the board remembers, what it forgets, and when it asks for a decision.
#include "agent/board_test.h"

namespace weir::agent {
namespace {

TEST_F(BoardTest, AViewHoldsWhatWasLearnt) {
  const failover::View seen = view();
  EXPECT_EQ(seen.now, kNow);
  EXPECT_EQ(seen.self, member("b"));
  EXPECT_EQ(seen.host, HostName("b"));
  EXPECT_EQ(seen.life, AgentLife("life-b"));
  EXPECT_EQ(seen.record, calm(6).record);
  EXPECT_EQ(seen.own.incarnation, kB.incarnation);
  EXPECT_EQ(seen.memory.began, kBegan);
  EXPECT_EQ(seen.memory.epoch_seen, kBegan);
  EXPECT_EQ(seen.given.fresh, Incarnation("fresh"));
  EXPECT_EQ(seen.given.jitter, 300ms);
  EXPECT_EQ(seen.given.policy.suspect_after, kTimings.suspect_after);
  EXPECT_EQ(seen.given.policy.sync, 1);
  ASSERT_EQ(seen.others.size(), 2U);
  EXPECT_EQ(seen.others[0].member, member("a"));
  EXPECT_EQ(seen.others[1].member, member("c"));
}

TEST_F(BoardTest, AMemberThatGoesTakesItsFactsAlongAndTheOthersStay) {
  board.learn_sighting(kA.member, leading(kNow), kTimings);
  board.learn_sighting(kC.member, refusing(kNow), kTimings);
  store::HeldService fewer = orders(8);
  fewer.service.members.pop_back();
  ASSERT_TRUE(board.learn_service(fewer));
  const failover::View seen = view();
  ASSERT_EQ(seen.others.size(), 1U);
  EXPECT_EQ(seen.others[0].seen.role, Role::leader);
  ASSERT_TRUE(board.learn_service(orders(9)));
  EXPECT_EQ(other("c").seen.reach, Reach::unknown) << "one that comes back begins anew";
}

TEST_F(BoardTest, ANewRoundBeginsWithoutPromises) {
  board.learn_record(with_round(7, 4), kNow - 2s);
  board.learn_done(with_promise(4), false, kNow - 2s);
  Spoken spoken = voice_of(kC, kNow - 1s);
  spoken.promise = promise_of(kC, 4);
  EXPECT_TRUE(board.learn_voice(kC.member, spoken)) << "a promise is news";
  EXPECT_FALSE(board.learn_voice(kC.member, spoken)) << "the same promise again is none";
  EXPECT_EQ(view().promises.size(), 2U);
  EXPECT_EQ(view().own.promised, 4);
  EXPECT_EQ(view().memory.round_seen, kNow - 2s);

  store::Held same = with_round(8, 4);
  same.record.confirmed = false;
  board.learn_record(same, kNow - 1s);
  EXPECT_EQ(view().promises.size(), 2U) << "the same round goes on";
  EXPECT_EQ(view().memory.round_seen, kNow - 2s);

  board.learn_record(with_round(9, 5), kNow);
  EXPECT_TRUE(view().promises.empty());
  EXPECT_EQ(view().memory.round_seen, kNow);
}

TEST_F(BoardTest, ARoundThatEndsWithoutALeaderIsToldFromOneThatEndsWell) {
  board.learn_record(with_round(7, 4), kNow - 3s);
  board.learn_record(calm(8), kNow - 2s);
  EXPECT_EQ(view().memory.round_closed, kNow - 2s);
  board.learn_record(with_round(9, 5), kNow - 1s);
  store::Held taken = calm(10);
  taken.record.epoch = {0, 5};
  taken.record.leader = kC;
  board.learn_record(taken, kNow);
  EXPECT_EQ(view().memory.round_closed, kNow - 2s);
  EXPECT_EQ(view().memory.epoch_seen, kNow);
}

TEST_F(BoardTest, ANewEpochBeginsWithoutTheOldOnesFacts) {
  failover::Done done;
  done.proven = calm(6).record.set;
  done.diverged = true;
  board.learn_done(done, false, kNow);
  board.learn_rejoin();
  EXPECT_TRUE(view().memory.proven);
  EXPECT_TRUE(view().memory.diverged);
  EXPECT_EQ(view().memory.diverged_from, (Epoch{0, 3}));
  EXPECT_EQ(view().memory.rejoins, 1);
  store::Held taken = calm(7);
  taken.record.epoch = {0, 4};
  taken.record.leader = kC;
  board.learn_record(taken, kNow + 1s);
  EXPECT_FALSE(view().memory.proven);
  EXPECT_FALSE(view().memory.diverged);
  EXPECT_EQ(view().memory.rejoins, 0);
  EXPECT_EQ(view().memory.receiving, kNow + 1s);
}

TEST_F(BoardTest, AProvenSetIsForgottenWithTheLifeOfItsServer) {
  failover::Done done;
  done.proven = calm(6).record.set;
  const auto prove = [&] {
    board.learn_local(running(77), kNow);
    board.learn_done(done, false, kNow);
    ASSERT_EQ(view().memory.proven, calm(6).record.set);
  };
  prove();
  board.learn_local(running(77), kNow);
  EXPECT_TRUE(view().memory.proven) << "the same server still has it loaded";
  board.learn_local(running(78), kNow);
  EXPECT_FALSE(view().memory.proven) << "a restarted server has yet to prove it";
  prove();
  engine::Local later = running(77);
  later.server.start_time = 2;
  board.learn_local(later, kNow);
  EXPECT_FALSE(view().memory.proven) << "a pid may come back, its start time does not";
  prove();
  engine::Local ended = running(77);
  ended.server.life = ServerLife::ended;
  board.learn_local(ended, kNow);
  EXPECT_FALSE(view().memory.proven);
}

TEST_F(BoardTest, AProvenSetIsForgottenBeforeAnotherIsLoaded) {
  failover::Done done;
  done.proven = calm(6).record.set;
  board.learn_done(done, false, kNow);
  board.forget_proof();
  EXPECT_FALSE(view().memory.proven) << "a load that fails half-way leaves no proof standing";
}

TEST_F(BoardTest, WhatWeWroteIsKnownBeforeItIsReadAgain) {
  failover::Done done;
  done.written = calm(8);
  done.written->record.set.voters = {kC};
  EXPECT_TRUE(board.learn_done(done, false, kNow)) << "it is to be remembered, too";
  EXPECT_EQ(board.held()->revision, 8);
  EXPECT_EQ(board.held()->record.set.voters, std::vector{kC});
  EXPECT_FALSE(board.learn_done(done, false, kNow));
}

TEST_F(BoardTest, AWriteThatMayStillComeIsRememberedUntilOneIsKnown) {
  failover::Done unknown;
  unknown.outcome = fail(Failure::outcome_unknown, "no answer");
  unknown.write_in_doubt = true;
  failover::Done elsewhere;  // a promotion that does not answer has written no record
  elsewhere.outcome = unknown.outcome;
  failover::Done refused;
  refused.outcome = fail(Failure::conflict, "somebody was faster");
  failover::Done written;
  written.written = calm(9);
  EXPECT_FALSE(view().memory.write_in_doubt);
  board.learn_done(refused, false, kNow);
  board.learn_done(elsewhere, false, kNow);
  EXPECT_FALSE(view().memory.write_in_doubt);
  board.learn_done(unknown, false, kNow);
  EXPECT_TRUE(view().memory.write_in_doubt);
  board.learn_done(refused, false, kNow);
  EXPECT_TRUE(view().memory.write_in_doubt) << "a later refusal says nothing of the earlier write";
  board.learn_done(written, false, kNow);
  EXPECT_FALSE(view().memory.write_in_doubt);
}

TEST_F(BoardTest, OnlyTheLifeOfOurServerIsNewsForTheOthers) {
  EXPECT_FALSE(board.learn_local(running(77), kNow));
  EXPECT_FALSE(board.learn_local(running(78), kNow));
  engine::Local ended = running(78);
  ended.server.life = ServerLife::ended;
  EXPECT_TRUE(board.learn_local(ended, kNow));
  EXPECT_FALSE(board.learn_local(ended, kNow));
  EXPECT_TRUE(board.learn_local(running(79), kNow));
}

TEST_F(BoardTest, TheDeathOfTheServerIsStampedOnce) {
  engine::Local ended = running(77);
  ended.server.life = ServerLife::ended;
  board.learn_local(ended, kNow);
  board.learn_local(ended, kNow + 1s);
  EXPECT_EQ(view().memory.server_ended_seen, kNow);
  board.learn_local(running(78), kNow + 2s);
  EXPECT_EQ(view().memory.server_ended_seen, Instant{});
}

TEST_F(BoardTest, APositionIsKnownInTheLifeOfTheServerThatWasAsked) {
  EXPECT_FALSE(board.position_known());
  board.learn_standing({});
  EXPECT_TRUE(board.position_known());
  board.learn_local(running(78), kNow);
  EXPECT_FALSE(board.position_known()) << "a restarted server does not know it";
  Sighting receiving;
  receiving.role = Role::replica;
  receiving.position_known = true;
  board.learn_sighting(kB.member, receiving, kTimings);
  EXPECT_TRUE(board.position_known());
  receiving.position_known = false;
  board.learn_sighting(kB.member, receiving, kTimings);
  EXPECT_FALSE(board.position_known());
}

TEST_F(BoardTest, ALogIsLookedAtAnewOnceNoBackendWritesToItAnyMore) {
  engine::Local ended = running(77);
  ended.server.life = ServerLife::ended;
  ended.processes_left = true;
  board.learn_local(ended, kNow);
  board.learn_standing({});
  board.learn_local(ended, kNow);
  EXPECT_TRUE(board.position_known());
  ended.processes_left = false;
  board.learn_local(ended, kNow);
  EXPECT_FALSE(board.position_known());
  EXPECT_FALSE(view().own.standing.has_value());
}

TEST_F(BoardTest, ALogIsLookedAtAnewAfterAStepThatMayHaveStartedItsServer) {
  engine::Local ended = running(77);
  ended.server = {};
  ended.server.life = ServerLife::ended;
  board.learn_local(ended, kNow);
  board.learn_standing({});
  board.learn_done({}, false, kNow + 2s);  // its server lived and wrote meanwhile
  board.learn_local(ended, kNow + 2s);
  EXPECT_FALSE(board.position_known());
  EXPECT_FALSE(view().own.standing.has_value());
}

TEST_F(BoardTest, ASightingIsNewsOnlyWhenItSaysSomethingNew) {
  EXPECT_TRUE(board.learn_sighting(kA.member, leading(kNow), kTimings));
  EXPECT_FALSE(board.learn_sighting(kA.member, leading(kNow + 250ms), kTimings));
  EXPECT_TRUE(board.learn_sighting(kA.member, refusing(kNow + 500ms), kTimings));
  EXPECT_FALSE(board.learn_sighting(kA.member, refusing(kNow + 750ms), kTimings));
  EXPECT_EQ(other("a").answered, kNow + 250ms) << "a refusal is no answer";
  EXPECT_TRUE(board.learn_sighting(kA.member, refusing(kNow + 1450ms), kTimings))
      << "silence that has become suspicious is news each time";
  EXPECT_FALSE(board.learn_sighting(MemberName("x"), leading(kNow), kTimings));

  Sighting replica = leading(kNow);
  replica.role = Role::replica;
  EXPECT_TRUE(board.learn_sighting(kC.member, replica, kTimings));
  replica.at = kNow + 10s;
  EXPECT_FALSE(board.learn_sighting(kC.member, replica, kTimings))
      << "a replica that goes on answering as one is no news";
}

TEST_F(BoardTest, AnAnswerCountsFromWhenItCameAndNeverBackwards) {
  board.learn_sighting(kA.member, leading(kNow), kTimings);
  board.learn_sighting(kA.member, leading(kNow - 1s), kTimings);
  EXPECT_EQ(other("a").answered, kNow);
  Sighting replica = leading(kNow + 1s);
  replica.role = Role::replica;
  board.learn_sighting(kA.member, replica, kTimings);
  EXPECT_EQ(other("a").answered, kNow) << "only a leader's answer proves the leader";
}

TEST_F(BoardTest, OurOwnServerTellsWhoStreamsAndWhatMoves) {
  Sighting own = leading(kNow);
  own.written = {100};
  Follower c;
  c.voter = kC;
  c.streaming = true;
  own.followers = {c};
  EXPECT_TRUE(board.learn_sighting(kB.member, own, kTimings));
  EXPECT_EQ(other("c").streaming, kNow);
  EXPECT_EQ(view().memory.written_before, Position{}) << "one sighting shows no movement";
  own.at = kNow + 1s;
  own.written = {200};
  EXPECT_FALSE(board.learn_sighting(kB.member, own, kTimings)) << "a longer log is no news";
  own.at = kNow + 2s;
  own.written = {300};
  own.followers[0].streaming = false;
  EXPECT_TRUE(board.learn_sighting(kB.member, own, kTimings));
  EXPECT_EQ(other("c").streaming, kNow + 1s);
  EXPECT_EQ(view().memory.written_before, Position{200});
  EXPECT_EQ(board.seen(kB.member).written, Position{300});
}

TEST_F(BoardTest, AReplicaRemembersWhenItsLogMoved) {
  Sighting own;
  own.reach = Reach::serving;
  own.role = Role::replica;
  own.at = kNow;
  own.written = {100};
  own.receives_from = "10.0.0.a:5432";
  board.learn_sighting(kB.member, own, kTimings);
  EXPECT_EQ(view().memory.wal_moved, kNow);
  EXPECT_EQ(view().memory.receiving, kNow);
  own.at = kNow + 1s;
  board.learn_sighting(kB.member, own, kTimings);
  EXPECT_EQ(view().memory.wal_moved, kNow);
  EXPECT_EQ(view().memory.receiving, kNow + 1s);
  own.at = kNow + 2s;
  own.receives_from.clear();
  board.learn_sighting(kB.member, own, kTimings);
  EXPECT_EQ(view().memory.receiving, kNow + 1s);
}

TEST_F(BoardTest, OnlyALogThatGrowsMakesUpForARejoin) {
  Sighting own;
  own.reach = Reach::serving;
  own.role = Role::replica;
  own.at = kNow;
  own.written = {100};
  board.learn_sighting(kB.member, own, kTimings);
  board.learn_rejoin();
  own.receives_from = "10.0.0.a:5432";
  own.written = {64};  // a receiver that begins at its segment's start
  board.learn_sighting(kB.member, own, kTimings);
  own.written = {100};
  board.learn_sighting(kB.member, own, kTimings);
  EXPECT_EQ(view().memory.rejoins, 1);
  own.written = {101};
  board.learn_sighting(kB.member, own, kTimings);
  EXPECT_EQ(view().memory.rejoins, 0);
}

TEST_F(BoardTest, AVoiceIsNewsOnlyWhenItSaysSomethingNew) {
  EXPECT_TRUE(board.learn_voice(kC.member, voice_of(kC, kNow)));
  EXPECT_FALSE(board.learn_voice(kC.member, voice_of(kC, kNow + 1s)));
  EXPECT_EQ(other("c").voice.heard, kNow + 1s);
  const std::vector<void (*)(Spoken&)> changes = {
      [](Spoken& s) { s.voice.server = ServerLife::ended; },
      [](Spoken& s) { s.voice.suspects = true; },
      [](Spoken& s) { s.voice.rising = true; },
      [](Spoken& s) {
        s.voice.epoch = {0, 4};
      },
      [](Spoken& s) { s.voice.voter.incarnation = Incarnation("other"); },
      // A set is loaded once they have read it: whoever waits for that is to look at once.
      [](Spoken& s) {
        s.voice.read = Reading{0, 9};
      },
  };
  for (const auto change : changes) {
    board.learn_voice(kC.member, voice_of(kC, kNow));
    Spoken spoken = voice_of(kC, kNow + 1s);
    change(spoken);
    EXPECT_TRUE(board.learn_voice(kC.member, spoken));
    EXPECT_FALSE(board.learn_voice(kC.member, spoken));
  }
  EXPECT_FALSE(board.learn_voice(MemberName("x"), voice_of(kC, kNow)));
}

TEST_F(BoardTest, ARefusalOutlivesTheNextVoice) {
  board.learn_voice(kA.member, voice_of(kA, kNow - 1s));
  board.learn_refusal(HostName("a"), kNow);
  EXPECT_EQ(other("a").voice.refused, kNow);
  EXPECT_EQ(other("c").voice.refused, Instant{});
  board.learn_voice(kA.member, voice_of(kA, kNow + 1s));
  EXPECT_EQ(other("a").voice.refused, kNow) << "which of the two is newer is for failover to see";
  EXPECT_EQ(other("a").voice.heard, kNow + 1s);
}

TEST_F(BoardTest, SilenceOfTheLeaderIsSuspectedAfterPatienceAndNoSooner) {
  board.learn_voice(kA.member, voice_of(kA, kNow));
  board.learn_sighting(kA.member, leading(kNow), kTimings);
  const auto suspects = [&](Duration later) {
    return board.speak(kNow + later, kTimings).voice.suspects;
  };
  EXPECT_FALSE(suspects(kTimings.suspect_after - 1ms));
  EXPECT_TRUE(suspects(kTimings.suspect_after));
  board.learn_sighting(kA.member, leading(kNow + 1s), kTimings);
  EXPECT_FALSE(suspects(kTimings.suspect_after)) << "its server still answers";
}

TEST_F(BoardTest, AfterAGapNothingThatOthersSaidCounts) {
  board.learn_voice(kA.member, voice_of(kA, kNow));
  board.learn_sighting(kA.member, leading(kNow), kTimings);
  board.learn_sighting(kB.member, leading(kNow), kTimings);
  board.learn_answers({kNow, {0, 3}, {kC}, {}});
  board.forget(kNow + 60s);
  const failover::View seen = view();
  for (const failover::Other& each : seen.others) {
    EXPECT_EQ(each.voice.heard, Instant{});
    EXPECT_EQ(each.answered, Instant{});
    EXPECT_EQ(each.seen.reach, Reach::unknown);
    EXPECT_FALSE(each.member.name.empty()) << "who the others are is not forgotten";
  }
  EXPECT_EQ(seen.own_seen.reach, Reach::unknown);
  EXPECT_TRUE(seen.answers.suspecting.empty());
  EXPECT_EQ(seen.memory.began, kNow + 60s);
  EXPECT_FALSE(board.speak(kNow + 60s, kTimings).voice.suspects) << "silence counts from now on";
  EXPECT_EQ(seen.record, calm(6).record);
}

TEST_F(BoardTest, SpeaksOfItselfWithThePromiseOfTheOpenRoundOnly) {
  Spoken spoken = board.speak(kNow, kTimings);
  EXPECT_EQ(spoken.voice.life, AgentLife("life-b"));
  EXPECT_EQ(spoken.voice.voter, kB);
  EXPECT_EQ(spoken.voice.server, ServerLife::running);
  EXPECT_EQ(spoken.voice.epoch, (Epoch{0, 3}));
  EXPECT_EQ(spoken.voice.leader, kA.member);
  EXPECT_FALSE(spoken.promise);
  board.learn_record(with_round(7, 4), kNow);
  EXPECT_FALSE(board.speak(kNow, kTimings).promise);
  board.learn_done(with_promise(4), false, kNow);
  EXPECT_EQ(board.speak(kNow, kTimings).promise, promise_of(kB, 4));
  board.learn_record(calm(8), kNow);
  EXPECT_FALSE(board.speak(kNow, kTimings).promise) << "the round is closed";
  board.learn_record(with_round(9, 5), kNow);
  EXPECT_FALSE(board.speak(kNow, kTimings).promise) << "it promised another round";
}

TEST_F(BoardTest, BeforeTheRecordIsReadItSpeaksOfNoEpoch) {
  const Board fresh{member("b"), HostName("b"), AgentLife("life-b"), kBegan, std::nullopt};
  const Spoken spoken = fresh.speak(kNow, kTimings);
  EXPECT_TRUE(spoken.voice.epoch.none());
  EXPECT_FALSE(spoken.voice.suspects);
  EXPECT_FALSE(fresh.held());
  EXPECT_FALSE(fresh.service());
}

// Only a change of the renewal, in the life that the record carries, is a sign of its lease.
TEST_F(BoardTest, CountsTheLeaseOfTheRecordsOwnLife) {
  const HostName a("a");
  store::Held held = calm(7);
  held.record.leader_life = AgentLife("life-a");
  board.learn_record(held, kBegan + 1s);
  const auto renewal = [](const char* life, int count) {
    return Json::object().set("incarnation", life).set("count", count);
  };
  const auto from = [&] { return view().memory.lease_from; };
  EXPECT_EQ(from(), kBegan + 1s) << "counted from when the record was first seen";
  board.learn_renewal(a, renewal("life-a", 5), kBegan + 2s);
  EXPECT_EQ(from(), kBegan + 2s);
  board.learn_renewal(a, renewal("life-a", 5), kBegan + 3s, kBegan + 3s);
  EXPECT_EQ(from(), kBegan + 2s) << "the same renewal is no sign";
  EXPECT_EQ(view().memory.lease_read, kBegan + 3s);
  board.learn_renewal(a, renewal("life-a", 6), kBegan + 4s, kBegan + 4s);
  EXPECT_EQ(from(), kBegan + 4s) << "a read may show what the watch has not";
  board.learn_renewal(a, renewal("another", 1), kBegan + 5s);
  board.learn_renewal(a, renewal("another", 2), kBegan + 6s);
  EXPECT_EQ(from(), kBegan + 4s) << "a renewal counts only for records that carry its life";
  board.learn_renewal(HostName("c"), renewal("life-a", 9), kBegan + 7s);
  EXPECT_EQ(from(), kBegan + 4s) << "another host's is none";
  held.revision = 8;
  held.record.leader_life = AgentLife("another");
  board.learn_record(held, kBegan + 8s);
  EXPECT_EQ(from(), kBegan + 8s) << "a leadership that is confirmed anew begins anew";
}

TEST_F(BoardTest, AGrantThatWasGivenCountsAsARenewalOfThatHost) {
  store::Held held = calm(7);
  held.record.leader_life = AgentLife("life-a");
  board.learn_record(held, kBegan + 1s);
  board.learn_grant(HostName("c"), kBegan + 2s);
  EXPECT_EQ(view().memory.lease_from, kBegan + 1s) << "c leads nothing here";
  board.learn_grant(HostName("a"), kBegan + 3s);
  EXPECT_EQ(view().memory.lease_from, kBegan + 3s);
}

TEST_F(BoardTest, WhoIsolatedItsLeaderKnowsItBeforeTheNextProbe) {
  Sighting seen;
  seen.reach = Reach::serving;
  seen.role = Role::leader;
  seen.writable = true;
  board.learn_sighting(MemberName("b"), seen, {});
  failover::Done done;
  done.writable = false;
  board.learn_done(done, false, kBegan + 1s);
  EXPECT_FALSE(view().own_seen.writable);
  board.learn_done({}, false, kBegan + 2s);
  EXPECT_FALSE(view().own_seen.writable) << "no other step says anything of it";
}

TEST_F(BoardTest, ANewLifeOfOurLeaseIsSeenAtOnce) {
  board.learn_life(AgentLife("life-b-2"));
  EXPECT_EQ(view().life, AgentLife("life-b-2"));
  EXPECT_EQ(board.speak(kNow, kTimings).voice.life, AgentLife("life-b-2"));
}

TEST_F(BoardTest, ARejoinedMemberHasNotDiverged) {
  failover::Done done;
  done.diverged = true;
  board.learn_done(done, false, kNow);
  board.learn_done({}, true, kNow + 1s);
  EXPECT_FALSE(view().memory.diverged);
  EXPECT_EQ(view().memory.receiving, kNow + 1s);
}

TEST_F(BoardTest, ProvisioningSeesTheSameFacts) {
  board.learn_settled({5, true, {"max_connections"}, kNow});
  board.learn_differences(std::vector<engine::Difference>(2), kNow);
  board.learn_sighting(kA.member, leading(kNow), kTimings);
  board.learn_sighting(kC.member, refusing(kNow), kTimings);
  provision::View seen = board.provision_view(kNow + 1s, Incarnation("fresh"));
  EXPECT_EQ(seen.leader_seen, leading(kNow));
  EXPECT_EQ(seen.now, kNow + 1s);
  EXPECT_EQ(seen.self, member("b"));
  EXPECT_EQ(seen.desired, orders(5).service);
  EXPECT_EQ(seen.desired_revision, 5);
  EXPECT_EQ(seen.record, calm(6).record);
  EXPECT_EQ(seen.own.incarnation, kB.incarnation);
  EXPECT_EQ(seen.heard.size(), 2U) << "the others, from the agent's beginning at least";
  ASSERT_TRUE(seen.settled);
  EXPECT_EQ(seen.settled->waiting_for_restart, std::vector<std::string>{"max_connections"});
  ASSERT_TRUE(seen.differences);
  EXPECT_EQ(seen.differences->found.size(), 2U);
  EXPECT_EQ(seen.differences->at, kNow);
  board.learn_service(orders(8));
  seen = board.provision_view(kNow + 1s, Incarnation("fresh"));
  EXPECT_FALSE(seen.differences) << "they were read against an older file";
  EXPECT_EQ(seen.desired_revision, 8);
}

}  // namespace
}  // namespace weir::agent
