// Provisioning's decision as a table: one base view, rows that change one thing.
#include <gtest/gtest.h>

#include <set>

#include "provision/provision.h"

namespace weir::provision {
namespace {

const Voter kA{MemberName("a"), Incarnation("ia")};
const Voter kB{MemberName("b"), Incarnation("ib")};
const Voter kC{MemberName("c"), Incarnation("ic")};
const Instant kNow{100s};

Member member(const char* name) {
  return {ServiceName("orders"), MemberName(name), HostName(name), std::string("10.0.0.") + name,
          5432};
}

Follower follower(const Voter& voter, bool streaming = true) {
  Follower out;
  out.voter = voter;
  out.streaming = streaming;
  return out;
}

engine::Difference difference(const char* kind, const char* wanted, const char* present = "") {
  engine::Difference out;
  out.wanted = {kind, wanted, {}};
  if (*wanted == '\0') out.wanted = {};
  out.present = {kind, present, {}};
  if (*present == '\0') out.present = {};
  return out;
}

// What a's agent sees while a leads epoch 1 with set {b, c} and all is as declared.
View calm() {
  View view;
  view.now = kNow;
  view.self = member("a");
  view.desired.name = ServiceName("orders");
  view.desired_revision = 7;
  Record& record = view.record;
  record.epoch = {0, 1};
  record.last_round = 1;
  record.leader = kA;
  record.members = {kA, kB, kC};
  record.set = {{kB, kC}, 1};
  record.confirmed = true;
  view.own.data = true;
  view.own.incarnation = kA.incarnation;
  view.own.server.life = ServerLife::running;
  view.own_seen.reach = Reach::serving;
  view.own_seen.role = Role::leader;
  view.own_seen.writable = true;
  view.own_seen.followers = {follower(kB), follower(kC)};
  view.settled = Settled{7, true, {}, kNow - 10s};
  view.differences = Compared{{}, kNow - 10s};
  view.fresh = Incarnation("fresh");
  return view;
}

// The same service as b's agent sees it.
View calm_replica() {
  View view = calm();
  view.self = member("b");
  view.own.incarnation = kB.incarnation;
  view.own.as_replica = true;
  view.own_seen.role = Role::replica;
  view.own_seen.writable = false;
  view.leader_seen = view.own_seen;
  view.leader_seen.role = Role::leader;
  view.leader_seen.writable = true;
  view.own_seen.followers.clear();
  view.differences.reset();
  return view;
}

// As `apply` leaves it: a is to make the first data.
View unborn() {
  View view = calm();
  view.record.leader.incarnation = {};
  view.record.members = {{kA.member, {}}, {kB.member, {}}, {kC.member, {}}};
  view.record.set.voters.clear();
  view.record.confirmed = false;
  view.own = {};
  view.own_seen = {};
  view.settled.reset();
  view.differences.reset();
  return view;
}

void wait_for_restart(View& view) { view.settled->waiting_for_restart = {"max_connections"}; }

// Not b but c, the second replica, looks.
void as_c(View& view) {
  wait_for_restart(view);
  view.self = member("c");
  view.own.incarnation = kC.incarnation;
}

struct Row {
  const char* when;
  void (*change)(View&);
  const char* step;  // kind, or nullptr
  const char* because;
};

void expect_rows(View (*base)(), const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.when);
    View view = base();
    row.change(view);
    const Decision decision = decide(view);
    EXPECT_STREQ(decision.step ? kind_of(*decision.step) : nullptr, row.step);
    EXPECT_EQ(decision.because, row.because);
  }
}

