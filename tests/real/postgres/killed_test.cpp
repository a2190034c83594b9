// The agent killed inside initdb, base backup, set change, promise, promote, follow and rewind, at
// later and later instants, until one comes to its end: the next life finds its way from whatever
// the last one left, and every acknowledged row is there. Each life is a process of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "engine/postgres/postgres.h"
#include "tests/real/support.h"

namespace weir::test {
namespace {

using engine::Local;
using engine::Rejoin;
using engine::Upstream;

constexpr Duration kLifeLimit = 90s;
constexpr int kCutsMost = 120;
constexpr int kRewound = 17;  // how a life ends that has seen pg_rewind end
// A leader without a confirmed replica makes every other commit wait.
constexpr const char* kAlone = "-c synchronous_commit=local";

// `./dev night` looks closer.
Duration stride(Duration in_ci) {
  return std::getenv("WEIR_ALL_KILL_POINTS") == nullptr ? in_ci : in_ci / 8;
}

// The agent's last moment: a rewind is done, and nobody has noted it.
class UntilRewound : public Programs {
 public:
  explicit UntilRewound(Programs& programs) : programs_(programs) {}
  Result<Output> run(const Command& command, Deadline deadline) override {
    auto output = programs_.run(command, deadline);
    const bool rewound = command.argv.front().ends_with("pg_rewind");
    if (rewound && output && output->status == 0) ::_exit(kRewound);
    return output;
  }

 private:
  Programs& programs_;
};

class PostgresKilled : public ::testing::Test {
 protected:
  using Deed = std::function<Result<>(Life&)>;

