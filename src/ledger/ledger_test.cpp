// The outside client with real threads against a server that misbehaves by script.
#include "ledger/ledger.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "ledger/log.h"
#include "ledger/scripted.h"
#include "world/real.h"

namespace weir::ledger {
namespace {

using Behaviour = ScriptedWrites::Behaviour;
using engine::Written;

class NoServers : public Servers {
 public:
  Result<ServerState> start(const ServerSpec&, Deadline) override { return ServerState{}; }
  Result<ServerState> state(const ServerSpec&) override { return ServerState{}; }
  Result<> signal(const ServerSpec&, int) override { return {}; }
  Result<> kill_all(const ServerSpec&, Deadline) override { return {}; }
  Result<bool> any_left(const ServerSpec&) override { return false; }
  Result<> hold(const std::string&, Instant, Deadline) override { return {}; }
};

class LedgerRun : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = "/tmp/weir-ledger-test-" + random->id();
    ASSERT_TRUE(files->make_folder(folder).has_value());
    plan.id = "drill1";
    plan.file = folder + "/acknowledged.log";
    plan.rate = 1000;
    plan.statement_limit = 200ms;
    plan.members = {leader};
  }
  void TearDown() override { (void)files->remove(folder).has_value(); }

  bool wait_for(const std::function<bool()>& check) {
    return poll_until(*clock, clock->within(20s), 1ms, check);
  }
  // Lets every writer write on for a while.
  bool wait_for_rows(const Ledger& ledger, std::uint64_t more) {
    const std::uint64_t before = ledger.tally().acknowledged;
    return wait_for([&] { return ledger.tally().acknowledged >= before + more; });
  }
  std::vector<Attempt> log() {
    const auto text = files->read(plan.file);
    const auto attempts = text ? parse_log(*text, plan.id) : fail(text.error());
    EXPECT_TRUE(attempts.has_value());
    return attempts.value_or(std::vector<Attempt>{});
  }

  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Random> random = make_real_random();
  std::unique_ptr<Files> files = make_real_files();
  std::unique_ptr<Programs> programs = make_real_programs(*clock);
  std::unique_ptr<Workers> workers = make_real_workers();
  NoServers servers;
  World world{*clock, *random, *files, *programs, servers, *workers};
  ScriptedWrites server{*clock};
  Member leader{ServiceName("orders"), MemberName("a"), HostName("a"), "127.0.0.1", 5432};
  std::string folder;
  Plan plan;
};

TEST_F(LedgerRun, AGoodServerLosesNothing) {
  Ledger ledger(world, server, plan);
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  ASSERT_TRUE(wait_for_rows(ledger, 100));
  const auto report = ledger.audit(leader, clock->within(20s));
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_GE(report->acknowledged, 100u);
  EXPECT_EQ(report->acknowledged, server.rows());
  EXPECT_EQ(report->lost_commits + report->in_doubt + report->unexpected, 0u);

  // Each writer's rows are numbered without a hole, and each hangs on the one before.
  std::map<int, engine::LedgerRow> last;
  for (const Attempt& attempt : log()) {
    const engine::LedgerRow& before = last[attempt.row.writer];
    EXPECT_EQ(attempt.row.sequence, before.sequence + 1);
    EXPECT_EQ(attempt.row.before, before.hash);
    EXPECT_EQ(attempt.row.hash,
              row_hash(plan.id, attempt.row.writer, attempt.row.sequence, attempt.row.before));
    last[attempt.row.writer] = attempt.row;
  }
  EXPECT_EQ(last.size(), 4u);
}

