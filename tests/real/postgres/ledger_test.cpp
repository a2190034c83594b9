// The outside client against a real Postgres: what it calls acknowledged, in doubt and refused, and
// that nothing of it is left.
#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <csignal>

#include "access/access.h"
#include "tests/real/support.h"

namespace weir::test {
namespace {

using engine::LedgerRow;
using engine::Written;

constexpr Epoch kFirst{0, 1};

template <class T>
std::string said(const Result<T>& result) {
  return result ? "success" : result.error().what;
}

class PostgresLedger : public ::testing::Test {
 protected:
  // One server for all of them; each begins with the settings and the schema as they should be.
  static void SetUpTestSuite() {
    shared = std::make_unique<Installation>(std::vector<std::string>{"a"});
    shared->begin("a", kFirst);
  }
  static void TearDownTestSuite() { shared.reset(); }

  void SetUp() override {
    set("synchronous_standby_names", "");
    set("default_transaction_read_only", "off");
    access = {"postgres", "weir_ledger", "weir_ledger", access::new_password(it.world().random),
              it.setting("a").identity + "/ca.crt"};
    const auto cleaned = writes().clean_up(leader(), access, it.within(10s));
    ASSERT_TRUE(cleaned) << said(cleaned);
    const auto prepared = writes().prepare(leader(), access, it.within(10s));
    ASSERT_TRUE(prepared) << said(prepared);
    plan.id = "real1";
    plan.members = it.service().members;
    plan.access = access;
    plan.file = it.folder() + "/acknowledged.log";
  }

  engine::Writes& writes() { return *it.operator_engine().writes(); }
  const Member& leader() { return it.member("a"); }

  // Changes a setting of the server, as seen by a session that is opened afterwards.
  void set(const std::string& name, const std::string& value) {
    EXPECT_EQ(it.sql("a", "ALTER SYSTEM SET " + name + " = '" + value + "'"), "");
    EXPECT_EQ(it.sql("a", "SELECT pg_reload_conf()"), "t");
    EXPECT_TRUE(poll_until(it.clock(), it.within(10s), 10ms,
                           [&] { return it.sql("a", "SHOW " + name) == value; }));
  }
  std::unique_ptr<engine::Session> session() {
    auto opened = writes().connect(plan.members, access, it.within(5s));
    EXPECT_TRUE(opened) << said(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  LedgerRow row(std::int64_t sequence) {
    return {9, sequence, "", ledger::row_hash(plan.id, 9, sequence, "")};
  }
  std::string ledger_sessions(const std::string& and_what = "") {
    return it.sql("a",
                  "SELECT count(*) FROM pg_stat_activity WHERE usename = 'weir_ledger'" + and_what);
  }
  bool wait_for(const std::function<bool()>& check) {
    return poll_until(it.clock(), it.within(30s), 10ms, check);
  }

  inline static std::unique_ptr<Installation> shared;
  Installation& it = *shared;
  engine::LedgerAccess access;
  ledger::Plan plan;
};

TEST_F(PostgresLedger, WritesAreFoundAgainAndNothingIsLeft) {
  // Preparing again changes nothing; the password is nowhere in clear.
  ASSERT_TRUE(writes().prepare(leader(), access, it.within(10s)).has_value());
  EXPECT_EQ(it.sql("a",
                   "SELECT substr(rolpassword, 1, 14) FROM pg_authid "
                   "WHERE rolname = 'weir_ledger'"),
            "SCRAM-SHA-256$");
  for (const std::string& statement : writes().preparation(access)) {
    EXPECT_EQ(statement.find(access.password), std::string::npos);
  }

  ledger::Ledger ledger(it.world(), writes(), plan);
  const auto started = ledger.start(it.within(20s));
  ASSERT_TRUE(started) << said(started);
  EXPECT_TRUE(wait_for([&] { return ledger.tally().acknowledged >= 200; }));
  const auto report = ledger.audit(leader(), it.within(20s));
  ASSERT_TRUE(report) << said(report);
  EXPECT_GE(report->acknowledged, 200u);
  EXPECT_EQ(report->lost_commits + report->in_doubt + report->unexpected, 0u);
  EXPECT_EQ(it.sql("a", "SELECT count(*) FROM weir_ledger.entries"),
            std::to_string(report->acknowledged));

  // Rows that somebody takes away or puts in are seen.
  it.sql("a", "DELETE FROM weir_ledger.entries WHERE writer = 0 AND sequence = 2");
  it.sql("a", "INSERT INTO weir_ledger.entries VALUES (77, 1, '', 'x')");
  const auto robbed = ledger.audit(leader(), it.within(20s));
  ASSERT_TRUE(robbed) << said(robbed);
  EXPECT_EQ(robbed->lost_commits, 1u);
  EXPECT_EQ(robbed->unexpected, 1u);

  for (int times = 0; times < 2; ++times) {
    const auto cleaned = writes().clean_up(leader(), access, it.within(10s));
    ASSERT_TRUE(cleaned) << said(cleaned);
  }
  EXPECT_EQ(it.sql("a", "SELECT count(*) FROM pg_roles WHERE rolname = 'weir_ledger'"), "0");
  EXPECT_EQ(it.sql("a", "SELECT count(*) FROM pg_namespace WHERE nspname = 'weir_ledger'"), "0");
}

TEST_F(PostgresLedger, ACancelledWaitIsInDoubt) {
  const auto waiting = session();
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->write(row(1), it.within(5s)).written, Written::acknowledged);
  set("synchronous_standby_names", "nobody");
  const struct {
    std::int64_t sequence;
    const char* end;
  } ways[] = {{2, "pg_cancel_backend"}, {3, "pg_terminate_backend"}};
  for (const auto& way : ways) {
    SCOPED_TRACE(way.end);
    const auto victim = session();
    ASSERT_TRUE(victim);
    std::string ended;
    const auto job = it.world().workers.begin("ending", [&] {
      (void)wait_for([&] {
        ended = it.sql("a", std::string("SELECT ") + way.end +
                                "(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        return ended == "t";
      });
    });
    const auto result = victim->write(row(way.sequence), it.within(20s));
    EXPECT_TRUE(job->wait(it.within(40s)));
    EXPECT_EQ(ended, "t");
    EXPECT_EQ(result.written, Written::in_doubt) << result.detail;
    // It is there all the same: that is what the doubt is about.
    EXPECT_TRUE(waiting->read_back(row(way.sequence), it.within(5s)).value_or(false));
  }
}

TEST_F(PostgresLedger, NoAnswerInTimeIsInDoubtAndCleaningUpEndsTheWait) {
  const auto victim = session();
  ASSERT_TRUE(victim);
  set("synchronous_standby_names", "nobody");
  EXPECT_EQ(victim->write(row(1), it.within(300ms)).written, Written::in_doubt);
  EXPECT_EQ(victim->write(row(2), it.within(300ms)).written, Written::in_doubt);
  EXPECT_EQ(ledger_sessions(" AND wait_event = 'SyncRep'"), "1");
  set("synchronous_standby_names", "");
  const auto cleaned = writes().clean_up(leader(), access, it.within(10s));
  ASSERT_TRUE(cleaned) << said(cleaned);
  EXPECT_EQ(ledger_sessions(), "0");
}

TEST_F(PostgresLedger, AReadOnlyServerRefusesAndIsNotChosen) {
  const auto before = session();
  ASSERT_TRUE(before);
  set("default_transaction_read_only", "on");
  std::int64_t sequence = 0;
  EXPECT_TRUE(wait_for(
      [&] { return before->write(row(++sequence), it.within(5s)).written == Written::refused; }));
  const auto none = writes().connect(plan.members, access, it.within(5s));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().failure, Failure::unreachable) << none.error().what;
  // To read, any server is good.
  EXPECT_TRUE(writes().connect_one(leader(), access, it.within(5s)).has_value());
}

TEST_F(PostgresLedger, ALoweredSynchronousCommitAcknowledgesNothing) {
  for (const char* level : {"off", "local", "remote_write"}) {
    it.sql("a", std::string("ALTER ROLE weir_ledger SET synchronous_commit = ") + level);
    const auto lowered = writes().connect(plan.members, access, it.within(5s));
    ASSERT_FALSE(lowered.has_value()) << level;
    EXPECT_EQ(lowered.error().failure, Failure::refused);
  }
}

TEST_F(PostgresLedger, AWrongPasswordAndAnUnknownCaAreRefused) {
  engine::LedgerAccess wrong = access;
  wrong.password = "guessed";
  auto none = writes().connect(plan.members, wrong, it.within(5s));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().failure, Failure::denied) << none.error().what;
  EXPECT_EQ(none.error().what.find("guessed"), std::string::npos);

