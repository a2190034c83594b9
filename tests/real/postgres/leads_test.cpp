// Promises, promotion, sets and rewinds on three real servers, judged by what outside clients were
// told: an acknowledged row is there, or the test fails.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "base/json.h"
#include "base/text.h"
#include "tests/real/support.h"

namespace weir::test {
namespace {

using engine::LedgerRow;
using engine::Rejoin;
using engine::StopMode;
using engine::Upstream;
using engine::Written;

constexpr Epoch kFirst{0, 1};

template <class T>
std::string said(const Result<T>& result) {
  return result ? "success" : result.error().what;
}

// Clients that commit one row after the other and remember what was acknowledged, and when.
class Load {
 public:
  Load(Installation& it, engine::LedgerAccess access, std::vector<Member> members, int writers,
       int first_writer)
      : it_(it), access_(std::move(access)), members_(std::move(members)) {
    for (int i = 0; i < writers; ++i) {
      threads_.emplace_back([this, writer = first_writer + i] { write(writer); });
    }
  }
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  std::size_t acknowledged() const { return count_; }
  std::set<std::pair<int, std::int64_t>> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  bool moves(Duration within) {
    const std::size_t before = count_;
    return poll_until(it_.clock(), it_.within(within), 5ms, [&] { return count_ > before + 5; });
  }

 private:
  void write(int writer) {
    std::unique_ptr<engine::Session> session;
    for (std::int64_t sequence = 1; !stopping_; ++sequence) {
      if (!session) {
        auto made = it_.engine("a").writes()->connect(members_, access_, it_.within(2s));
        if (!made) {
          it_.clock().sleep_for(20ms);
          continue;
        }
        session = std::move(*made);
      }
      const auto result = session->write({writer, sequence, "before", "hash"}, it_.within(700ms));
      if (result.written == Written::acknowledged) {
        const std::lock_guard lock(mutex_);
        rows_.emplace(writer, sequence);
        ++count_;
      } else {
        session.reset();
      }
    }
  }

  Installation& it_;
  const engine::LedgerAccess access_;
  const std::vector<Member> members_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> count_ = 0;
  std::mutex mutex_;
  std::set<std::pair<int, std::int64_t>> rows_;
  std::vector<std::thread> threads_;
};

class PostgresLeads : public ::testing::Test {
 protected:
  void SetUp() override {
    incarnations = it.begin("a", kFirst);
    ASSERT_EQ(incarnations.size(), 3u);
    expect(it.leads("a")->load_set(it.member("a"), set_of({"b", "c"}), it.within(30s)), "load");
    expect(it.leads("a")->confirm(it.member("a"), kFirst, it.within(10s)), "confirm");
    access = {"postgres", "weir_ledger", "weir_ledger", "not-a-secret-here",
              it.folder() + "/ca/ca.crt"};
    expect(it.operator_engine().writes()->prepare(it.member("a"), access, it.within(20s)),
           "prepare");
  }

  template <class T>
  bool expect(const Result<T>& result, const std::string& what) {
    EXPECT_TRUE(result) << what << ": " << said(result);
    return result.has_value();
  }
  SyncSet set_of(const std::vector<std::string>& hosts, int number = 1) {
    SyncSet set;
    for (const std::string& host : hosts)
      set.voters.push_back({MemberName(host), incarnations[host]});
    set.number = number;
    return set;
  }
  Result<Promise> promise(const std::string& host, std::int64_t round) {
    return it.leads(host)->promise(it.member(host), round, it.within(10s));
  }
  Upstream leader(const std::string& host, std::int64_t number) {
    return {it.member(host), {0, number}};
  }
  Load load(int first_writer = 1) {
    return Load(it, access, it.service().members, 4, first_writer);
  }

  // Nothing is acknowledged any more, once answers that were under way have arrived.
  void expect_silence(Load& clients) {
    it.clock().sleep_for(150ms);
    const std::size_t before = clients.acknowledged();
    it.clock().sleep_for(600ms);
    EXPECT_EQ(clients.acknowledged(), before);
  }
  std::set<std::pair<int, std::int64_t>> stored(const std::string& host) {
    std::set<std::pair<int, std::int64_t>> out;
    auto session = it.engine(host).writes()->connect_one(it.member(host), access, it.within(10s));
    if (!expect(session, "connect to " + host)) return out;
    const auto rows = (*session)->read_all(it.within(30s));
    if (!expect(rows, "read " + host)) return out;
    for (const LedgerRow& row : *rows) out.emplace(row.writer, row.sequence);
    return out;
  }
  void expect_all_there(const std::set<std::pair<int, std::int64_t>>& acknowledged,
                        const std::string& host) {
    const auto there = stored(host);
    std::vector<std::pair<int, std::int64_t>> lost;
    std::ranges::set_difference(acknowledged, there, std::back_inserter(lost));
    EXPECT_TRUE(lost.empty()) << lost.size() << " of " << acknowledged.size()
                              << " acknowledged rows are lost on " << host;
  }
  std::string eventually(const std::string& host, const std::string& statement,
                         const std::string& wanted) {
    std::string got;
    poll_until(it.clock(), it.within(20s), 20ms, [&] {
      got = it.sql(host, statement);
      return got == wanted;
    });
    return got;
  }

