// Runs and Observes on real servers: what is made, what is refused, what is left untouched.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <utility>

#include "tests/real/support.h"

namespace weir::test {
namespace {

using engine::Local;
using engine::Runs;
using engine::StopMode;

constexpr Epoch kFirst{0, 1};

template <class T>
std::string said(const Result<T>& result) {
  return result ? "success" : result.error().what;
}

// A listener of nobody's on an address and port.
class Stranger {
 public:
  explicit Stranger(const Member& member) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(member.port);
    inet_pton(AF_INET, member.address.c_str(), &address.sin_addr);
    const int one = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ok_ = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
          ::listen(fd_, 1) == 0;
  }
  ~Stranger() {
    ::close(fd_);
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
  }
  bool ok() const { return ok_; }
  // From now on only a process of its own listens there; returns its id.
  pid_t move_to_child() {
    child_ = ::fork();
    if (child_ == 0) {
      for (;;) ::pause();
    }
    ::close(std::exchange(fd_, -1));
    return child_;
  }

 private:
  int fd_;
  pid_t child_ = -1;
  bool ok_ = false;
};

class PostgresRuns : public ::testing::Test {
 protected:
  Result<> create(const std::string& host, const std::string& incarnation) {
    return it.runs(host).create(it.member(host), Incarnation(incarnation), it.service(),
                                it.within(60s));
  }
  Result<> start(const std::string& host, Epoch epoch = kFirst) {
    return it.runs(host).start(it.member(host), epoch, it.within(30s));
  }
  Result<> stop(const std::string& host) {
    return it.runs(host).stop(it.member(host), StopMode::fast, it.within(30s));
  }
  Local local(const std::string& host) {
    auto here = it.runs(host).local(it.member(host));
    EXPECT_TRUE(here) << said(here);
    return here ? *here : Local{};
  }
  Sighting see(const std::string& from, const std::string& host) {
    return it.observes(from).probe(it.member(host), it.within(2s));
  }
  // A probe of `host` by `from` that satisfies `good`, within a few seconds; else the last one.
  Sighting see_until(const std::string& from, const std::string& host,
                     const std::function<bool(const Sighting&)>& good) {
    Sighting seen;
    poll_until(it.clock(), it.within(10s), 10ms, [&] {
      seen = see(from, host);
      return good(seen);
    });
    return seen;
  }

  Installation it;
};

TEST_F(PostgresRuns, CreatesStartsStopsAndRepeatsWithoutEffect) {
  EXPECT_EQ(see("a", "a").reach, Reach::refused);
  ASSERT_TRUE(create("a", "first0000001")) << said(create("a", "first0000001"));
  ASSERT_TRUE(create("a", "first0000001"));
  const auto other = create("a", "other0000001");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().failure, Failure::refused);

  Local here = local("a");
  EXPECT_TRUE(here.data);
  EXPECT_FALSE(here.as_replica);
  EXPECT_EQ(here.incarnation.text, "first0000001");
  EXPECT_EQ(here.server.life, ServerLife::absent);

  const auto started = start("a");
  ASSERT_TRUE(started) << said(started);
  const std::int64_t pid = local("a").server.pid;
  EXPECT_GT(pid, 0);
  ASSERT_TRUE(start("a"));
  EXPECT_EQ(local("a").server.pid, pid);

  for (const char* from : {"a", "b"}) {
    const Sighting seen = see(from, "a");
    EXPECT_EQ(seen.reach, Reach::serving) << seen.detail;
    EXPECT_EQ(seen.role, Role::leader);
    EXPECT_EQ(seen.timeline, 1);
    EXPECT_TRUE(seen.writable);
    EXPECT_TRUE(seen.position_known);
    EXPECT_GT(seen.written.at, 0u);
    EXPECT_FALSE(seen.system.empty());
    EXPECT_EQ(seen.set_loaded, "ANY 1 (weir_nobody)");
  }
  EXPECT_EQ(it.sql("a", "show data_checksums"), "on");

