// Whole drills with real threads against a service of three members that lives in this file.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "drill/drill.h"
#include "drill/state.h"
#include "world/real.h"

namespace weir::drill {
namespace {

class NoServers : public Servers {
 public:
  Result<ServerState> start(const ServerSpec&, Deadline) override { return ServerState{}; }
  Result<ServerState> state(const ServerSpec&) override { return ServerState{}; }
  Result<> signal(const ServerSpec&, int) override { return {}; }
  Result<> kill_all(const ServerSpec&, Deadline) override { return {}; }
  Result<bool> any_left(const ServerSpec&) override { return false; }
  Result<> hold(const std::string&, Instant, Deadline) override { return {}; }
};

// Member a leads until it is killed; b leads `recovery` later; a follows once it is revived.
class SmallService : public engine::Observes, public engine::Writes, public Injector {
 public:
  explicit SmallService(Clock& clock) : clock_(clock) {}

  // The script.
  Duration recovery = 200ms;
  bool loses_last_row = false;  // of what was acknowledged before the fault
  bool comes_back = true;       // writes, by themselves
  bool revert_works = true;
  bool inject_fails = false;  // though the fault is done
  bool writable = true;
  std::vector<std::string> followers = {"b", "c"};
  bool role_refused = false;

  // What is left at the end.
  bool prepared = false;
  bool broken = false;
  int reverts = 0;

  // As it was before any fault.
  void heal() {
    const std::scoped_lock lock(mutex_);
    at_.reset();
    rows_.clear();
  }

  Result<Record> record() {
    const std::scoped_lock lock(mutex_);
    Record out;
    const bool over = failed_over();
    out.epoch = {0, over ? 8 : 7};
    out.leader.member = MemberName(over ? "b" : "a");
    for (const char* name : {"a", "b", "c"}) {
      if (out.leader.member.text != name) out.set.voters.push_back({MemberName(name), {}});
    }
    return out;
  }

  Sighting probe(const Member& member, Deadline) override {
    const std::scoped_lock lock(mutex_);
    Sighting seen;
    if (member.name.text != (failed_over() ? "b" : "a")) return seen;
    if (broken && member.name.text == "a") return seen;
    seen.reach = Reach::serving;
    seen.role = Role::leader;
    seen.writable = writable;
    for (const std::string& name : followers) {
      const std::string shown = failed_over() && name == "b" ? "a" : name;
      if (shown == "a" && broken) continue;
      seen.followers.push_back({{MemberName(shown), {}}, true, true, {}});
    }
    return seen;
  }
  Result<> probe_write(const Member&, Deadline) override { return {}; }

  std::vector<std::string> preparation(const engine::LedgerAccess& access) const override {
    return {"CREATE ROLE " + access.role, "CREATE SCHEMA " + access.schema};
  }
  Result<> prepare(const Member&, const engine::LedgerAccess& access, Deadline) override {
    const std::scoped_lock lock(mutex_);
    if (role_refused) return fail(Failure::refused, "roles are not to be made");
    prepared = true;
    password_ = access.password;
    return {};
  }
  Result<> clean_up(const Member& leader, const engine::LedgerAccess&, Deadline) override {
    const std::scoped_lock lock(mutex_);
    if (!serves() || leader.name.text != (failed_over() ? "b" : "a")) {
      return fail(Failure::unreachable, "nobody leads");
    }
    prepared = false;
    rows_.clear();
    return {};
  }
  Result<std::unique_ptr<engine::Session>> connect(const std::vector<Member>&,
                                                   const engine::LedgerAccess& access,
                                                   Deadline) override {
    const std::scoped_lock lock(mutex_);
    if (!serves()) return fail(Failure::unreachable, "nobody leads");
    if (access.password != password_ || password_.empty()) return fail(Failure::denied, "no");
    return std::make_unique<OneSession>(*this, failed_over());
  }
  Result<std::unique_ptr<engine::Session>> connect_one(const Member&,
                                                       const engine::LedgerAccess& access,
                                                       Deadline deadline) override {
    return connect({}, access, deadline);
  }

  Result<Instant> inject(const FaultOrder& order, Deadline) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ(order.host.text, "a");
    EXPECT_GT(order.revert_by, Duration::zero());
    broken = true;
    at_ = clock_.now();
    if (loses_last_row) rows_.pop_back();
    if (inject_fails) return fail(Failure::outcome_unknown, "no answer from the supervisor");
    return *at_;
  }
  Result<> revert(const std::string&, Deadline) override {
    const std::scoped_lock lock(mutex_);
    ++reverts;
    if (!revert_works) return fail(Failure::unreachable, "no supervisor");
    broken = false;
    return {};
  }
  Result<bool> reverted(const std::string&, Deadline) override {
    const std::scoped_lock lock(mutex_);
    return !broken;
  }