  Installation it;
  std::map<std::string, Incarnation> incarnations;
  engine::LedgerAccess access;
};

TEST_F(PostgresLeads, PromisesStopEveryAcknowledgementAndReleaseResumesThem) {
  Load clients = load();
  ASSERT_TRUE(clients.moves(10s));
  std::int64_t round = 1;
  for (int attempt = 0; attempt < 8; ++attempt) {
    SCOPED_TRACE(attempt);
    ++round;
    // A replay that is paused keeps the startup process from reading its settings.
    const bool paused = attempt % 2 == 1;
    for (const char* host : {"b", "c"}) {
      if (paused) it.sql(host, "select pg_wal_replay_pause()");
    }
    for (const char* host : {"b", "c"}) {
      const auto given = promise(host, round);
      ASSERT_TRUE(expect(given, "promise"));
      EXPECT_EQ(given->of, kFirst);
      EXPECT_EQ(given->standing.lineage.timeline, 1);
      const auto again = promise(host, round);
      ASSERT_TRUE(expect(again, "promise again"));
      EXPECT_EQ(*again, *given);
      const auto lower = promise(host, round - 1);
      ASSERT_FALSE(lower);
      EXPECT_EQ(lower.error().failure, Failure::refused);
    }
    expect_silence(clients);
    const auto refused = it.leads("b")->follow(it.member("b"), leader("a", 1), it.within(5s));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, Failure::refused);
    for (const char* host : {"b", "c"}) {
      if (paused) it.sql(host, "select pg_wal_replay_resume()");
      expect(it.leads(host)->release(it.member(host), round, leader("a", 1), it.within(10s)),
             "release");
    }
    ASSERT_TRUE(clients.moves(20s));
  }
}

TEST_F(PostgresLeads, APromiseOutlivesTheServerThatGaveIt) {
  Load clients = load();
  ASSERT_TRUE(clients.moves(10s));
  for (const char* host : {"b", "c"}) ASSERT_TRUE(expect(promise(host, 2), "promise"));
  for (const char* host : {"b", "c"}) {
    expect(it.world().servers.kill_all(it.server(host), it.within(10s)), "kill");
    expect(it.runs(host).start(it.member(host), kFirst, it.within(30s)), "start");
  }
  expect_silence(clients);
  const auto local = it.runs("b").local(it.member("b"));
  ASSERT_TRUE(local);
  EXPECT_EQ(local->promised, 2);
}

TEST_F(PostgresLeads, FindsTheEndOfTheLogOfAStoppedReplica) {
  {
    Load clients = load();
    ASSERT_TRUE(clients.moves(10s));
  }
  const auto received = position_from(it.sql("b", "select pg_last_wal_receive_lsn()"));
  ASSERT_TRUE(received);
  expect(it.runs("b").stop(it.member("b"), StopMode::fast, it.within(20s)), "stop");
  const auto standing = it.leads("b")->find_standing(it.member("b"), it.within(10s));
  ASSERT_TRUE(expect(standing, "standing"));
  const auto flushed = position_from(it.sql("a", "select pg_current_wal_flush_lsn()"));
  EXPECT_GE(standing->at, *received);
  EXPECT_LE(standing->at, *flushed);
  // Started without an upstream it replays to exactly that point.
  ASSERT_TRUE(expect(promise("b", 2), "promise"));
  expect(it.runs("b").start(it.member("b"), kFirst, it.within(30s)), "start");
  EXPECT_EQ(eventually("b", "select pg_last_wal_replay_lsn()", show(standing->at)),
            show(standing->at));
}

// Only b counts, it dies under load, and then it has to hold all that was acknowledged.
TEST_F(PostgresLeads, AKilledReplicaKnowsEverythingThatItAcknowledged) {
  expect(it.leads("a")->load_set(it.member("a"), set_of({"b"}), it.within(20s)), "narrow");
  Load clients = load();
  ASSERT_TRUE(clients.moves(10s));
  it.clock().sleep_for(1s);
  expect(it.world().servers.kill_all(it.server("b"), it.within(10s)), "kill b");
  const auto given = promise("b", 2);
  ASSERT_TRUE(expect(given, "promise of a stopped replica"));
  expect_silence(clients);
  expect(it.runs("a").fence(it.member("a"), it.within(10s)), "fence a");
  clients.stop();
  expect(it.leads("b")->promote(it.member("b"), {0, 2}, set_of({"a", "c"}), it.within(30s)),
         "promote");
  expect_all_there(clients.rows(), "b");
}

// A segment is switched by each copy of a member, and then nobody writes until the leader dies.
TEST_F(PostgresLeads, ALogThatEndsWithASwitchIsPromised) {
  const auto at_an_edge = [&](const std::string& host) {
    return it.sql(host,
                  "select pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and "
                  "(pg_last_wal_receive_lsn() - '0/0') % (16 * 1024 * 1024) = 0") == "t";
  };
  it.sql("a", "create table t (n int)");
  // Of its own accord the server would write a record behind the switch.
  const std::string own = it.sql("a",
                                 "select string_agg(pid::text, ' ') from pg_stat_activity "
                                 "where backend_type in ('background writer', 'checkpointer', "
                                 "'autovacuum launcher')");
  for (const std::string& pid : split(own, ' ')) kill(std::atoi(pid.c_str()), SIGSTOP);
  EXPECT_EQ(it.sql("a", "select pg_switch_wal() is null"), "f");
  ASSERT_TRUE(poll_until(it.clock(), it.within(10s), 5ms,
                         [&] { return at_an_edge("b") && at_an_edge("c"); }));
  expect(it.world().servers.kill_all(it.server("a"), it.within(10s)), "kill a");
  const auto of_b = promise("b", 2);
  const auto of_c = promise("c", 2);
  ASSERT_TRUE(expect(of_b, "b") && expect(of_c, "c"));
  EXPECT_EQ(of_b->standing.at.at % (16u << 20), 0u);
  EXPECT_EQ(of_b->standing.at, of_c->standing.at);
  ASSERT_TRUE(
      expect(it.leads("b")->promote(it.member("b"), {0, 2}, set_of({"a", "c"}), it.within(20s)),
             "promote"));
  ASSERT_TRUE(
      expect(it.leads("c")->follow(it.member("c"), leader("b", 2), it.within(20s)), "follow"));
  EXPECT_EQ(it.sql("b", "insert into t values (1) returning n"), "1");
  EXPECT_EQ(eventually("c", "select n from t", "1"), "1");
}

TEST_F(PostgresLeads, AFormerLeaderPromisesOnlyWhenStopped) {
  const auto running = promise("a", 2);
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().failure, Failure::refused);
  const auto flushed = position_from(it.sql("a", "select pg_current_wal_flush_lsn()"));
  expect(it.runs("a").fence(it.member("a"), it.within(10s)), "fence");
  const auto given = promise("a", 2);
  ASSERT_TRUE(expect(given, "promise"));
  EXPECT_GE(given->standing.at, *flushed);
  EXPECT_EQ(given->of, kFirst);
  const auto started = it.runs("a").start(it.member("a"), kFirst, it.within(20s));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().failure, Failure::refused);
}