  ASSERT_TRUE(stop("a"));
  ASSERT_TRUE(stop("a"));
  here = local("a");
  EXPECT_EQ(here.server.life, ServerLife::ended);
  EXPECT_FALSE(here.processes_left);
  // A kept connection of the probe to the server that was must not answer for the one that is.
  EXPECT_EQ(see("b", "a").reach, Reach::refused);
  ASSERT_TRUE(start("a"));
  EXPECT_EQ(see("b", "a").reach, Reach::serving);
}

TEST_F(PostgresRuns, CopiesTwoReplicasAtOnceAndTheyStream) {
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(it.runs("a").settle(it.member("a"), it.service(), true, it.within(10s)));
  ASSERT_TRUE(start("a"));
  const auto copy = [&](const std::string& host, const std::string& incarnation) {
    return it.runs(host).copy(it.member(host), {it.member("a"), kFirst}, Incarnation(incarnation),
                              it.service(), it.within(60s));
  };
  Result<> on_b;
  Result<> on_c;
  const auto job_b = it.world().workers.begin("b", [&] { on_b = copy("b", "copyb0000001"); });
  const auto job_c = it.world().workers.begin("c", [&] { on_c = copy("c", "copyc0000001"); });
  ASSERT_TRUE(job_b->wait(it.within(60s)));
  ASSERT_TRUE(job_c->wait(it.within(60s)));
  ASSERT_TRUE(on_b) << said(on_b);
  ASSERT_TRUE(on_c) << said(on_c);
  ASSERT_TRUE(copy("b", "copyb0000001"));

  EXPECT_TRUE(local("b").as_replica);
  EXPECT_EQ(local("b").follows, MemberName("a"));
  EXPECT_EQ(local("b").follows_epoch, kFirst);
  ASSERT_TRUE(start("b"));
  ASSERT_TRUE(start("c"));
  const Sighting leader = see_until("c", "a", [](const Sighting& seen) {
    return std::ranges::count_if(seen.followers, &Follower::streaming) == 2;
  });
  ASSERT_EQ(leader.followers.size(), 2u);
  EXPECT_EQ(leader.followers[0].voter, (Voter{MemberName("b"), Incarnation("copyb0000001")}));
  // Nobody is listed yet, so nobody's acknowledgement counts.
  EXPECT_FALSE(leader.followers[0].counted);

  it.sql("a", "set synchronous_commit=local; create table t (i int); insert into t values (1)");
  const Sighting end = see("a", "a");
  const Sighting replica = see_until("a", "b", [&](const Sighting& seen) {
    return seen.position_known && seen.written >= end.written && seen.replayed >= end.written;
  });
  EXPECT_EQ(replica.role, Role::replica);
  EXPECT_TRUE(replica.position_known);
  EXPECT_GE(replica.written, end.written);
  EXPECT_EQ(replica.receives_from, "a:5432");
  EXPECT_EQ(replica.system, end.system);
  EXPECT_EQ(replica.timeline, 1);
  EXPECT_FALSE(replica.writable);
  EXPECT_EQ(it.sql("b", "select i from t"), "1");
  EXPECT_EQ(it.sql("b", "show synchronous_standby_names"), "ANY 1 (weir_nobody)");
  // Its first start flushed what had just been flushed all at once; what comes after does as ever.
  const std::string flushes = "show recovery_init_sync_method";
  EXPECT_EQ(it.sql("b", flushes), "syncfs");
  ASSERT_TRUE(it.runs("b").settle(it.member("b"), it.service(), true, it.within(10s)));
  EXPECT_TRUE(poll_until(it.clock(), it.within(10s), 10ms,
                         [&] { return it.sql("b", flushes) == "fsync"; }));
  EXPECT_EQ(it.sql("a", flushes), "fsync");

  // Rebuilt: a new incarnation, the old directory kept beside the new one.
  const auto refused = copy("b", "copyb0000002");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::refused);
  ASSERT_TRUE(stop("b"));
  ASSERT_TRUE(copy("b", "copyb0000002"));
  EXPECT_TRUE(it.world().files.exists(it.member_folder("b") + "/data.old/PG_VERSION"));
  EXPECT_EQ(local("b").incarnation.text, "copyb0000002");
  ASSERT_TRUE(start("b"));
  EXPECT_EQ(it.sql("b", "select i from t"), "1");
}

