// The remote store passes the suite of all stores, over real TLS; and what only it can suffer.
#include "store/remote.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "access/access.h"
#include "store/conformance.h"
#include "store/memory/memory.h"

namespace weir::store {
namespace {

// The world of all cases: ports, and one fleet's CA with the identities "store" and "a".
struct Ground {
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Workers> workers = make_real_workers();
  std::unique_ptr<Files> files = make_real_files();
  std::unique_ptr<Random> random = make_real_random();
  std::string folder;
  std::string ip;

  Ground() {
    char path[] = "/tmp/weir-remote-XXXXXX";
    folder = ::mkdtemp(path);
    const auto pid = static_cast<unsigned>(::getpid());
    ip = "127." + std::to_string(64 + (pid >> 8) % 64) + "." + std::to_string(pid & 255) + ".2";
    EXPECT_TRUE(access::make_ca(*files, folder, "test", clock->wall()));
    for (const char* name : {"store", "a"}) {
      EXPECT_TRUE(access::issue(*files, folder, folder, {name, {ip}, 24h}, clock->wall(), *random));
    }
  }
  ~Ground() { EXPECT_TRUE(files->remove(folder)); }

  peer::Identity identity(const std::string& name) const {
    return {name, folder + "/" + name + ".crt", folder + "/" + name + ".key", folder + "/ca.crt"};
  }
};

Ground& ground() {
  static Ground ground;
  return ground;
}

// A store behind its listener, and the client that speaks with it: as a whole a Store again.
class Whole : public Store {
 public:
  explicit Whole(std::unique_ptr<Store> behind) : behind_(std::move(behind)) {
    Ground& g = ground();
    auto listener = serve(*behind_, *g.clock, g.ip, 0, g.identity("store"));
    EXPECT_TRUE(listener) << listener.error().what;
    listener_ = std::move(*listener);
    remote_ = make_remote(*caller_, *g.clock, {"store", g.ip, listener_->port()});
  }

  void end_listener() { listener_.reset(); }
  std::uint16_t port() const { return listener_->port(); }
  peer::Caller& caller() { return *caller_; }

  Result<std::optional<Entry>> get(const std::string& key, Deadline deadline) override {
    return remote_->get(key, deadline);
  }
  Result<std::vector<Entry>> list(const std::string& prefix, Deadline deadline) override {
    return remote_->list(prefix, deadline);
  }
  Result<Revision> commit(const std::vector<Change>& changes, Deadline deadline) override {
    return remote_->commit(changes, deadline);
  }
  Result<Watched> watch(const std::string& prefix, Revision after, Deadline deadline) override {
    return remote_->watch(prefix, after, deadline);
  }
  Result<LeaseId> grant(Duration ttl, Deadline deadline) override {
    return remote_->grant(ttl, deadline);
  }
  Result<> renew(LeaseId lease, Deadline deadline) override {
    return remote_->renew(lease, deadline);
  }
  Result<> revoke(LeaseId lease, Deadline deadline) override {
    return remote_->revoke(lease, deadline);
  }

 private:
  std::unique_ptr<Store> behind_;
  std::unique_ptr<peer::Listener> listener_;
  std::unique_ptr<peer::Caller> caller_ =
      peer::make_caller(*ground().clock, ground().identity("a"));
  std::unique_ptr<Store> remote_;
};

std::unique_ptr<Store> memory() { return make_memory(*ground().clock, *ground().workers); }

const bool kRegistered =
    register_conformance("remote", [] { return std::make_unique<Whole>(memory()); });

TEST(Remote, TheSuiteIsRegistered) { EXPECT_TRUE(kRegistered); }

// Behind the listener: does what the store in memory does, but answers only when released.
class Late : public Store {
 public:
  explicit Late(std::atomic<bool>& released) : released_(released) {}

  Result<std::optional<Entry>> get(const std::string& key, Deadline deadline) override {
    return late(inner_->get(key, deadline));
  }
  Result<std::vector<Entry>> list(const std::string& prefix, Deadline deadline) override {
    return late(inner_->list(prefix, deadline));
  }
  Result<Revision> commit(const std::vector<Change>& changes, Deadline deadline) override {
    return late(inner_->commit(changes, deadline));
  }
  Result<Watched> watch(const std::string& prefix, Revision after, Deadline deadline) override {
    return late(inner_->watch(prefix, after, deadline));
  }
  Result<LeaseId> grant(Duration ttl, Deadline deadline) override {
    return late(inner_->grant(ttl, deadline));
  }
  Result<> renew(LeaseId lease, Deadline deadline) override {
    return late(inner_->renew(lease, deadline));
  }
  Result<> revoke(LeaseId lease, Deadline deadline) override {
    return late(inner_->revoke(lease, deadline));
  }

 private:
  template <class T>
  T late(T result) {
    while (!released_) ground().clock->sleep_for(2ms);
    return result;
  }

