// A leader that has lost the store and its voters (safety.md S8).
#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

// What a's agent sees that leads and has for seven seconds had neither the store nor a voter.
View alone() {
  View view = leading();
  view.memory.store_heard = kNow - 7s;
  for (Other& found : view.others) {
    found.streaming = kNow - 7s;
    found.acknowledged = kNow - 7s;
  }
  silence(view, "b");
  silence(view, "c");
  return view;
}

void is_done(View& view) { view.own_seen.writable = false; }

const Row kRows[] = {
    {"neither store nor voters", [](View&) {}, "Isolate",
     "neither the store nor enough voters for 6s: its clients are to go on to the next address"},
    {"its lease was lost: nobody can confirm it anew", [](View& v) { v.life = AgentLife("newer"); },
     "Isolate",
     "neither the store nor enough voters for 6s: its clients are to go on to the next address"},
    {"a write of the record is in doubt", [](View& v) { v.memory.write_in_doubt = true; },
     "Isolate",
     "neither the store nor enough voters for 6s: its clients are to go on to the next address"},
    {"a round was open when the store was lost",
     [](View& v) {
       v.record.round = weir::OpenRound{2, HostName("b")};
       v.memory.round_seen = kNow - 7s;
     },
     "Isolate",
     "neither the store nor enough voters for 6s: its clients are to go on to the next address"},
    {"it is done", is_done, nullptr,
     "takes no writes: neither the store nor enough voters answer it"},
    {"a voter is back, and only the store knows whether it still leads",
     [](View& v) {
       is_done(v);
       other(v, "b").acknowledged = kNow;
     },
     nullptr, "takes no writes until the store says that it still leads"},
    {"the store answers again",
     [](View& v) {
       is_done(v);
       v.memory.store_heard = kNow;
     },
     "Isolate", "the store answers, and the record still names it"},
    {"the lease was lost meanwhile: the record is asked first",
     [](View& v) {
       is_done(v);
       v.memory.store_heard = kNow;
       v.life = AgentLife("newer");
     },
     "Reclaim", "this agent is new: it confirms the leadership anew"},
    {"the record names another",
     [](View& v) {
       is_done(v);
       v.memory.store_heard = kNow;
       v.record.leader = kB;
       v.record.epoch = {0, 2};
     },
     "Fence", "the record names b as leader of epoch 2"},
    {"isolated by an agent of before, which had more time",
     [](View& v) {
       is_done(v);
       v.memory.began = kNow - 2s;
     },
     nullptr, "takes no writes until the store says that it still leads"},
};

TEST(FailoverIsolation, Table) {
  for (const Row& row : kRows) check(row, alone());
}

bool isolates(const View& view) {
  const Decision decision = decide(view);
  return decision.step && std::holds_alternative<Isolate>(*decision.step);
}

TEST(FailoverIsolation, WhoeverCanStillBeConfirmedGoesOn) {
  ASSERT_TRUE(isolates(alone()));
  View view = alone();
  view.memory.store_heard = kNow - 5s;
  EXPECT_FALSE(isolates(view)) << "the store answered within a lease";
  view = alone();
  other(view, "b").acknowledged = kNow - 5s;
  EXPECT_FALSE(isolates(view)) << "one acknowledges, and one is enough";
  view.record.set.number = 2;
  EXPECT_TRUE(isolates(view)) << "one acknowledges, and each commit waits for two";
  view = alone();
  view.memory.began = kNow - 5s;
  EXPECT_FALSE(isolates(view)) << "an agent that has only begun knows nothing of a whole lease";
  view = alone();
  view.record.mode = Durability::async;
  EXPECT_FALSE(isolates(view)) << "its guard stops it";
  view = alone();
  view.own.led = {0, 0};
  EXPECT_FALSE(isolates(view)) << "it has not opened yet";
}

// Its sender shows a frozen replica as one that streams until it gives it up.
TEST(FailoverIsolation, AVoterThatStreamsAcknowledgesOnlyWhatItFlushes) {
  std::map<MemberName, Other> others;
  others[kB.member] = {};
  Memory memory;
  Sighting own;
  const auto see = [&](Instant at, std::uint64_t written, std::uint64_t flushed) {
    Sighting seen;
    seen.at = at;
    seen.reach = Reach::serving;
    seen.role = Role::leader;
    seen.written = {written};
    seen.followers = {{kB, true, true, {flushed}}};
    learn_own_sighting(memory, others, own, seen);
    return others[kB.member].acknowledged;
  };
  EXPECT_EQ(see(Instant{1s}, 100, 100), Instant{1s});
  EXPECT_EQ(see(Instant{2s}, 100, 100), Instant{2s}) << "nobody writes";
  EXPECT_EQ(see(Instant{3s}, 300, 200), Instant{3s}) << "it is behind, and comes on";
  EXPECT_EQ(see(Instant{4s}, 300, 200), Instant{3s}) << "it stands still";
  EXPECT_EQ(others[kB.member].streaming, Instant{4s});
  EXPECT_EQ(see(Instant{5s}, 300, 300), Instant{5s});
}

}  // namespace
}  // namespace weir::failover