TEST_F(PostgresRuns, ReceivesOnlyWithTheKeyOfItsEpoch) {
  it.begin("a", kFirst);
  const auto streams = [&] {
    const Sighting seen = see("a", "a");
    return std::ranges::any_of(seen.followers, [](const Follower& follower) {
      return follower.voter.member.text == "b" && follower.streaming;
    });
  };
  ASSERT_TRUE(poll_until(it.clock(), it.within(10s), 10ms, streams));
  const std::string key = it.member_folder("b") + "/receiver/1";
  ASSERT_TRUE(it.world().files.rename(key, key + ".away"));
  it.sql("a",
         "select pg_terminate_backend(pid) from pg_stat_replication "
         "where application_name like 'weir\\_b%'");
  ASSERT_TRUE(poll_until(it.clock(), it.within(5s), 10ms, [&] { return !streams(); }));
  it.clock().sleep_for(1500ms);  // several of its tries
  EXPECT_FALSE(streams());
  ASSERT_TRUE(it.world().files.rename(key + ".away", key));
  EXPECT_TRUE(poll_until(it.clock(), it.within(10s), 10ms, streams));
}

TEST_F(PostgresRuns, ProbesTheWritePath) {
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(start("a"));
  // Commits wait for a replica that nobody is.
  const auto waits = it.observes("a").probe_write(it.member("a"), it.within(500ms));
  ASSERT_FALSE(waits);
  const auto again = it.observes("a").probe_write(it.member("a"), it.within(500ms));
  ASSERT_FALSE(again);
  EXPECT_EQ(it.sql("a",
                   "select count(*) from pg_stat_activity where query like "
                   "'BEGIN READ WRITE%' and wait_event = 'SyncRep'"),
            "1");
  const std::string role = it.member_folder("a") + "/conf/role.conf";
  ASSERT_TRUE(it.world().files.write(role, "synchronous_standby_names = ''\n", 0644));
  it.sql("a", "select pg_reload_conf()");
  Result<> works;
  EXPECT_TRUE(poll_until(it.clock(), it.within(5s), 10ms, [&] {
    works = it.observes("b").probe_write(it.member("a"), it.within(1s));
    return works.has_value();
  })) << said(works);
}

TEST_F(PostgresRuns, SettlesParametersByReloadAndNamesThoseThatWait) {
  Service& service = it.service();
  service.resources = {{"param", "max_connections", {{"value", "50"}}},
                       {"param", "work_mem", {{"value", "4MB"}}}};
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(start("a"));
  EXPECT_EQ(it.sql("a", "show max_connections"), "50");
  EXPECT_EQ(it.sql("a", "show work_mem"), "4MB");

  const auto settle = [&] {
    return it.runs("a").settle(it.member("a"), service, false, it.within(10s));
  };
  auto waiting = settle();
  ASSERT_TRUE(waiting) << said(waiting);
  EXPECT_TRUE(waiting->empty());
  service.resources[0].attributes["value"] = "60";
  service.resources[1].attributes["value"] = "8MB";
  waiting = settle();
  ASSERT_TRUE(waiting) << said(waiting);
  EXPECT_EQ(*waiting, std::vector<std::string>{"max_connections"});
  EXPECT_TRUE(poll_until(it.clock(), it.within(5s), 10ms,
                         [&] { return it.sql("a", "show work_mem") == "8MB"; }));
  ASSERT_TRUE(stop("a"));
  ASSERT_TRUE(start("a"));
  EXPECT_EQ(it.sql("a", "show max_connections"), "60");
  waiting = settle();
  ASSERT_TRUE(waiting) << said(waiting);
  EXPECT_TRUE(waiting->empty());

  service.resources[1].attributes["value"] = "many";
  waiting = settle();
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().failure, Failure::bad_config);
  EXPECT_NE(waiting.error().what.find("work_mem"), std::string::npos) << waiting.error().what;
  ASSERT_TRUE(stop("a"));
  EXPECT_TRUE(start("a"));
  EXPECT_EQ(it.sql("a", "show work_mem"), "8MB");
}