  std::atomic<bool>& released_;
  std::unique_ptr<Store> inner_ = memory();
};

TEST(Remote, AnAnswerThatDoesNotComeIsUnknownForChangesAndLateForReads) {
  Clock& clock = *ground().clock;
  std::atomic<bool> released{true};
  Whole whole(std::make_unique<Late>(released));
  // Each that is given up closes its connection, so time is left for the next one's handshake.
  ASSERT_TRUE(whole.get("F/a", clock.within(10s)));
  released = false;
  const auto commit = whole.commit({{"F/a", 0, "1", 0}}, clock.within(2s));
  const auto get = whole.get("F/a", clock.within(2s));
  const auto watch = whole.watch("F/", 0, clock.within(2s));
  released = true;
  ASSERT_FALSE(commit);
  EXPECT_EQ(commit.error().failure, Failure::outcome_unknown);
  ASSERT_FALSE(get);
  EXPECT_EQ(get.error().failure, Failure::timed_out) << get.error().what;
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().failure, Failure::timed_out) << watch.error().what;
  // The change was made all the same: that is what outcome_unknown warns of.
  const auto entry = whole.get("F/a", clock.within(10s));
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->value, "1");
}

TEST(Remote, AStoreThatIsAwayIsUnreachable) {
  Clock& clock = *ground().clock;
  Whole whole(memory());
  ASSERT_TRUE(whole.commit({{"F/a", 0, "1", 0}}, clock.within(10s)));
  whole.end_listener();
  EXPECT_EQ(whole.get("F/a", clock.within(10s)).error().failure, Failure::unreachable);
  EXPECT_EQ(whole.commit({{"F/a", 1, "2", 0}}, clock.within(10s)).error().failure,
            Failure::unreachable);
  EXPECT_EQ(whole.watch("F/", 1, clock.within(10s)).error().failure, Failure::unreachable);
}

TEST(Remote, TheEndOfTheListenerWakesItsWatches) {
  Clock& clock = *ground().clock;
  Whole whole(memory());
  ASSERT_TRUE(whole.commit({{"F/a", 0, "1", 0}}, clock.within(10s)));
  Result<Watched> watched;
  std::thread watcher([&] { watched = whole.watch("F/", 1, clock.within(1h)); });
  clock.sleep_for(50ms);
  whole.end_listener();
  watcher.join();
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().failure, Failure::unreachable) << watched.error().what;
}

TEST(Remote, EventsThatDoNotFitIntoOneAnswerComeInSeveral) {
  Clock& clock = *ground().clock;
  Whole whole(memory());
  const std::string big(3u << 20, 'v');
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(whole.commit({{"F/" + std::to_string(i), 0, big, 0}}, clock.within(10s)));
  }
  Revision after = 0;
  std::vector<std::string> keys;
  int answers = 0;
  while (after < 8) {
    const auto watched = whole.watch("F/", after, clock.within(10s));
    ASSERT_TRUE(watched) << watched.error().what;
    ASSERT_FALSE(watched->events.empty());
    for (const Event& event : watched->events) keys.push_back(event.key);
    after = watched->revision;
    ++answers;
  }
  EXPECT_EQ(keys,
            (std::vector<std::string>{"F/0", "F/1", "F/2", "F/3", "F/4", "F/5", "F/6", "F/7"}));
  EXPECT_GT(answers, 1);
}

TEST(Remote, RequestsThatAreNotWholeAreRefused) {
  Clock& clock = *ground().clock;
  Whole whole(memory());
  const peer::Address to{"store", ground().ip, whole.port()};
  const Json wait = Json::object().set("wait_ms", 1000);
  const struct {
    const char* path;
    Json body;
    Failure failure;
  } kRows[] = {
      {"/get", Json::object().set("key", "F/a"), Failure::bad_data},
      {"/get", wait, Failure::bad_data},
      {"/get", Json(wait).set("key", 7), Failure::bad_data},
      {"/list", wait, Failure::bad_data},
      {"/commit", wait, Failure::bad_data},
      {"/commit", Json(wait).set("changes", Json::array().add(Json::object().set("key", "F/a"))),
       Failure::bad_data},
      {"/watch", Json(wait).set("prefix", "F/"), Failure::bad_data},
      {"/renew", wait, Failure::bad_data},
      {"/renew", Json(wait).set("lease", 99), Failure::not_found},
      {"/drop", wait, Failure::not_found},
  };
  for (const auto& row : kRows) {
    const auto answer = whole.caller().call(to, row.path, row.body, clock.within(10s));
    ASSERT_FALSE(answer) << row.path << row.body.dump();
    EXPECT_EQ(answer.error().failure, row.failure) << row.path << row.body.dump();
  }
  EXPECT_TRUE(whole.list("", clock.within(10s))->empty());
}

}  // namespace
}  // namespace weir::store