// a goes on alone after the promises and is killed with a log that nobody else has.
TEST_F(PostgresLeads, ADivergedLeaderIsExportedRewoundAndFollows) {
  it.sql("a", "create table own (n int)");
  Load clients = load();
  ASSERT_TRUE(clients.moves(10s));
  const auto of_b = promise("b", 4);
  const auto of_c = promise("c", 4);
  ASSERT_TRUE(expect(of_b, "b") && expect(of_c, "c"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(it.sql("a", "set synchronous_commit = local; insert into own values (1)"), "");
  }
  expect(it.world().servers.kill_all(it.server("a"), it.within(10s)), "kill a");
  const bool b_leads = of_b->standing.at >= of_c->standing.at;
  const std::string first = b_leads ? "b" : "c";
  const std::string second = b_leads ? "c" : "b";
  ASSERT_TRUE(expect(
      it.leads(first)->promote(it.member(first), {0, 4}, set_of({"a", second}), it.within(20s)),
      "promote"));
  EXPECT_TRUE(
      it.leads(first)->promote(it.member(first), {0, 4}, set_of({"a", second}), it.within(20s)));
  ASSERT_TRUE(expect(it.leads(second)->follow(it.member(second), leader(first, 4), it.within(20s)),
                     "follow"));
  expect(it.leads(first)->confirm(it.member(first), {0, 4}, it.within(20s)), "confirm");
  ASSERT_TRUE(clients.moves(20s));

  const auto refused = it.leads("a")->follow(it.member("a"), leader(first, 4), it.within(20s));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::bad_data);
  ASSERT_TRUE(expect(it.leads("a")->rejoin(it.member("a"), leader(first, 4), Rejoin::rewind, {},
                                           it.service(), it.within(60s)),
                     "rejoin"));
  const std::string exports = it.member_folder("a") + "/exports";
  const auto names = it.world().files.list(exports);
  ASSERT_TRUE(names && names->size() == 1) << exports;
  const auto text = it.world().files.read(exports + "/" + names->front() + "/summary.json");
  ASSERT_TRUE(text);
  const auto summary = Json::parse(*text);
  ASSERT_TRUE(summary);
  EXPECT_GE((*summary)["commits"].integer(), 20);
  EXPECT_FALSE((*summary)["segments"].items().empty());

  expect(it.leads(first)->load_set(it.member(first), set_of({"a", second}, 2), it.within(30s)),
         "both counted");
  clients.stop();
  const auto there = stored(first).size();
  EXPECT_EQ(eventually("a", "select count(*) from weir_ledger.entries", fmt::format("{}", there)),
            fmt::format("{}", there));
  EXPECT_EQ(it.sql("a", "select count(*) from own"), "0");
  for (const char* host : {"a", "b", "c"}) expect_all_there(clients.rows(), host);

  // And on: the timeline is the epoch's number, and the next epoch finds it so. The leader writes
  // of its own accord too (a checkpointer's records): either of the two may hold the longer log.
  const auto next = promise("a", 7);
  ASSERT_TRUE(expect(next, "promise of the rewound"));
  EXPECT_EQ(next->of, (Epoch{0, 4}));
  EXPECT_EQ(next->standing.lineage.timeline, 4);
  expect(it.world().servers.kill_all(it.server(first), it.within(10s)), "kill the second leader");
  const auto other = promise(second, 7);
  ASSERT_TRUE(expect(other, "promise"));
  const bool a_leads = next->standing.at >= other->standing.at;
  const std::string third = a_leads ? "a" : second;
  const std::string last = a_leads ? second : "a";
  ASSERT_TRUE(expect(
      it.leads(third)->promote(it.member(third), {0, 7}, set_of({first, last}), it.within(20s)),
      "promote again"));
  ASSERT_TRUE(expect(it.leads(last)->follow(it.member(last), leader(third, 7), it.within(20s)),
                     "follow again"));
  expect(it.leads(third)->confirm(it.member(third), {0, 7}, it.within(20s)), "confirm again");
  expect_all_there(clients.rows(), third);
}