TEST_F(PostgresRuns, LetsClientsInOnlyWhenTold) {
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(start("a"));
  const std::string hba = it.member_folder("a") + "/conf/pg_hba.conf";
  EXPECT_EQ(it.world().files.read(hba)->find("scram-sha-256"), std::string::npos);
  ASSERT_TRUE(it.runs("a").settle(it.member("a"), it.service(), true, it.within(10s)));
  EXPECT_NE(it.world().files.read(hba)->find("hostssl all all 0.0.0.0/0 scram-sha-256"),
            std::string::npos);
  EXPECT_EQ(it.sql("a", "select count(*) from pg_hba_file_rules where error is not null"), "0");
}

TEST_F(PostgresRuns, LeavesForeignDataUntouched) {
  const std::string data = it.member_folder("a") + "/data";
  ASSERT_TRUE(it.world().files.make_folder(data));
  ASSERT_TRUE(it.world().files.write(data + "/PG_VERSION", "14\n"));
  EXPECT_TRUE(local("a").foreign);
  const auto created = create("a", "first0000001");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().failure, Failure::bad_data);
  const auto copied = it.runs("a").copy(it.member("a"), {it.member("b"), kFirst},
                                        Incarnation("copya0000001"), it.service(), it.within(5s));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().failure, Failure::bad_data);
  const auto started = start("a");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().failure, Failure::bad_data);
  const auto destroyed = it.runs("a").destroy(it.member("a"), "", it.within(5s));
  ASSERT_FALSE(destroyed);
  EXPECT_EQ(*it.world().files.read(data + "/PG_VERSION"), "14\n");
  EXPECT_EQ(it.world().files.list(data)->size(), 1u);
}

TEST_F(PostgresRuns, NamesTheStrangerOnItsPort) {
  ASSERT_TRUE(create("a", "first0000001"));
  {
    Stranger stranger(it.member("a"));
    ASSERT_TRUE(stranger.ok());
    const pid_t holder = stranger.move_to_child();
    // We ourselves have the same port of another address, and are no stranger to this one.
    const Stranger bystander(it.member("b"));
    ASSERT_TRUE(bystander.ok());
    const auto started = start("a");
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().failure, Failure::held);
    const std::string named = "(pid " + std::to_string(holder) + ")";
    EXPECT_NE(started.error().what.find(named), std::string::npos) << started.error().what;
    EXPECT_EQ(local("a").server.life, ServerLife::absent);
  }
  ASSERT_TRUE(start("a"));
}

TEST_F(PostgresRuns, MakesAnewWhatWasCutOff) {
  ASSERT_TRUE(create("a", "first0000001"));
  // As a kill between initdb and the note leaves it.
  const std::string folder = it.member_folder("a");
  ASSERT_TRUE(it.world().files.remove(folder + "/incarnation.json"));
  ASSERT_TRUE(it.world().files.remove(folder + "/data/global"));
  ASSERT_TRUE(it.world().files.write(folder + "/making.json", "{\"format\":1}"));
  const Local half = local("a");
  EXPECT_FALSE(half.data);
  EXPECT_FALSE(half.foreign);
  EXPECT_FALSE(half.trouble.empty());
  EXPECT_FALSE(start("a"));
  const auto made = create("a", "again0000001");
  ASSERT_TRUE(made) << said(made);
  const auto started = start("a");
  EXPECT_TRUE(started) << said(started);
  EXPECT_EQ(local("a").incarnation.text, "again0000001");
}