TEST(ProvisionDecide, KeepsOffWhereFailoverHasTheWord) {
  expect_rows(calm, {
                        {"a round is open",
                         [](View& v) {
                           v.record.round = OpenRound{2, HostName("c")};
                         },
                         nullptr, "failover has the word"},
                        {"a promise above the epoch is held", [](View& v) { v.own.promised = 2; },
                         nullptr, "failover has the word"},
                        {"a promise of this epoch's own round binds nobody",
                         [](View& v) { v.own.promised = 1; }, nullptr, "as the fleet file says"},
                        {"strange data lies there",
                         [](View& v) {
                           v.own.foreign = true;
                           v.own.trouble = "the folder is not ours";
                         },
                         nullptr, "the folder is not ours"},
                        {"a rewind was cut off",
                         [](View& v) {
                           v.own.half_rewound = true;
                           v.own.trouble = "a rewind was cut off";
                         },
                         nullptr, "a rewind was cut off"},
                        {"a round is open while work waits",
                         [](View& v) {
                           v.record.round = OpenRound{2, HostName("c")};
                           v.settled.reset();
                           v.differences->found.push_back(difference("role", "shop_app"));
                         },
                         nullptr, "failover has the word"},
                    });
}

TEST(ProvisionDecide, BringsTheFirstDataIntoBeing) {
  expect_rows(unborn,
              {
                  {"nothing is there", [](View&) {}, "Create", "the service has no data yet"},
                  {"the data is made",
                   [](View& v) {
                     v.own.data = true;
                     v.own.incarnation = Incarnation("made");
                   },
                   "RecordBirth", "the first data of the service is made"},
                  {"another member is to make it", [](View& v) { v.self = member("b"); }, nullptr,
                   "no data to provision"},
                  {"the leader's data was made and this member has none",
                   [](View& v) { v.record.leader = kA; }, nullptr, "no data to provision"},
                  {"strange data lies there", [](View& v) { v.own.foreign = true; }, nullptr, ""},
              });
}

TEST(ProvisionDecide, CreatesUnderTheFreshIncarnation) {
  EXPECT_EQ(decide(unborn()).step, Step(Create{Incarnation("fresh")}));
}

TEST(ProvisionDecide, ABirthChangesOnlyTheIncarnationsOfItsMember) {
  View view = unborn();
  view.own.data = true;
  view.own.incarnation = Incarnation("made");
  Record want = view.record;
  want.leader.incarnation = Incarnation("made");
  want.members = {{kA.member, Incarnation("made")}, {kB.member, {}}, {kC.member, {}}};
  EXPECT_EQ(decide(view).step, Step(RecordBirth{want}));
}

TEST(ProvisionDecide, SettlesWhenSettingsMayDiffer) {
  const char* const why = "settings follow the fleet file";
  expect_rows(
      calm,
      {
          {"nothing has changed", [](View&) {}, nullptr, "as the fleet file says"},
          {"this agent has not settled yet", [](View& v) { v.settled.reset(); }, "Settle", why},
          {"the file is newer", [](View& v) { v.desired_revision = 8; }, "Settle", why},
          {"it was long ago", [](View& v) { v.settled->at = kNow - 1h; }, "Settle", why},
          {"it was a while ago", [](View& v) { v.settled->at = kNow - 25s; }, nullptr,
           "as the fleet file says"},
          {"clients are still shut out", [](View& v) { v.settled->clients_let_in = false; },
           "Settle", why},
          {"the server is stopped",
           [](View& v) {
             v.own.server.life = ServerLife::ended;
             v.settled.reset();
           },
           "Settle", why},
      });
}

TEST(ProvisionDecide, LetsClientsInOnlyAfterTheFirstConfirmedCommit) {
  View view = calm();
  view.settled.reset();
  EXPECT_EQ(decide(view).step, Step(Settle{true}));
  view.record.confirmed = false;
  EXPECT_EQ(decide(view).step, Step(Settle{false}));
  view.record.epoch = {0, 2};  // an unconfirmed leader of a service that had clients keeps them
  EXPECT_EQ(decide(view).step, Step(Settle{true}));
  view = calm();
  view.record.confirmed = false;
  EXPECT_EQ(decide(view).step, Step(Settle{false})) << "whoever was let in too early is shut out";
}