 private:
  class OneSession : public engine::Session {
   public:
    OneSession(SmallService& service, bool new_leader)
        : service_(service), new_leader_(new_leader) {}
    engine::WriteResult write(const engine::LedgerRow& row, Deadline) override {
      const std::scoped_lock lock(service_.mutex_);
      if (!service_.serves() || service_.failed_over() != new_leader_) {
        return {engine::Written::in_doubt, "the connection broke"};
      }
      service_.rows_.push_back(row);
      return {engine::Written::acknowledged, {}};
    }
    Result<bool> read_back(const engine::LedgerRow& row, Deadline) override {
      const std::scoped_lock lock(service_.mutex_);
      return std::ranges::count(service_.rows_, row) == 1;
    }
    Result<std::vector<engine::LedgerRow>> read_all(Deadline) override {
      const std::scoped_lock lock(service_.mutex_);
      return service_.rows_;
    }

   private:
    SmallService& service_;
    bool new_leader_;
  };

  // A kill that was reverted in the middle of the failover does not undo the failover.
  bool failed_over() const { return comes_back && at_ && clock_.now() >= *at_ + recovery; }
  bool serves() const { return !at_ || failed_over(); }

  Clock& clock_;
  mutable std::mutex mutex_;  // guards everything; the script is set before the drill begins
  std::optional<Instant> at_;
  std::string password_;
  std::vector<engine::LedgerRow> rows_;
};

class DrillRun : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = "/tmp/weir-drill-test-" + random->id();
    ASSERT_TRUE(files->make_folder(folder).has_value());
    order.id = "drill1";
    order.fleet = FleetName("quickstart");
    order.service.name = ServiceName("orders");
    order.service.engine = "small";
    for (const char* name : {"a", "b", "c"}) {
      order.service.members.push_back(
          {ServiceName("orders"), MemberName(name), HostName(name), "127.0.0.1", 5432});
    }
    order.service.sync = 1;
    order.service.objective.rto = 5s;
    order.service.objective.rpo = 0s;
    order.fault = "kill-host";
    order.database = "shop";
    order.ca = "/x/ca.crt";
    order.state_file = folder + "/drill.json";
    order.log_file = folder + "/acknowledged.log";
    order.rate = 1000;
    order.limits = {.green_for = 300ms,
                    .green_within = 5s,
                    .writes_within = 3s,
                    .served_for = 200ms,
                    .follows_within = 3s,
                    .acknowledged_min = 100,
                    .step = 2s};
    order.cancelled = &cancelled;
  }
  void TearDown() override { (void)files->remove(folder).has_value(); }

  Result<DrillReport> go() { return run(order, ports); }
  void expect_nothing_left() {
    EXPECT_FALSE(service.prepared);
    EXPECT_FALSE(service.broken);
    EXPECT_FALSE(files->exists(order.state_file));
  }
  bool said_line(const std::string& part) const {
    return std::ranges::any_of(
        said, [&part](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Random> random = make_real_random();
  std::unique_ptr<Files> files = make_real_files();
  std::unique_ptr<Programs> programs = make_real_programs(*clock);
  std::unique_ptr<Workers> workers = make_real_workers();
  NoServers servers;
  World world{*clock, *random, *files, *programs, servers, *workers};
  SmallService service{*clock};
  std::atomic<bool> cancelled{false};
  bool preempted = false;
  std::string lever;  // "unknown": nobody can say
  std::vector<std::string> said;
  std::function<void(const std::string&)> on_line;
  DrillOrder order;
  DrillPorts ports{world,
                   service,
                   service,
                   service,
                   [this](const ServiceName&, Deadline) { return service.record(); },
                   [](Instant, Instant) {
                     return std::vector<Phase>{{"detect", 50ms}, {"promote", 20ms}};
                   },
                   [this](const std::string& line) {
                     said.push_back(line);
                     if (on_line) on_line(line);
                   },
                   [this]() -> Result<> {
                     if (preempted) return fail(Failure::refused, "a failover has preempted it");
                     return {};
                   },
                   [this](Deadline) -> Result<std::string> {
                     if (lever == "unknown") return fail(Failure::unreachable, "no store");
                     return lever;
                   }};
  std::string folder;
};

TEST_F(DrillRun, MeasuresAFailoverAndLeavesNothing) {
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::met) << report->because;
  EXPECT_EQ(report->loss.lost_commits, 0u);
  EXPECT_GE(report->loss.acknowledged, 100u);
  EXPECT_EQ(report->loss.unexpected, 0u);
  ASSERT_TRUE(report->rto && report->outage && report->old_leader_back);
  // The true recovery is known: the report may be later by what a retry takes, never earlier.
  EXPECT_GE(*report->rto, service.recovery);
  EXPECT_GE(*report->outage, service.recovery);
  EXPECT_LT(*report->rto, service.recovery + 2s);
  EXPECT_GT(*report->old_leader_back, *report->rto);
  Duration sum{};
  for (const Phase& phase : report->phases) sum += phase.took;
  EXPECT_EQ(sum, *report->rto);
  EXPECT_EQ(report->phases.front().name, "detect");
  EXPECT_EQ(report->phases.back().name, "unattributed");
  EXPECT_EQ(report->leader_before.text, "a");
  EXPECT_EQ(report->leader_after.text, "b");
  EXPECT_EQ(report->epoch_before, 7);
  EXPECT_EQ(report->epoch_after, 8);
  EXPECT_EQ(report->host.text, "a");
  EXPECT_TRUE(report->fault_gone && report->old_leader_follows);
  EXPECT_TRUE(said_line("CREATE SCHEMA weir_ledger"));
  expect_nothing_left();
}

TEST_F(DrillRun, ALostCommitBreachesTheObjective) {
  service.loses_last_row = true;
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::breached);
  EXPECT_EQ(report->loss.lost_commits, 1u);
  EXPECT_GT(report->loss.lost_seconds, Duration::zero());
  expect_nothing_left();
}

