// Members and services that the file no longer names, as tables.
#include <gtest/gtest.h>

#include "provision/provision.h"

namespace weir::provision {
namespace {

const Voter kA{MemberName("a"), Incarnation("ia")};
const Voter kB{MemberName("b"), Incarnation("ib")};
const Voter kC{MemberName("c"), Incarnation("ic")};
const Voter kD{MemberName("d"), Incarnation("id")};
const Instant kNow{100s};

Member member(const char* name) {
  return {ServiceName("orders"), MemberName(name), HostName(name), std::string("10.0.0.") + name,
          5432};
}

Follower follower(const Voter& voter) {
  Follower out;
  out.voter = voter;
  out.streaming = true;
  return out;
}

// c is no longer declared; the leader has dropped it from its set and from the record.
View member_leaves() {
  View view;
  view.now = kNow;
  view.self = member("c");
  view.desired.name = ServiceName("orders");
  view.desired.members = {member("a"), member("b")};
  view.desired.leaving = {member("c")};
  Record& record = view.record;
  record.epoch = {0, 1};
  record.leader = kA;
  record.members = {kA, kB};
  record.set = {{kB}, 1};
  record.confirmed = true;
  view.own.data = true;
  view.own.incarnation = kC.incarnation;
  view.own.server.life = ServerLife::running;
  return view;
}

// The same where it is the leader that goes.
View leader_leaves() {
  View view = member_leaves();
  view.self = member("a");
  view.desired.members = {member("b"), member("c")};
  view.desired.leaving = {member("a")};
  view.record.members = {kA, kB, kC};
  view.record.set = {{kB, kC}, 1};
  view.own.incarnation = kA.incarnation;
  view.own_seen.followers = {follower(kB), follower(kC)};
  return view;
}

// All go; a leads.
View service_leaves() {
  View view = leader_leaves();
  view.desired.members.clear();
  view.desired.leaving = {member("a"), member("b"), member("c")};
  return view;
}

struct Row {
  const char* when;
  void (*change)(View&);
  std::optional<Step> step;
};

void expect_rows(View (*base)(), const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.when);
    View view = base();
    row.change(view);
    const auto decision = decide_leaving(view);
    ASSERT_TRUE(decision);
    EXPECT_EQ(decision->step, row.step) << decision->because;
    EXPECT_FALSE(decision->because.empty());
    EXPECT_EQ(decide(view), *decision) << "nothing else comes before it";
  }
}

void stopped(View& view) { view.own.server.life = ServerLife::ended; }

void c_is_away(View& view) {
  view.own_seen.followers.pop_back();
  view.heard[MemberName("c")] = kNow - 6s;
}

void d_follows(View& view) {
  view.desired.members.push_back(member("d"));
  view.record.members.push_back(kD);
  view.record.set = {{kB, kD}, 1};
  view.own_seen.followers.push_back(follower(kD));
}

TEST(Leave, WhoIsDeclaredDoesNotLeave) {
  View view = member_leaves();
  view.self = member("b");
  EXPECT_FALSE(decide_leaving(view));
}

TEST(Leave, AMemberStopsOnceItCountsNowhereAndThenPutsItsDataAway) {
  expect_rows(member_leaves, {
                                 {"its server runs", [](View&) {}, StopToLeave{false}},
                                 {"its server has stopped", stopped, Leave{true}},
                                 {"no final copy is asked for",
                                  [](View& v) {
                                    stopped(v);
                                    v.desired.final_copies = false;
                                  },
                                  Leave{false}},
                                 {"its data is away, and the store does not know",
                                  [](View& v) {
                                    stopped(v);
                                    v.own.data = false;
                                  },
                                  Leave{true}},
                                 {"the record has it still",
                                  [](View& v) {
                                    v.record.members = {kA, kB, kC};
                                  },
                                  std::nullopt},
                                 {"the set counts it still",
                                  [](View& v) {
                                    v.record.set = {{kB, kC}, 1};
                                  },
                                  std::nullopt},
                                 {"a set of before counts it",
                                  [](View& v) {
                                    v.record.previous = {PreviousSet{SyncSet{{kB, kC}, 1}, kA}};
                                  },
                                  std::nullopt},
                                 {"a round is open and it counts",
                                  [](View& v) {
                                    v.record.members = {kA, kB, kC};
                                    v.record.round = OpenRound{2, HostName("b")};
                                  },
                                  std::nullopt},
                                 {"strange data lies there",
                                  [](View& v) {
                                    v.own.foreign = true;
                                    v.own.trouble = "the folder is not ours";
                                  },
                                  std::nullopt},
                             });
}

TEST(Leave, ALeaderHandsOverFirst) {
  expect_rows(
      leader_leaves,
      {
          {"all others follow", [](View&) {}, StopToLeave{false}},
          {"one does not follow", [](View& v) { v.own_seen.followers.pop_back(); }, std::nullopt},
          {"one is away, and the other could confirm to nobody", c_is_away, std::nullopt},
          {"one is away, and nobody waits",
           [](View& v) {
             c_is_away(v);
             v.record.mode = Durability::async;
           },
           StopToLeave{false}},
          {"one is away, and the others are enough",
           [](View& v) {
             c_is_away(v);
             d_follows(v);
           },
           StopToLeave{false}},
          {"one is silent for a moment, and the others are enough",
           [](View& v) {
             c_is_away(v);
             d_follows(v);
             v.heard[MemberName("c")] = kNow - 5s;
           },
           std::nullopt},
          {"one is away, and one of the others does not count yet",
           [](View& v) {
             c_is_away(v);
             d_follows(v);
             v.record.set.voters = {kB, kC};
           },
           std::nullopt},
          {"no commit of its epoch is confirmed", [](View& v) { v.record.confirmed = false; },
           std::nullopt},
          {"nobody who stays is in its set", [](View& v) { v.record.set.voters.clear(); },
           std::nullopt},
          {"no commit waits for anybody",
           [](View& v) {
             v.record.mode = Durability::async;
             v.record.set.voters.clear();
           },
           StopToLeave{false}},
          {"it has stopped, and still leads by the record", stopped, std::nullopt},
          {"a round is open",
           [](View& v) {
             v.record.round = OpenRound{2, HostName("b")};
           },
           std::nullopt},
      });
}

TEST(Leave, OfAServiceTheReplicasStopFirstAndTheLeadersDataIsPutAwayFirst) {
  expect_rows(service_leaves,
              {
                  {"a replica runs", [](View& v) { v.self = member("b"); }, StopToLeave{true}},
                  {"a replica has stopped and the leader's data is not away",
                   [](View& v) {
                     v.self = member("b");
                     stopped(v);
                   },
                   std::nullopt},
                  {"the leader's data is away",
                   [](View& v) {
                     v.self = member("b");
                     stopped(v);
                     v.desired.leaving = {member("b"), member("c")};
                   },
                   Leave{false}},
                  {"the leader is followed", [](View&) {}, std::nullopt},
                  {"nobody follows the leader", [](View& v) { v.own_seen.followers.clear(); },
                   StopToLeave{true}},
                  {"the leader has stopped", stopped, Leave{true}},
                  {"no final copy is asked for",
                   [](View& v) {
                     stopped(v);
                     v.desired.final_copies = false;
                   },
                   Leave{false}},
                  {"a round is open",
                   [](View& v) {
                     stopped(v);
                     v.record.round = OpenRound{2, HostName("b")};
                   },
                   std::nullopt},
              });
}

}  // namespace
}  // namespace weir::provision