TEST(ProvisionDecide, ReplicasRestartForSettingsOneByOne) {
  const char* const calmly = "as the fleet file says";
  const char* const one_waits = "max_connections waits for a restart";
  expect_rows(calm_replica,
              {
                  {"nothing waits", [](View&) {}, nullptr, calmly},
                  {"one waits", wait_for_restart, "StopForSettings", one_waits},
                  {"two wait",
                   [](View& v) {
                     v.settled->waiting_for_restart = {"max_connections", "shared_buffers"};
                   },
                   "StopForSettings", "max_connections, shared_buffers wait for a restart"},
                  {"it has started again since",
                   [](View& v) {
                     wait_for_restart(v);
                     v.own.server.pid = v.settled->server.pid + 1;
                   },
                   "Settle", "settings follow the fleet file"},
                  {"it has stopped already",
                   [](View& v) {
                     wait_for_restart(v);
                     v.own.server.life = ServerLife::ended;
                   },
                   nullptr, calmly},
                  {"the first has no turn to wait for",
                   [](View& v) {
                     wait_for_restart(v);
                     v.settled->at = kNow;
                   },
                   "StopForSettings", one_waits},
                  {"the second waits for its turn",
                   [](View& v) {
                     as_c(v);
                     v.settled->at = kNow;
                   },
                   nullptr, calmly},
                  {"the second's turn has come", as_c, "StopForSettings", one_waits},
                  {"the other that counts does not stream",
                   [](View& v) {
                     as_c(v);
                     v.leader_seen.followers[0].streaming = false;
                   },
                   nullptr, calmly},
                  {"the other that counts is not seen, its leader neither",
                   [](View& v) {
                     as_c(v);
                     v.leader_seen = {};
                   },
                   nullptr, calmly},
                  {"another streams, but not the one that counts",
                   [](View& v) {
                     as_c(v);
                     v.leader_seen.followers[0].voter.incarnation = Incarnation("other");
                   },
                   nullptr, calmly},
                  {"another has left the set, because it did not come back",
                   [](View& v) {
                     as_c(v);
                     v.leader_seen.followers[0].streaming = false;
                     v.record.set.voters = {kC};
                   },
                   nullptr, calmly},
              });
}

TEST(ProvisionDecide, ALeaderRestartsForSettingsAfterItsReplicas) {
  const char* const calmly = "as the fleet file says";
  expect_rows(calm, {
                        {"all stream", wait_for_restart, "StopForSettings",
                         "max_connections waits for a restart"},
                        {"no commit waits for anybody",
                         [](View& v) {
                           wait_for_restart(v);
                           v.record.mode = Durability::async;
                           v.record.set = {};
                         },
                         "StopForSettings", "max_connections waits for a restart"},
                        {"the replicas have had no time to restart",
                         [](View& v) {
                           wait_for_restart(v);
                           v.settled->at = kNow - 4s;
                         },
                         nullptr, calmly},
                        {"one does not stream",
                         [](View& v) {
                           wait_for_restart(v);
                           v.own_seen.followers[1].streaming = false;
                         },
                         nullptr, calmly},
                        {"one is not seen",
                         [](View& v) {
                           wait_for_restart(v);
                           v.own_seen.followers.pop_back();
                         },
                         nullptr, calmly},
                        {"one streams with other data",
                         [](View& v) {
                           wait_for_restart(v);
                           v.own_seen.followers[1].voter.incarnation = Incarnation("other");
                         },
                         nullptr, calmly},
                        {"nobody could take over",
                         [](View& v) {
                           wait_for_restart(v);
                           v.record.set.voters.clear();
                         },
                         nullptr, calmly},
                        {"no commit is confirmed",
                         [](View& v) {
                           wait_for_restart(v);
                           v.record.confirmed = false;
                           v.record.epoch = {0, 2};
                         },
                         nullptr, calmly},
                    });
}