TEST_F(DrillRun, TooFewWritesProveNothing) {
  order.limits.acknowledged_min = 1000000;
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::void_run);
}

TEST_F(DrillRun, WritesThatStayAwayAreABreachAndTheSchemaIsToldToBeThere) {
  service.comes_back = false;
  order.limits.writes_within = 300ms;
  order.limits.follows_within = 300ms;
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::breached);
  EXPECT_FALSE(report->rto.has_value());
  EXPECT_FALSE(report->outage.has_value());
  EXPECT_TRUE(report->phases.empty());
  EXPECT_GE(service.reverts, 1);
  EXPECT_FALSE(service.broken);
  // Nobody leads, so it could not be dropped; the next drill does it.
  EXPECT_TRUE(files->exists(order.state_file));
}

TEST_F(DrillRun, RefusesAndTouchesNothing) {
  const struct {
    const char* says;
    std::function<void()> change;
  } rows[] = {
      {"no replica", [this] { service.followers.clear(); }},
      {"no leader", [this] { service.writable = false; }},
      {"frozen until",
       [this] {
         const WallTime now = clock->wall();
         order.service.freezes = {{now - 1h, now + 1h, "the sale of the year"}};
       }},
      {"the lever", [this] { lever = "the lever is pulled"; }},
      {"drill other is running",
       [this] {
         const State state{"other",      life_of(*files, "self"), "kill-host", "shop", "/x/ca.crt",
                           order.service};
         ASSERT_TRUE(files->write(order.state_file, to_json(state).dump()).has_value());
       }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.says);
    service.writable = true;
    service.followers = {"b", "c"};
    order.service.freezes.clear();
    lever.clear();
    row.change();
    const auto report = go();
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().failure, Failure::refused);
    EXPECT_NE(report.error().what.find(row.says), std::string::npos) << report.error().what;
    EXPECT_FALSE(service.prepared);
    EXPECT_EQ(service.reverts, 0);
  }
  // The other drill's state is its own.
  EXPECT_TRUE(files->exists(order.state_file));
}

TEST_F(DrillRun, ARefusedPreparationIsTheCallersError) {
  service.role_refused = true;
  const auto report = go();
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().what, "roles are not to be made");
  expect_nothing_left();
}

TEST_F(DrillRun, AnInjectionWithoutAnswerIsRevertedAndVoid) {
  service.inject_fails = true;
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::void_run);
  EXPECT_GE(service.reverts, 1);
  expect_nothing_left();
}

TEST_F(DrillRun, APreemptedClaimBreaksNothing) {
  preempted = true;
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::void_run);
  EXPECT_EQ(report->because, "the fault was not injected: a failover has preempted it");
  EXPECT_EQ(service.reverts, 0);
  expect_nothing_left();
}

TEST_F(DrillRun, TheLeverStopsItAtAnyTimeAndLeavesNothing) {
  for (const char* line : {"on orders", "writers commit", "kill-host: a", "served again",
                           "reverting the fault", "ending the load"}) {
    SCOPED_TRACE(line);
    lever.clear();
    said.clear();
    service.heal();
    order.limits.served_for = 3s;  // the lever is looked at twice a second
    on_line = [&](const std::string& text) {
      if (text.find(line) != std::string::npos) lever = "the lever is pulled by operator: enough";
    };
    const auto report = go();
    EXPECT_TRUE(said_line(line));
    expect_nothing_left();
    // Pulled between two looks when all is measured already, it stops nothing any more.
    const bool late =
        line == std::string("reverting the fault") || line == std::string("ending the load");
    if (report && late) continue;
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().failure, Failure::refused) << report.error().what;
    EXPECT_NE(report.error().what.find("enough"), std::string::npos) << report.error().what;
  }
}