  const std::string other = it.folder() + "/otherca";
  ASSERT_TRUE(access::make_ca(it.world().files, other, "other", it.clock().wall()).has_value());
  wrong = access;
  wrong.ca = other + "/ca.crt";
  none = writes().connect(plan.members, wrong, it.within(5s));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().failure, Failure::denied) << none.error().what;
}

TEST_F(PostgresLedger, AKilledServerThatIsStartedAgainHasLostNothing) {
  ledger::Ledger ledger(it.world(), writes(), plan);
  const auto started = ledger.start(it.within(20s));
  ASSERT_TRUE(started) << said(started);
  EXPECT_TRUE(wait_for([&] { return ledger.tally().acknowledged >= 100; }));
  ASSERT_TRUE(it.world().servers.kill_all(it.server("a"), it.within(10s)).has_value());
  const Instant fault = it.clock().now();
  ledger.mark(fault);
  const auto again = it.runs("a").start(leader(), kFirst, it.within(30s));
  ASSERT_TRUE(again) << said(again);
  const auto first = ledger.first_after(it.within(30s));
  ASSERT_TRUE(first) << said(first);
  EXPECT_GT(first->acknowledged, fault);
  EXPECT_GE(ledger.tally().longest_gap, first->acknowledged - fault);
  const std::uint64_t then = ledger.tally().acknowledged;
  EXPECT_TRUE(wait_for([&] { return ledger.tally().acknowledged >= then + 100; }));
  const auto report = ledger.audit(leader(), it.within(20s));
  ASSERT_TRUE(report) << said(report);
  EXPECT_EQ(report->lost_commits, 0u);
  EXPECT_EQ(report->unexpected, 0u);
  EXPECT_LE(report->in_doubt, static_cast<std::uint64_t>(plan.writers));
}

}  // namespace
}  // namespace weir::test
