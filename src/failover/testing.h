// The views that the tables of this folder start from; each row of a table changes one thing.
#pragma once

#include <gtest/gtest.h>

#include "failover/failover.h"

namespace weir::failover::testing {

inline const Voter kA{MemberName("a"), Incarnation("ia")};
inline const Voter kB{MemberName("b"), Incarnation("ib")};
inline const Voter kC{MemberName("c"), Incarnation("ic")};
inline const Instant kNow{100s};

inline Member member(const char* name) {
  return {ServiceName("orders"), MemberName(name), HostName(name), std::string("127.0.10.") + name,
          5432};
}

inline Lineage lineage() { return {"sys", {}, 1}; }

inline weir::Promise promise(const Voter& voter, std::int64_t round, std::uint64_t at,
                             Epoch of = {0, 1}) {
  return {voter, round, of, {lineage(), {at}}};
}

// What b's agent sees while a leads epoch 1 with set {b, c} and all is well.
inline View calm() {
  View view;
  view.now = kNow;
  view.self = member("b");
  view.host = HostName("b");
  view.life = AgentLife("life-b");
  Record& record = view.record;
  record.epoch = {0, 1};
  record.last_round = 1;
  record.leader = kA;
  record.leader_host = HostName("a");
  record.leader_life = AgentLife("life-a");
  record.members = {kA, kB, kC};
  record.set = {{kB, kC}, 1};
  record.confirmed = true;
  view.own.data = true;
  view.own.incarnation = kB.incarnation;
  view.own.server.life = ServerLife::running;
  view.own.as_replica = true;
  view.own.follows = MemberName("a");
  view.own.follows_epoch = {0, 1};
  view.memory.began = kNow - 60s;
  view.memory.receiving = kNow;
  for (const Voter& voter : {kA, kC}) {
    Other other;
    other.member = member(voter.member.text.c_str());
    other.voice.heard = kNow - 100ms;
    other.voice.voter = voter;
    other.voice.server = ServerLife::running;
    other.voice.knows_position = true;
    other.voice.epoch = {0, 1};
    other.voice.leader = kA.member;
    other.seen.at = kNow - 100ms;
    other.seen.reach = Reach::serving;
    other.seen.role = voter == kA ? Role::leader : Role::replica;
    if (voter == kA) other.answered = kNow - 100ms;
    if (voter == kC) other.seen.receives_from = "127.0.10.a:5432";
    view.others.push_back(other);
  }
  view.given.fresh = Incarnation("fresh");
  view.given.policy.sync = 1;
  return view;
}

inline Other& other(View& view, const char* name) {
  for (Other& found : view.others) {
    if (found.member.name.text == name) return found;
  }
  ADD_FAILURE() << name;
  return view.others.front();
}

inline void kill_host_a(View& view) {
  Other& a = other(view, "a");
  a.voice.heard = kNow - 400ms;
  a.voice.refused = kNow - 50ms;
  a.answered = kNow - 400ms;
  a.seen.reach = Reach::refused;
  a.seen.role = Role::unknown;
  a.seen.at = kNow - 40ms;
}

inline void both_suspect(View& view) {
  kill_host_a(view);
  view.answers = {kNow - 20ms, {0, 1}, {kC}, {}};
}

inline void open_round(View& view) {
  kill_host_a(view);
  view.record.round = weir::OpenRound{2, HostName("c")};
  view.record.last_round = 2;
  view.memory.round_seen = kNow - 200ms;
}

inline void promised(View& view) {
  open_round(view);
  view.own.promised = 2;
  view.promises = {promise(kB, 2, 100), promise(kC, 2, 90)};
}

struct Row {
  const char* when;
  void (*change)(View&);
  const char* step;  // kind, or nullptr
  const char* because;
};

inline void check(const Row& row, View view) {
  SCOPED_TRACE(row.when);
  row.change(view);
  const Decision decision = decide(view);
  EXPECT_EQ(decision.because, row.because);
  if (row.step == nullptr) {
    EXPECT_FALSE(decision.step.has_value()) << kind_of(*decision.step);
  } else if (decision.step) {
    EXPECT_STREQ(kind_of(*decision.step), row.step);
  } else {
    ADD_FAILURE() << "no step; wanted " << row.step;
  }
}

// What a's agent sees while it leads.
inline View leading() {
  View view = calm();
  view.self = member("a");
  view.host = HostName("a");
  view.life = AgentLife("life-a");
  view.own = {};
  view.own.data = true;
  view.own.incarnation = kA.incarnation;
  view.own.server.life = ServerLife::running;
  view.own.led = {0, 1};
  Other b = other(view, "a");
  b.member = member("b");
  b.voice.voter = kB;
  b.seen.role = Role::replica;
  view.others.front() = b;
  view.own_seen.reach = Reach::serving;
  view.own_seen.role = Role::leader;
  view.own_seen.writable = true;
  view.own_seen.written = {1000};
  view.memory.written_before = {900};
  view.memory.proven = view.record.set;
  for (Other& found : view.others) {
    found.streaming = kNow;
    found.seen.at = kNow;
    found.acknowledged = kNow;
    view.own_seen.followers.push_back({found.voice.voter, true, true, {950}});
  }
  return view;
}

inline void silence(View& view, const char* name) {
  other(view, name).voice.heard = kNow - 2s;
  std::erase_if(view.own_seen.followers,
                [&](const Follower& f) { return f.voter.member.text == name; });
}

}  // namespace weir::failover::testing