  // `deed` in a life that is killed after `pause`; true if it ended before. Without a pause it
  // must succeed.
  bool live(const std::string& host, const Deed& deed, std::optional<Duration> pause = {}) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto life = it.new_life(host);
      const Result<> done = deed(*life);
      if (!done && !pause) fmt::print(stderr, "{}\n", done.error().what);
      ::_exit(done ? 0 : 1);  // without waiting for what it began in the background
    }
    int status = -1;
    const auto ended = [&] { return ::waitpid(pid, &status, WNOHANG) == pid; };
    const bool over = poll_until(it.clock(), it.within(pause.value_or(kLifeLimit)), 1ms, ended);
    if (!over) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
    }
    const bool well = over && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    EXPECT_TRUE(pause || well) << "a life on " << host << " did not end well";
    return over;
  }
  // A life that brings `host` back to that leader and dies once pg_rewind has ended.
  void die_once_rewound(const std::string& host, const Upstream& upstream) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto life = it.new_life(host);
      UntilRewound programs(*life->programs);
      World world{*life->clock, *life->random,  *life->files,
                  programs,     *life->servers, *life->workers};
      const auto engine = engine::make_postgres(world, it.setting(host));
      const auto done = engine->leads()->rejoin(it.member(host), upstream, Rejoin::rewind, {},
                                                it.service(), life->within(kLifeLimit));
      if (!done) fmt::print(stderr, "{}\n", done.error().what);
      ::_exit(1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kRewound) << status;
  }
  // `deed` in a life that is killed as soon as `seen` says so.
  void die_when(const std::string& host, const Deed& deed, const std::function<bool()>& seen) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto life = it.new_life(host);
      const Result<> done = deed(*life);
      if (!done) fmt::print(stderr, "{}\n", done.error().what);
      ::_exit(1);
    }
    EXPECT_TRUE(poll_until(it.clock(), it.within(kLifeLimit), 1ms, seen)) << "it was never seen";
    ::kill(pid, SIGKILL);
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it came to its end before";
  }
  // As an agent: a deed that fails is done again, until it succeeds.
  void live_until_done(const std::string& host, const Deed& deed) {
    live(host, [&](Life& life) -> Result<> {
      Result<> last;
      poll_until(*life.clock, life.within(kLifeLimit - 5s), 100ms, [&] {
        last = deed(life);
        return last.has_value();
      });
      return last;
    });
  }
  // Cuts at 0, stride, 2 * stride ... with `prepare` before each and `check` after it.
  void cut_on(const std::string& what, Duration step, const std::function<bool(Duration)>& once) {
    for (int cut = 0; cut < kCutsMost; ++cut) {
      SCOPED_TRACE(fmt::format("{} cut after {} ms", what, cut * step / 1ms));
      const bool over = once(cut * step);
      if (over || HasFailure()) return;
    }
    ADD_FAILURE() << what << " never came to its end";
  }

  Local local(const std::string& host) {
    auto here = it.runs(host).local(it.member(host));
    EXPECT_TRUE(here) << (here ? "" : here.error().what);
    return here ? *here : Local{};
  }
  Voter voter(const std::string& host) { return {MemberName(host), local(host).incarnation}; }
  SyncSet set_of(const std::vector<std::string>& hosts) {
    SyncSet out;
    for (const std::string& host : hosts) out.voters.push_back(voter(host));
    out.number = 1;
    return out;
  }
  Upstream leader(const std::string& host, std::int64_t number) {
    return {it.member(host), {0, number}};
  }
  std::string eventually(const std::string& host, const std::string& statement,
                         const std::string& wanted) {
    std::string got;
    poll_until(it.clock(), it.within(30s), 20ms, [&] {
      got = it.sql(host, statement);
      return got == wanted;
    });
    return got;
  }
  void expect_streams(const std::string& host, const std::string& from) {
    EXPECT_EQ(eventually(from,
                         fmt::format("select count(*) from pg_stat_replication where state = "
                                     "'streaming' and application_name like 'weir_{}_%'",
                                     host),
                         "1"),
              "1")
        << host << " does not stream";
  }
  void lead_alone() {
    live("a", [&](Life& life) -> Result<> {
      const Member& a = it.member("a");
      WEIR_TRY_(life.engine->runs()->create(a, Incarnation(life.random->id()), it.service(),
                                            life.within(60s)));
      WEIR_TRY_(life.engine->runs()->start(a, {0, 1}, life.within(60s)));
      return life.engine->leads()->promote(a, {0, 1}, {}, life.within(30s));
    });
  }
  Result<> copy_and_follow(Life& life, const std::string& host, const Upstream& from) {
    WEIR_TRY(const Local here, life.engine->runs()->local(it.member(host)));
    if (!here.data) {
      WEIR_TRY_(life.engine->runs()->copy(it.member(host), from, Incarnation(life.random->id()),
                                          it.service(), life.within(60s)));
    }
    return life.engine->leads()->follow(it.member(host), from, life.within(60s));
  }
  void begin() {
    lead_alone();
    for (const std::string host : {"b", "c"}) {
      live(host, [&](Life& life) { return copy_and_follow(life, host, leader("a", 1)); });
    }
    const SyncSet both = set_of({"b", "c"});
    live("a", [&](Life& life) {
      return life.engine->leads()->load_set(it.member("a"), both, life.within(30s));
    });
    ASSERT_EQ(it.sql("a", "create table kept (n int primary key)"), "");
  }
  Promise promise_of(const std::string& host, std::int64_t round) {
    const auto given = it.leads(host)->promise(it.member(host), round, it.within(20s));
    EXPECT_TRUE(given) << (given ? "" : given.error().what);
    return given.value_or(Promise{});
  }
  // One more row, acknowledged by whoever counts.
  void write(const std::string& host, const std::string& options = {}) {
    const std::string row = fmt::format("insert into kept values ({})", ++written_);
    EXPECT_EQ(it.sql(host, row, "postgres", options), "");
  }
  void expect_all_rows(const std::string& host) {
    const std::string count = fmt::format("{}", written_);
    EXPECT_EQ(eventually(host, "select count(*) from kept", count), count) << "rows are lost";
  }
  // a leads and dies with a row that nobody else has. Who leads epoch 2 then, and the third.
  std::pair<std::string, std::string> lose_a() {
    write("a");
    const Promise of_b = promise_of("b", 2);
    const Promise of_c = promise_of("c", 2);
    const std::string next = of_b.standing.at < of_c.standing.at ? "c" : "b";
    const std::string third = next == "b" ? "c" : "b";
    EXPECT_EQ(it.sql("a", "set synchronous_commit = local; insert into kept values (-1)"), "");
    EXPECT_TRUE(it.world().servers.kill_all(it.server("a"), it.within(20s)));
    const SyncSet set = set_of({"a", third});
    live_until_done(next, [&](Life& life) {
      return life.engine->leads()->promote(it.member(next), {0, 2}, set, life.within(40s));
    });
    live_until_done(third, [&](Life& life) {
      return life.engine->leads()->follow(it.member(third), leader(next, 2), life.within(40s));
    });
    live(next, [&](Life& life) {
      return life.engine->leads()->confirm(it.member(next), {0, 2}, life.within(30s));
    });
    return {next, third};
  }
  Deed rejoin_of_a(const std::string& next) {
    return [this, next](Life& life) {
      return life.engine->leads()->rejoin(it.member("a"), leader(next, 2), Rejoin::rewind, {},
                                          it.service(), life.within(80s));
    };
  }
  Deed follow_of(const std::string& host, const Upstream& upstream) {
    return [this, host, upstream](Life& life) {
      return life.engine->leads()->follow(it.member(host), upstream, life.within(40s));
    };
  }
  void remove(const std::string& host) {
    live(host, [&](Life& life) {
      return life.engine->runs()->destroy(it.member(host), "", life.within(30s));
    });
  }

  Installation it;
  int written_ = 0;
};