// A rewind that was cut off is run again, and it has copied log of the leader over the member's own
// by then, of which it wants to read the pages that are to be undone. That must never pass for
// done: it fails, and what two tries could not bring back is copied anew.
TEST_F(PostgresLeads, ARewindThatFindsItsOwnLogOverwrittenFails) {
  it.sql("a", "create table own (n int); insert into own values (1)");
  const auto of_b = promise("b", 4);
  const auto of_c = promise("c", 4);
  ASSERT_TRUE(expect(of_b, "b") && expect(of_c, "c"));
  EXPECT_EQ(it.sql("a", "set synchronous_commit = local; update own set n = 2; checkpoint"), "");
  const std::string segment = it.sql("a", "select pg_walfile_name(pg_current_wal_insert_lsn())");
  expect(it.runs("a").stop(it.member("a"), StopMode::fast, it.within(20s)), "stop a");
  ASSERT_TRUE(
      expect(it.leads("b")->promote(it.member("b"), {0, 4}, set_of({"a", "c"}), it.within(20s)),
             "promote"));
  ASSERT_TRUE(
      expect(it.leads("c")->follow(it.member("c"), leader("b", 4), it.within(20s)), "follow"));
  expect(it.leads("b")->confirm(it.member("b"), {0, 4}, it.within(20s)), "confirm");

  Files& files = it.world().files;
  ASSERT_TRUE(files.write(it.member_folder("a") + "/rewind.json", R"({"format":1})"));
  const auto theirs = files.read(it.member_folder("b") + "/data/pg_wal/" + segment);
  ASSERT_TRUE(theirs) << theirs.error().what;
  ASSERT_TRUE(files.write(it.member_folder("a") + "/data/pg_wal/" + segment, *theirs));
  for (int i = 0; i < 2; ++i) {
    const auto rewound = it.leads("a")->rejoin(it.member("a"), leader("b", 4), Rejoin::rewind, {},
                                               it.service(), it.within(60s));
    ASSERT_FALSE(rewound);
    EXPECT_NE(rewound.error().what.find("pg_rewind"), std::string::npos) << rewound.error().what;
    EXPECT_TRUE(it.runs("a").local(it.member("a"))->half_rewound);
  }
  ASSERT_TRUE(expect(it.leads("a")->rejoin(it.member("a"), leader("b", 4), Rejoin::rebuild,
                                           Incarnation("anew"), it.service(), it.within(60s)),
                     "rebuild"));
  EXPECT_EQ(eventually("a", "select n from own", "1"), "1");
}

