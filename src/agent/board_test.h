// What the tests of the board stand on: a service of three members, as the agent of b knows it.
#pragma once

#include <gtest/gtest.h>

#include "agent/board.h"

namespace weir::agent {

inline const Voter kA{MemberName("a"), Incarnation("ia")};
inline const Voter kB{MemberName("b"), Incarnation("ib")};
inline const Voter kC{MemberName("c"), Incarnation("ic")};
inline const Instant kBegan{10s};
inline const Instant kNow{100s};
inline const Timings kTimings;

inline Member member(const char* name) {
  return {ServiceName("orders"), MemberName(name), HostName(name), std::string("10.0.0.") + name,
          5432};
}

inline store::HeldService orders(store::Revision revision) {
  Service service;
  service.name = ServiceName("orders");
  service.members = {member("a"), member("b"), member("c")};
  service.sync = 1;
  return {service, revision};
}

// a leads, b and c count.
inline store::Held calm(store::Revision revision) {
  Record record;
  record.epoch = {0, 3};
  record.last_round = 3;
  record.leader = kA;
  record.leader_host = HostName("a");
  record.members = {kA, kB, kC};
  record.set = {{kB, kC}, 1};
  record.confirmed = true;
  return {record, revision};
}

inline store::Held with_round(store::Revision revision, std::int64_t number) {
  store::Held held = calm(revision);
  held.record.last_round = number;
  held.record.round = OpenRound{number, HostName("c")};
  return held;
}

inline engine::Local running(std::int64_t pid) {
  engine::Local local;
  local.data = true;
  local.incarnation = kB.incarnation;
  local.server.life = ServerLife::running;
  local.server.pid = pid;
  local.server.start_time = 1;
  return local;
}

inline Sighting leading(Instant at) {
  Sighting sighting;
  sighting.at = at;
  sighting.reach = Reach::serving;
  sighting.role = Role::leader;
  return sighting;
}

inline Sighting refusing(Instant at) {
  Sighting sighting;
  sighting.at = at;
  sighting.reach = Reach::refused;
  return sighting;
}

inline Spoken voice_of(const Voter& voter, Instant heard) {
  Spoken spoken;
  spoken.voice.heard = heard;
  spoken.voice.voter = voter;
  spoken.voice.server = ServerLife::running;
  spoken.voice.epoch = {0, 3};
  spoken.voice.leader = kA.member;
  return spoken;
}

inline weir::Promise promise_of(const Voter& voter, std::int64_t round) {
  return {voter, round, {0, 3}, {{"sys", {}, 1}, {100}}};
}

inline failover::Done with_promise(std::int64_t round) {
  failover::Done done;
  done.promise = promise_of(kB, round);
  return done;
}

// What b's agent knows of orders while all is well.
struct BoardTest : ::testing::Test {
  BoardTest() {
    board.learn_service(orders(5));
    board.learn_record(calm(6), kBegan);
    board.learn_local(running(77), kBegan);
  }

  failover::View view(Instant now = kNow) {
    return board.view(now, kTimings, Incarnation("fresh"), 300ms);
  }
  failover::Other other(const char* name) {
    const failover::View seen = view();
    for (const failover::Other& found : seen.others) {
      if (found.member.name.text == name) return found;
    }
    ADD_FAILURE() << name << " is not in the view";
    return {};
  }

  Board board{member("b"), HostName("b"), AgentLife("life-b"), kBegan, std::nullopt};
};

}  // namespace weir::agent