TEST_F(PostgresKilled, InsideInitdb) {
  cut_on("initdb", stride(400ms), [&](Duration pause) {
    const auto create = [&](Life& life) {
      return life.engine->runs()->create(it.member("a"), Incarnation(life.random->id()),
                                         it.service(), life.within(60s));
    };
    const bool over = live("a", create, pause);
    const Local left = local("a");
    EXPECT_FALSE(left.foreign) << left.trouble;
    // What its initdb had begun may live a moment longer than the agent.
    if (!left.data) live_until_done("a", create);
    live("a", [&](Life& life) {
      return life.engine->runs()->start(it.member("a"), {0, 1}, life.within(60s));
    });
    EXPECT_EQ(it.sql("a", "create table t as select 1 as n", "postgres", kAlone), "");
    remove("a");
    return over;
  });
}

TEST_F(PostgresKilled, InsideABaseBackup) {
  lead_alone();
  ASSERT_EQ(it.sql("a", "create table kept (n int primary key)", "postgres", kAlone), "");
  cut_on("base backup", stride(400ms), [&](Duration pause) {
    write("a", kAlone);
    const bool over = live(
        "b",
        [&](Life& life) {
          return life.engine->runs()->copy(it.member("b"), leader("a", 1),
                                           Incarnation(life.random->id()), it.service(),
                                           life.within(60s));
        },
        pause);
    EXPECT_FALSE(local("b").foreign) << local("b").trouble;
    live_until_done("b", [&](Life& life) { return copy_and_follow(life, "b", leader("a", 1)); });
    expect_streams("b", "a");
    expect_all_rows("b");
    remove("b");
    return over;
  });
}