TEST_F(LedgerRun, EveryMisbehaviourIsToldApart) {
  const struct {
    Behaviour behaviour;
    void (*expect)(LossReport&);
  } rows[] = {
      {Behaviour::lose_answer, [](LossReport& w) { w.in_doubt = w.in_doubt_kept = 1; }},
      {Behaviour::forget, [](LossReport& w) { w.lost_commits = 1; }},
      {Behaviour::twice, [](LossReport& w) { w.unexpected = 1; }},
      {Behaviour::refuse, [](LossReport&) {}},
      {Behaviour::silent, [](LossReport& w) { w.in_doubt = 1; }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(static_cast<int>(row.behaviour));
    ScriptedWrites fresh(*clock);
    Ledger ledger(world, fresh, plan);
    ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
    fresh.behave_once(row.behaviour);
    ASSERT_TRUE(wait_for_rows(ledger, 50));
    if (row.behaviour == Behaviour::silent) {
      ASSERT_TRUE(wait_for([&] { return ledger.tally().in_doubt == 1; }));
    }
    // Anything but a plain success costs the session.
    const bool dropped = row.behaviour != Behaviour::forget && row.behaviour != Behaviour::twice;
    ASSERT_TRUE(wait_for([&] { return fresh.sessions_opened() == (dropped ? 5 : 4); }));
    const auto report = ledger.audit(leader, clock->within(20s));
    ASSERT_TRUE(report.has_value()) << report.error().what;
    LossReport want;
    row.expect(want);
    EXPECT_EQ(report->lost_commits, want.lost_commits);
    EXPECT_EQ(report->lost_bytes > 0, want.lost_commits > 0);
    EXPECT_EQ(report->in_doubt, want.in_doubt);
    EXPECT_EQ(report->in_doubt_kept, want.in_doubt_kept);
    EXPECT_EQ(report->unexpected, want.unexpected);
  }
}

TEST_F(LedgerRun, ARowInDoubtDoesNotBreakTheChain) {
  Ledger ledger(world, server, plan);
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  server.behave_once(Behaviour::lose_answer);
  ASSERT_TRUE(wait_for([&] { return ledger.tally().in_doubt == 1; }));
  ASSERT_TRUE(wait_for_rows(ledger, 50));
  ledger.stop();
  const std::vector<Attempt> attempts = log();
  const auto doubt = std::ranges::find(attempts, Written::in_doubt, &Attempt::written);
  ASSERT_NE(doubt, attempts.end());
  const auto next = std::find_if(doubt + 1, attempts.end(), [&](const Attempt& attempt) {
    return attempt.row.writer == doubt->row.writer;
  });
  ASSERT_NE(next, attempts.end());
  EXPECT_EQ(next->row.before, doubt->row.before);
  EXPECT_EQ(next->row.sequence, doubt->row.sequence + 1);
}

TEST_F(LedgerRun, TheFirstWriteAfterAFaultIsReadBackInASessionOfItsOwn) {
  Ledger ledger(world, server, plan);
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  server.behave(Behaviour::gone);
  // A statement that was under way may still be acknowledged; none is once all sessions broke.
  ASSERT_TRUE(wait_for([&] { return ledger.tally().in_doubt == 4; }));
  const Instant fault = clock->now();
  ledger.mark(fault);
  const auto none = ledger.first_after(clock->within(50ms));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().failure, Failure::timed_out);

  server.behave(Behaviour::well);
  const auto first = ledger.first_after(clock->within(20s));
  ASSERT_TRUE(first.has_value()) << first.error().what;
  EXPECT_GT(first->acknowledged, fault + 50ms);
  EXPECT_GE(first->read_back, first->acknowledged);
  EXPECT_GE(ledger.tally().longest_gap, 50ms);
  // Four writers, four again, and one that only read.
  EXPECT_TRUE(wait_for([&] { return server.sessions_opened() == 9; }));
}

TEST_F(LedgerRun, AnAcknowledgedFirstWriteThatIsNotThereDoesNotCount) {
  Ledger ledger(world, server, plan);
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  server.behave(Behaviour::forget);
  ledger.mark(clock->now());
  const auto first = ledger.first_after(clock->within(300ms));
  ASSERT_FALSE(first.has_value());
  EXPECT_NE(first.error().what.find("read the first acknowledged write back"), std::string::npos);
}

TEST_F(LedgerRun, StartSaysWhyItCannotWrite) {
  server.behave(Behaviour::gone);
  Ledger ledger(world, server, plan);
  const auto started = ledger.start(clock->within(100ms));
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().failure, Failure::timed_out);
  EXPECT_NE(started.error().what.find("it is gone"), std::string::npos);
}

TEST_F(LedgerRun, TheRateIsAnUpperBound) {
  plan.rate = 100;
  Ledger ledger(world, server, plan);
  const Instant begun = clock->now();
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  ASSERT_TRUE(wait_for_rows(ledger, 30));
  ledger.stop();
  const double passed = std::chrono::duration<double>(clock->now() - begun).count();
  EXPECT_LE(static_cast<double>(ledger.tally().acknowledged), passed * plan.rate + plan.writers);
}

TEST_F(LedgerRun, WithoutItsLogItJudgesNothing) {
  Ledger ledger(world, server, plan);
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  ASSERT_TRUE(wait_for_rows(ledger, 20));
  ledger.stop();
  const auto text = files->read(plan.file);
  ASSERT_TRUE(text.has_value());
  // One attempt is missing from it.
  const std::size_t end = text->rfind('\n', text->size() - 2);
  ASSERT_TRUE(files->write(plan.file, text->substr(0, end + 1)).has_value());
  const auto report = ledger.audit(leader, clock->within(20s));
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().failure, Failure::bad_data);
}

TEST_F(LedgerRun, AnInventedRowIsSeen) {
  Ledger ledger(world, server, plan);
  ASSERT_TRUE(ledger.start(clock->within(20s)).has_value());
  server.invent({0, 1000000, "", row_hash(plan.id, 0, 1000000, "")});
  const auto report = ledger.audit(leader, clock->within(20s));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->unexpected, 1u);
}

}  // namespace
}  // namespace weir::ledger