TEST(ProvisionDecide, ShapesOnlyAsTheServingLeader) {
  expect_rows(
      calm, {
                {"a role is missing",
                 [](View& v) { v.differences->found.push_back(difference("role", "shop_app")); },
                 "Shape", "role shop_app is to be as the fleet file says"},
                {"one that is no longer declared",
                 [](View& v) { v.differences->found.push_back(difference("database", "", "old")); },
                 "Shape", "database old is to be as the fleet file says"},
                {"not read yet", [](View& v) { v.differences.reset(); }, nullptr,
                 "as the fleet file says"},
                {"its own probe finds no write",
                 [](View& v) {
                   v.differences->found.push_back(difference("role", "shop_app"));
                   v.own_seen.writable = false;
                 },
                 nullptr, "as the fleet file says"},
                {"its own probe finds it sick",
                 [](View& v) {
                   v.differences->found.push_back(difference("role", "shop_app"));
                   v.own_seen.reach = Reach::sick;
                 },
                 nullptr, "as the fleet file says"},
                {"the record names another life of its data",
                 [](View& v) {
                   v.differences->found.push_back(difference("role", "shop_app"));
                   v.own.incarnation = Incarnation("other");
                 },
                 nullptr, "as the fleet file says"},
                {"the record names another",
                 [](View& v) {
                   v.differences->found.push_back(difference("role", "shop_app"));
                   v.record.leader = kB;
                 },
                 nullptr, "as the fleet file says"},
            });
}

TEST(ProvisionDecide, TheFirstDifferenceComesFirst) {
  View view = calm();
  view.differences->found = {difference("role", "shop_owner"), difference("database", "shop")};
  EXPECT_EQ(decide(view).step, Step(Shape{difference("role", "shop_owner")}));
}

// Parameters are written by Settle, on every member; none is ever shaped on the leader alone.
TEST(ProvisionDecide, SettlesAgainWhereAParameterWasChangedOutsideWeir) {
  const char* const calmly = "as the fleet file says";
  const char* const drifted = "the parameter work_mem was changed outside weir";
  const auto drift = [](View& v) {
    v.differences->found.push_back(difference("param", "work_mem", "work_mem"));
    v.settled->at = kNow - 40s;
  };
  const auto with = [&](void (*change)(View&)) {
    View view = calm();
    drift(view);
    change(view);
    const Decision decision = decide(view);
    return std::pair(decision.step ? kind_of(*decision.step) : std::string{}, decision.because);
  };
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(with([](View&) {}), Pair("Settle", drifted));
  EXPECT_EQ(with([](View& v) { v.settled->at = kNow - 20s; }), Pair("", calmly))
      << "it was written a moment ago";
  EXPECT_EQ(with([](View& v) { v.differences->at = kNow - 50s; }), Pair("", calmly))
      << "it was read before the settings were written";
  EXPECT_EQ(with([](View& v) {
              v.settled->waiting_for_restart = {"work_mem"};
              v.own_seen.followers.clear();
            }),
            Pair("", calmly))
      << "it waits for a restart";
  EXPECT_EQ(
      with([](View& v) { v.differences->found.push_back(difference("role", "shop_app")); }).first,
      "Settle");
  EXPECT_EQ(with([](View& v) {
              v.settled->at = kNow - 20s;
              v.differences->found.push_back(difference("role", "shop_app"));
            }).first,
            "Shape")
      << "a parameter that cannot be mended now holds up nothing else";
}