TEST_F(PostgresKilled, InsideASetChangeAndAPromise) {
  ASSERT_NO_FATAL_FAILURE(begin());
  int changes = 0;
  cut_on("set change", stride(40ms), [&](Duration pause) {
    const SyncSet set = ++changes % 2 == 1 ? set_of({"b"}) : set_of({"b", "c"});
    const auto load = [&](Life& life) {
      return life.engine->leads()->load_set(it.member("a"), set, life.within(30s));
    };
    const bool over = live("a", load, pause);
    write("a");
    live("a", load);
    const std::string listed = it.sql("a", "show synchronous_standby_names");
    EXPECT_EQ(listed.find("weir_c_") == std::string::npos, set.voters.size() == 1) << listed;
    write("a");
    return over;
  });
  std::int64_t round = 1;
  cut_on("promise", stride(120ms), [&](Duration pause) {
    ++round;
    const auto promise = [&](Life& life) -> Result<> {
      const auto given = life.engine->leads()->promise(it.member("b"), round, life.within(20s));
      return given ? Result<>{} : fail(given.error());
    };
    const bool over = live("b", promise, pause);
    live("b", promise);
    EXPECT_EQ(local("b").promised, round);
    const auto before = it.sql("b", "select pg_last_wal_receive_lsn()");
    EXPECT_EQ(it.sql("a", "set synchronous_commit = local; insert into kept values (0)"), "");
    EXPECT_EQ(it.sql("a", "set synchronous_commit = local; delete from kept where n = 0"), "");
    EXPECT_EQ(it.sql("b", "select pg_last_wal_receive_lsn()"), before) << "it still receives";
    live("b", [&](Life& life) {
      return life.engine->leads()->release(it.member("b"), round, leader("a", 1), life.within(20s));
    });
    expect_streams("b", "a");
    write("a");
    return over;
  });
  expect_all_rows("b");
  expect_all_rows("c");
}

// Whoever comes next finds a server that runs, and tells it to read its settings: so early that it
// cannot take a signal yet.
TEST_F(PostgresKilled, AtTheStartOfAServer) {
  lead_alone();
  live("b", [&](Life& life) { return copy_and_follow(life, "b", leader("a", 1)); });
  for (int i = 0; i < 10; ++i) {
    SCOPED_TRACE(i);
    ASSERT_TRUE(it.runs("b").stop(it.member("b"), engine::StopMode::fast, it.within(20s)));
    ASSERT_NO_FATAL_FAILURE(die_when("b", follow_of("b", leader("a", 1)), [&] {
      return local("b").server.life == ServerLife::running;
    }));
    const auto done = it.leads("b")->follow(it.member("b"), leader("a", 1), it.within(20s));
    EXPECT_TRUE(done) << done.error().what;
    expect_streams("b", "a");
    if (HasFailure()) return;
  }
}

// Nothing of that recovery works on behind the back of the agent that comes next. A setting makes
// its single-user server wait, when it has replayed and before it ends.
TEST_F(PostgresKilled, InsideTheRecoveryBeforeARewind) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto [next, third] = lose_a();
  const std::string params = it.member_folder("a") + "/conf/params.conf";
  ASSERT_TRUE(it.world().files.write(params, "post_auth_delay = 60\n", 0644));
  const auto left = [&] { return *it.world().servers.any_left(it.server("a")); };
  ASSERT_NO_FATAL_FAILURE(die_when("a", rejoin_of_a(next), left));
  EXPECT_TRUE(poll_until(it.clock(), it.within(2s), 1ms, [&] { return !left(); }))
      << "it outlives its agent";
  EXPECT_EQ(local("a").server.life, ServerLife::ended) << "that was no recovery";
  ASSERT_TRUE(it.world().files.write(params, "", 0644));
  live_until_done("a", rejoin_of_a(next));
  expect_streams("a", next);
  write(next);
  expect_all_rows("a");
}