TEST_F(DrillRun, AnUnknownLeverRefuses) {
  lever = "unknown";
  const auto report = go();
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().what, "no store");
  expect_nothing_left();
}

TEST_F(DrillRun, AProbeThatIsNeverGreenProvesNothing) {
  order.limits.green_for = 10s;
  order.limits.green_within = 300ms;
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::void_run);
  EXPECT_EQ(report->because, "the probe was not green before the fault");
  EXPECT_EQ(service.reverts, 0);
  expect_nothing_left();
}

TEST_F(DrillRun, ACancelAtAnyTimeLeavesNothing) {
  for (const char* line : {"on orders", "writers commit", "kill-host: a", "served again",
                           "reverting the fault", "ending the load"}) {
    SCOPED_TRACE(line);
    cancelled = false;
    said.clear();
    service.heal();
    on_line = [&](const std::string& text) {
      if (text.find(line) != std::string::npos) cancelled = true;
    };
    const auto report = go();
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().failure, Failure::cancelled) << report.error().what;
    EXPECT_TRUE(said_line(line));
    expect_nothing_left();
  }
}

// Whatever it waits for when its time is over: a probe that is not green, writes, an old leader.
TEST_F(DrillRun, AtTheEndOfItsTimeItRevertsAndLeavesNothing) {
  for (const char* waiting : {"green", "writes", "follower"}) {
    SCOPED_TRACE(waiting);
    service.heal();
    order.lasts = 1s;
    order.limits.green_for = waiting == std::string("green") ? 20s : 300ms;
    order.limits.green_within = 20s;
    service.recovery = waiting == std::string("writes") ? 2s : 200ms;
    order.limits.served_for = waiting == std::string("follower") ? 20s : 5s;
    const auto report = go();
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().failure, Failure::timed_out) << report.error().what;
    EXPECT_NE(report.error().what.find("the drill's time of 1s was over"), std::string::npos)
        << report.error().what;
    EXPECT_EQ(report.error().what.find("its fault was reverted") != std::string::npos,
              service.reverts > 0)
        << report.error().what;
    expect_nothing_left();
    service.reverts = 0;
  }
}

TEST_F(DrillRun, CleansUpAfterADrillWhoseProcessDied) {
  // Process 1 lives, but not with this start time.
  const State state{"dead", "1 99999999999", "kill-host", "shop", "/x/ca.crt", order.service};
  ASSERT_TRUE(files->write(order.state_file, to_json(state).dump()).has_value());
  service.prepared = true;
  service.broken = true;
  ASSERT_TRUE(clean_up_after(order.state_file, ports).has_value());
  expect_nothing_left();
  EXPECT_TRUE(clean_up_after(order.state_file, ports).has_value());
  EXPECT_EQ(service.reverts, 1);
}

TEST_F(DrillRun, TheNextDrillCleansUpFirst) {
  const State state{"dead", "1 99999999999", "kill-host", "shop", "/x/ca.crt", order.service};
  ASSERT_TRUE(files->write(order.state_file, to_json(state).dump()).has_value());
  const auto report = go();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->verdict, Verdict::met) << report->because;
  EXPECT_TRUE(said_line("cleaning up after drill dead"));
  expect_nothing_left();
}

TEST_F(DrillRun, NobodyCleansUpAfterALivingDrill) {
  const State state{"other", life_of(*files, "self"), "kill-host", "shop", "/x", order.service};
  ASSERT_TRUE(files->write(order.state_file, to_json(state).dump()).has_value());
  const auto cleaned = clean_up_after(order.state_file, ports);
  ASSERT_FALSE(cleaned.has_value());
  EXPECT_EQ(cleaned.error().failure, Failure::held);
  EXPECT_TRUE(files->exists(order.state_file));
}

TEST_F(DrillRun, NoSecretIsWrittenDown) {
  std::string kept;
  on_line = [&](const std::string& line) {
    if (line.find("writers commit") == std::string::npos) return;
    kept = files->read(order.state_file).value_or("");
  };
  ASSERT_TRUE(go().has_value());
  EXPECT_NE(kept.find("drill1"), std::string::npos);
  EXPECT_EQ(kept.find("password"), std::string::npos);
}

}  // namespace
}  // namespace weir::drill