TEST_F(PostgresRuns, RefusesToStartAgainstItsPromiseOrHalfRewound) {
  ASSERT_TRUE(create("a", "first0000001"));
  const std::string folder = it.member_folder("a");
  ASSERT_TRUE(
      it.world().files.write(folder + "/promise.json", R"({"format":1,"round":5,"last":5})"));
  auto started = start("a", {0, 4});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().failure, Failure::refused);
  EXPECT_EQ(local("a").promised, 5);
  ASSERT_TRUE(it.world().files.write(folder + "/rewind.json", R"({"format":1})"));
  started = start("a", {0, 5});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().failure, Failure::refused);
  EXPECT_TRUE(local("a").half_rewound);
  ASSERT_TRUE(it.world().files.remove(folder + "/rewind.json"));
  EXPECT_TRUE(start("a", {0, 5}));
}

TEST_F(PostgresRuns, FencesWithOpenSessionsAndRecoversOnStart) {
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(start("a"));
  it.sql("a", "set synchronous_commit=local; create table t (i int); insert into t values (7)");
  std::string slept;
  const auto job =
      it.world().workers.begin("sleeper", [&] { slept = it.sql("a", "select pg_sleep(20)"); });
  ASSERT_TRUE(poll_until(it.clock(), it.within(5s), 10ms, [&] {
    return it.sql("a", "select count(*) from pg_stat_activity where wait_event='PgSleep'") == "1";
  }));
  const auto fenced = it.runs("a").fence(it.member("a"), it.within(5s));
  ASSERT_TRUE(fenced) << said(fenced);
  EXPECT_FALSE(*it.world().servers.any_left(it.server("a")));
  EXPECT_EQ(see("b", "a").reach, Reach::refused);
  ASSERT_TRUE(job->wait(it.within(5s)));
  EXPECT_NE(slept.find("error"), std::string::npos);
  ASSERT_TRUE(it.runs("a").fence(it.member("a"), it.within(5s)));

  ASSERT_TRUE(start("a"));
  EXPECT_EQ(it.sql("a", "select i from t"), "7");
  // A frozen server answers nothing and is killed all the same.
  ASSERT_TRUE(it.world().servers.signal(it.server("a"), SIGSTOP));
  EXPECT_EQ(it.observes("b").probe(it.member("a"), it.within(300ms)).reach, Reach::silent);
  ASSERT_TRUE(it.runs("a").fence(it.member("a"), it.within(5s)));
  EXPECT_FALSE(*it.world().servers.any_left(it.server("a")));
}

TEST_F(PostgresRuns, DestroysItsOwnData) {
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(start("a"));
  ASSERT_TRUE(it.runs("a").destroy(it.member("a"), "", it.within(20s)));
  EXPECT_FALSE(it.world().files.exists(it.member_folder("a")));
  EXPECT_FALSE(local("a").data);
  ASSERT_TRUE(it.runs("a").destroy(it.member("a"), "", it.within(20s)));
}

TEST_F(PostgresRuns, KeepsACopyOfWhatItDestroysWhereOneIsAskedFor) {
  ASSERT_TRUE(create("a", "first0000001"));
  ASSERT_TRUE(start("a"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(it.runs("a").destroy(it.member("a"), "orders-now", it.within(20s)));
  }
  EXPECT_FALSE(it.world().files.exists(it.member_folder("a")));
  const std::string kept = it.setting("a").finals + "/orders-now";
  EXPECT_TRUE(it.world().files.exists(kept + "/PG_VERSION"));
  EXPECT_FALSE(it.world().files.exists(kept + "/postmaster.pid")) << "it was stopped cleanly";
}

TEST_F(PostgresRuns, SaysWhyItsServerEndedAtStart) {
  ASSERT_TRUE(create("a", "first0000001"));
  const std::string conf = it.member_folder("a") + "/conf/params.conf";
  ASSERT_TRUE(it.world().files.write(conf, "max_connections = 'none'\n", 0644));
  const auto started = start("a");
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().what.find("ended"), std::string::npos) << started.error().what;
}

}  // namespace
}  // namespace weir::test