// Its agent dies when pg_rewind has written all but is not yet back. Recovered once more by itself,
// the directory would get a checkpoint of its own inside the leader's timeline, and the next
// promotion of it would fail.
TEST_F(PostgresKilled, AtTheEndOfARewind) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto [next, third] = lose_a();
  const auto rejoin = rejoin_of_a(next);
  ASSERT_NO_FATAL_FAILURE(die_once_rewound("a", leader(next, 2)));
  EXPECT_TRUE(local("a").half_rewound);
  live_until_done("a", rejoin);
  live_until_done("a", [&](Life& life) {
    return life.engine->leads()->follow(it.member("a"), leader(next, 2), life.within(40s));
  });
  expect_streams("a", next);
  write(next);
  expect_all_rows("a");

  // The leader writes of its own accord, too: either of the two may hold the longer log.
  const bool a_leads = promise_of("a", 3).standing.at >= promise_of(third, 3).standing.at;
  const std::string heir = a_leads ? "a" : third;
  const std::string other = a_leads ? third : "a";
  EXPECT_TRUE(it.world().servers.kill_all(it.server(next), it.within(20s)));
  live_until_done(heir, [&](Life& life) {
    return life.engine->leads()->promote(it.member(heir), {0, 3}, set_of({next, other}),
                                         life.within(40s));
  });
  live_until_done(other, [&](Life& life) {
    return life.engine->leads()->follow(it.member(other), leader(heir, 3), life.within(40s));
  });
  expect_streams(other, heir);
  for (const std::string& host : {heir, other}) expect_all_rows(host);
}

// One failover after the other: the leader dies with a row that nobody has; its successor is killed
// while it promotes, the third while it follows, and the old leader while it rewinds.
TEST_F(PostgresKilled, InsidePromoteFollowAndRewind) {
  ASSERT_NO_FATAL_FAILURE(begin());
  std::vector<std::string> order{"a", "b", "c"};
  std::int64_t epoch = 1;
  cut_on("failover", stride(400ms), [&](Duration pause) {
    const std::string old = order[0];
    ++epoch;
    write(old);
    const Promise one = promise_of(order[1], epoch);
    const Promise two = promise_of(order[2], epoch);
    if (one.standing.at < two.standing.at) std::swap(order[1], order[2]);
    const std::string next = order[1], third = order[2];
    EXPECT_EQ(it.sql(old, "set synchronous_commit = local; insert into kept values (-1)"), "");
    EXPECT_TRUE(it.world().servers.kill_all(it.server(old), it.within(20s)));

    const SyncSet set = set_of({old, third});
    const auto promote = [&](Life& life) {
      return life.engine->leads()->promote(it.member(next), {0, epoch}, set, life.within(40s));
    };
    bool over = live(next, promote, pause);
    // What failover decides by: who has opened in this epoch and given its promise back is not
    // promoted again.
    const Local promoted = local(next);
    const bool cut_off =
        promoted.led != Epoch{0, epoch} || promoted.as_replica || promoted.promised == epoch;
    if (cut_off) live_until_done(next, promote);
    const auto follow = [&](Life& life) {
      return life.engine->leads()->follow(it.member(third), leader(next, epoch), life.within(40s));
    };
    over = live(third, follow, pause) && over;
    live_until_done(third, follow);
    live(next, [&](Life& life) {
      return life.engine->leads()->confirm(it.member(next), {0, epoch}, life.within(30s));
    });
    write(next);
    int tries = 0;
    // As failover: what two rewinds could not bring back is copied anew, and then it follows.
    const auto rejoin = [&](Life& life) -> Result<> {
      WEIR_TRY(const Local here, life.engine->runs()->local(it.member(old)));
      const Upstream up = leader(next, epoch);
      const bool back = here.follows_epoch == up.epoch && !here.half_rewound;
      if (!back) {
        const Rejoin how = ++tries > 2 ? Rejoin::rebuild : Rejoin::rewind;
        WEIR_TRY_(life.engine->leads()->rejoin(it.member(old), up, how,
                                               Incarnation(life.random->id()), it.service(),
                                               life.within(80s)));
      }
      return life.engine->leads()->follow(it.member(old), up, life.within(40s));
    };
    over = live(old, rejoin, pause) && over;
    live_until_done(old, rejoin);
    EXPECT_FALSE(local(old).half_rewound);
    for (const std::string& host : {old, third}) expect_streams(host, next);
    for (const std::string& host : order) expect_all_rows(host);
    order = {next, third, old};
    return over;
  });
}

}  // namespace
}  // namespace weir::test
