// Who extends a leader's lease while the store is away (safety.md S2, S8).
#include "failover/testing.h"

namespace weir::failover {
namespace {

using namespace testing;

const Asking kAsking{HostName("a"), AgentLife("life-a"), {0, 1}};

// What b's agent knows while a leads alone and asks.
View asked() {
  View view = calm();
  view.record.mode = Durability::async;
  view.record.set = {{}, 0};
  return view;
}

struct GrantRow {
  const char* when;
  void (*change)(View&);
  const char* because;  // nullptr: given
};

const GrantRow kGrants[] = {
    {"all is well", [](View&) {}, nullptr},
    {"it has promised for a round of before", [](View& v) { v.own.promised = 1; }, nullptr},
    {"it promised once, and gave the promise back", [](View& v) { v.own.promised_last = 2; },
     nullptr},
    {"it has read less than the leader",
     [](View& v) {
       v.record.epoch = {0, 0};
       v.record.leader = kC;
       v.record.leader_host = HostName("c");
     },
     nullptr},
    {"it has promised", [](View& v) { v.own.promised = 2; }, "b has promised round 2"},
    {"it knows an open round",
     [](View& v) {
       v.record.round = weir::OpenRound{2, HostName("c")};
     },
     "b knows round 2"},
    {"it has read a higher epoch",
     [](View& v) {
       v.record.epoch = {0, 2};
       v.record.leader = kC;
     },
     "b knows epoch 2"},
    {"a higher reign",
     [](View& v) {
       v.record.epoch = {1, 1};
       v.record.leader = kC;
     },
     "b knows epoch 1.1"},
    {"another's voice told it of one",
     [](View& v) {
       other(v, "c").voice.epoch = {0, 2};
     },
     "b knows epoch 2"},
    {"it follows in one",
     [](View& v) {
       v.own.follows_epoch = {0, 2};
     },
     "b knows epoch 2"},
    {"it has led in one",
     [](View& v) {
       v.own.led = {0, 2};
     },
     "b knows epoch 2"},
    {"its server runs as a leader", [](View& v) { v.own.as_replica = false; }, "b leads itself"},
    {"the record names it", [](View& v) { v.record.leader = kB; }, "b leads itself"},
    {"the record names another host in that epoch",
     [](View& v) {
       v.record.leader = kC;
       v.record.leader_host = HostName("c");
     },
     "b knows c as leader of epoch 1"},
};

TEST(FailoverGrant, Table) {
  for (const GrantRow& row : kGrants) {
    SCOPED_TRACE(row.when);
    View view = asked();
    row.change(view);
    const Grant grant = decide_grant(view, kAsking, std::nullopt);
    EXPECT_EQ(grant.given, row.because == nullptr);
    EXPECT_EQ(grant.because, row.because == nullptr ? "" : row.because);
  }
}

TEST(FailoverGrant, WhoCanReadTheStoreGoesByIt) {
  EXPECT_TRUE(decide_grant(asked(), kAsking, AgentLife("life-a")).given);
  const Grant other = decide_grant(asked(), kAsking, AgentLife("newer"));
  EXPECT_FALSE(other.given);
  EXPECT_EQ(other.because, "the store, which b can read, shows another life of a");
}

std::vector<std::string> names(const std::optional<std::vector<Member>>& members) {
  std::vector<std::string> out;
  for (const Member& member : members.value_or(std::vector<Member>{})) {
    out.push_back(member.name.text);
  }
  return out;
}

View leading_alone() {
  View view = leading();
  view.record.mode = Durability::async;
  view.record.set = {{}, 0};
  view.memory.proven = view.record.set;
  view.given.policy.mode = Durability::async;
  for (Other& found : view.others) found.streaming = Instant{};
  return view;
}

TEST(FailoverGrant, EveryOtherMemberThatMayStandInTheRecordIsAsked) {
  using Names = std::vector<std::string>;
  View view = leading_alone();
  EXPECT_EQ(names(whom_to_ask(view)), (Names{"b", "c"}));
  std::erase(view.record.members, kC);
  EXPECT_EQ(names(whom_to_ask(view)), Names{"b"}) << "c was never recorded";
  view.memory.write_in_doubt = true;
  EXPECT_EQ(names(whom_to_ask(view)), (Names{"b", "c"})) << "that write may have recorded c";
  view.memory.write_in_doubt = false;
  other(view, "c").streaming = kNow - 1s;
  EXPECT_EQ(names(whom_to_ask(view)), (Names{"b", "c"})) << "a write on its way may record c";
  view.record.members = {kA};
  other(view, "c").streaming = kNow - 7s;
  ASSERT_TRUE(whom_to_ask(view)) << "nobody else could lead";
  EXPECT_EQ(names(whom_to_ask(view)), Names{});
  view.record.members.push_back({MemberName("d"), Incarnation("id")});
  EXPECT_FALSE(whom_to_ask(view)) << "d stands there, and nobody knows where it is";
}

TEST(FailoverGrant, TheLeaderSaysByWhomItsLeaseIsExtended) {
  View view = leading_alone();
  view.own.server.deadline = kNow + 4s;
  EXPECT_EQ(decide(view).because, "leads epoch 1; no commit waits");
  view.memory.store_heard = kNow - 20s;
  view.memory.extended = kNow - 1s;
  view.memory.extended_by = {kB.member, kC.member};
  EXPECT_EQ(decide(view).because,
            "leads epoch 1; no commit waits; the store is away, and its lease is extended by b, c");
  view.memory.extended_by = {};
  EXPECT_EQ(decide(view).because,
            "leads epoch 1; no commit waits; the store is away, and nobody else could lead");
  view.memory.store_heard = kNow;
  EXPECT_EQ(decide(view).because, "leads epoch 1; no commit waits") << "the store is back";
}

// S5 waits for a whole lease after the last grant, whatever the store shows.
TEST(FailoverGrant, OneThatWasGivenCountsAsARenewal) {
  View view = asked();
  promised(view);
  view.memory.round_seen = kNow - 2s;
  view.memory.lease_from = kNow - 7s;
  view.memory.lease_read = kNow - 20ms;
  ASSERT_TRUE(decide(view).step);
  view.memory.lease_from = kNow - 5s;
  EXPECT_EQ(decide(view).because,
            "round 2 waits for the answer of a's agent, or the end of its lease");
}

}  // namespace
}  // namespace weir::failover