TEST(ProvisionDecide, WantsDifferences) {
  const struct {
    const char* when;
    void (*change)(View&);
    bool want;
  } rows[] = {
      {"read lately", [](View&) {}, false},
      {"never read", [](View& v) { v.differences.reset(); }, true},
      {"read long ago", [](View& v) { v.differences->at = kNow - 30s; }, true},
      {"read almost long ago", [](View& v) { v.differences->at = kNow - 29s; }, false},
      {"a new service that nobody has confirmed or entered yet",
       [](View& v) {
         v.differences.reset();
         v.record.confirmed = false;
       },
       true},
      {"a leader that took over, and no commit of its own is confirmed",
       [](View& v) {
         v.differences.reset();
         v.record.confirmed = false;
         v.record.epoch = {0, 2};
       },
       false},
      {"it does not serve",
       [](View& v) {
         v.differences.reset();
         v.own_seen.reach = Reach::starting;
       },
       false},
      {"it takes no writes",
       [](View& v) {
         v.differences.reset();
         v.own_seen.writable = false;
       },
       false},
      {"another leads",
       [](View& v) {
         v.differences.reset();
         v.record.leader = kC;
       },
       false},
      {"the file no longer names it",
       [](View& v) {
         v.differences.reset();
         v.desired.leaving = {v.self};
       },
       false},
      {"it has no data",
       [](View& v) {
         v.differences.reset();
         v.record.leader.incarnation = {};
         v.own.incarnation = {};
       },
       false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.when);
    View view = calm();
    row.change(view);
    EXPECT_EQ(wants_differences(view), row.want);
  }
}

TEST(ProvisionDecide, TheFirstRecordNamesTheFirstMemberAndCountsNobody) {
  Service service;
  service.name = ServiceName("orders");
  service.members = {member("c"), member("a"), member("b")};
  service.members[0].host = HostName("host-of-c");
  service.sync = 2;
  service.durability = Durability::preferred;
  const Record record = first_record(service);
  Record want;
  want.mode = Durability::preferred;
  want.epoch = {0, 1};
  want.last_round = 1;
  want.leader = {MemberName("c"), {}};
  want.leader_host = HostName("host-of-c");
  want.members = {{MemberName("a"), {}}, {MemberName("b"), {}}, {MemberName("c"), {}}};
  want.set.number = 2;
  EXPECT_EQ(record, want);
  const auto read = record_from(to_json(record));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(*read, record);
}

TEST(ProvisionDecide, RefusesModesThatAreNotDone) {
  Service service;
  service.name = ServiceName("orders");
  for (const Durability durability : {Durability::required, Durability::async}) {
    service.durability = durability;
    EXPECT_TRUE(unsupported(service).empty()) << name_of(durability);
  }
  service.durability = Durability::preferred;
  const auto sentences = unsupported(service);
  ASSERT_EQ(sentences.size(), 1U);
  EXPECT_NE(sentences[0].find("orders: durability preferred"), std::string::npos) << sentences[0];
}

// What stands in the journal says which step it was, and never a secret (safety.md S15).
TEST(ProvisionDecide, StepsAreJournaledWithoutSecrets) {
  engine::Difference secret = difference("role", "shop_app", "shop_app");
  secret.wanted.attributes["password"] = "SCRAM-SHA-256$4096:new";
  secret.present.attributes["password"] = "SCRAM-SHA-256$4096:old";
  secret.wanted.attributes["login"] = "true";
  const std::string text = to_json(Step(Shape{secret})).dump();
  EXPECT_EQ(text.find("SCRAM"), std::string::npos) << text;
  EXPECT_NE(text.find("\"login\":\"true\""), std::string::npos) << text;
  EXPECT_NE(text.find("(secret)"), std::string::npos) << text;

  std::set<std::string> kinds;
  for (const Step& step : {Step(Create{Incarnation("i")}), Step(RecordBirth{}), Step(Settle{true}),
                           Step(StopForSettings{{"max_connections"}}), Step(Shape{secret}),
                           Step(StopToLeave{true}), Step(Leave{true})}) {
    kinds.insert(kind_of(step));
    EXPECT_FALSE(to_json(step).members().empty()) << kind_of(step);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Step>);
}

}  // namespace
}  // namespace weir::provision