TEST_F(PostgresLeads, ARecoveryThatFailsBeforeARewindSaysWhyAndWhere) {
  ASSERT_TRUE(expect(promise("b", 4), "b") && expect(promise("c", 4), "c"));
  EXPECT_EQ(it.sql("a", "set synchronous_commit = local; create table own (n int)"), "");
  expect(it.world().servers.kill_all(it.server("a"), it.within(10s)), "kill a");
  ASSERT_TRUE(
      expect(it.leads("b")->promote(it.member("b"), {0, 4}, set_of({"a", "c"}), it.within(20s)),
             "promote"));
  ASSERT_TRUE(
      expect(it.leads("c")->follow(it.member("c"), leader("b", 4), it.within(20s)), "follow"));

  const auto rejoin = [&] {
    return it.leads("a")->rejoin(it.member("a"), leader("b", 4), Rejoin::rewind, {}, it.service(),
                                 it.within(60s));
  };
  Files& files = it.world().files;
  const std::string params = it.member_folder("a") + "/conf/params.conf";
  const std::string log = it.member_folder("a") + "/log/server.log";
  ASSERT_TRUE(files.write(params, "max_connections = 'none'\n", 0644));
  const auto refused = rejoin();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("FATAL:"), std::string::npos) << refused.error().what;
  EXPECT_EQ(refused.error().hint, "tail " + log);
  EXPECT_NE(files.read(log)->find("invalid value for parameter \"max_connections\""),
            std::string::npos);
  EXPECT_TRUE(it.runs("a").local(it.member("a"))->half_rewound);

  ASSERT_TRUE(files.write(params, "", 0644));
  ASSERT_TRUE(expect(rejoin(), "rejoin"));
  EXPECT_EQ(eventually("a", "select to_regclass('own') is null", "t"), "t");
}

// A set that is narrowed or widened while clients commit: who counts, counts at once.
TEST_F(PostgresLeads, TheSetThatIsLoadedIsTheOneThatCounts) {
  Load clients = load();
  ASSERT_TRUE(clients.moves(10s));
  const auto load_now = [&](const SyncSet& set, const char* what) {
    expect(it.leads("a")->load_set(it.member("a"), set, it.within(20s)), what);
  };
  const auto silent_without = [&](const std::string& host, std::int64_t round) {
    SCOPED_TRACE(host);
    ASSERT_TRUE(expect(promise(host, round), "promise"));
    expect_silence(clients);
    expect(it.leads(host)->release(it.member(host), round, leader("a", 1), it.within(10s)),
           "release");
    ASSERT_TRUE(clients.moves(20s));
  };
  load_now(set_of({"c"}), "narrow to c");
  silent_without("c", 2);
  load_now(set_of({"b", "c"}), "widen");
  load_now(set_of({"b"}), "narrow to b");
  silent_without("b", 3);
  load_now(set_of({"b", "c"}, 2), "raise the number");
  silent_without("b", 4);
  load_now(set_of({"b", "c"}, 1), "lower the number");
  ASSERT_TRUE(expect(promise("b", 5), "promise"));
  EXPECT_TRUE(clients.moves(20s));
  // With nobody left that counts, a load is written and says that it is not proven.
  const auto unproven = it.leads("a")->load_set(it.member("a"), set_of({"b"}), it.within(1500ms));
  ASSERT_FALSE(unproven);
  EXPECT_EQ(unproven.error().failure, Failure::timed_out);
  const auto unconfirmed = it.leads("a")->confirm(it.member("a"), kFirst, it.within(1s));
  ASSERT_FALSE(unconfirmed);
  EXPECT_EQ(unconfirmed.error().failure, Failure::timed_out);
}

}  // namespace
}  // namespace weir::test
