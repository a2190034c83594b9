// The store in SQLite: the suite of all stores, and what a file and its disk can do to it.
#include "store/sqlite/sqlite.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "store/conformance.h"
#include "store/sqlite/fault_vfs.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

Clock& clock() {
  static const auto clock = make_real_clock();
  return *clock;
}
Workers& workers() {
  static const auto workers = make_real_workers();
  return *workers;
}
Deadline soon() { return clock().within(10s); }

// A folder that goes when the test does.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "weir-store-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file() const { return (path / "store.db").string(); }
};

// A store that owns its folder.
class InFolder final : public Store {
 public:
  InFolder() : store_(std::move(*make_sqlite(clock(), workers(), folder_.file()))) {}
  Result<std::optional<Entry>> get(const std::string& key, Deadline d) override {
    return store_->get(key, d);
  }
  Result<std::vector<Entry>> list(const std::string& prefix, Deadline d) override {
    return store_->list(prefix, d);
  }
  Result<Revision> commit(const std::vector<Change>& changes, Deadline d) override {
    return store_->commit(changes, d);
  }
  Result<Watched> watch(const std::string& prefix, Revision after, Deadline d) override {
    return store_->watch(prefix, after, d);
  }
  Result<LeaseId> grant(Duration ttl, Deadline d) override { return store_->grant(ttl, d); }
  Result<> renew(LeaseId lease, Deadline d) override { return store_->renew(lease, d); }
  Result<> revoke(LeaseId lease, Deadline d) override { return store_->revoke(lease, d); }

 private:
  Folder folder_;
  std::unique_ptr<Store> store_;
};

const bool kRegistered =
    register_conformance("sqlite", [] { return std::make_unique<InFolder>(); });

struct Sqlite : ::testing::Test {
  Folder folder;
  std::unique_ptr<Store> store;

  std::unique_ptr<Store> open() {
    auto opened = make_sqlite(clock(), workers(), folder.file());
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? std::move(*opened) : nullptr;
  }
  void reopen() {
    store.reset();
    store = open();
  }
  Error refusal() {
    const auto opened = make_sqlite(clock(), workers(), folder.file());
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  Revision put(const std::string& key, const std::string& value, LeaseId lease = 0) {
    const auto entry = store->get(key, soon());
    const auto done = store->commit({{key, *entry ? (*entry)->revision : 0, value, lease}}, soon());
    EXPECT_TRUE(done) << done.error().what;
    return done.value_or(-1);
  }
  std::string value(const std::string& key) {
    const auto entry = store->get(key, soon());
    EXPECT_TRUE(entry) << entry.error().what;
    return entry && *entry ? (*entry)->value : "-";
  }
  // By SQLite itself, as a stranger would.
  void tamper(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file().c_str(), &db), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
    sqlite3_close(db);
  }
  std::string bytes() {
    std::ifstream in(folder.file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(Sqlite, TheSuiteIsRegistered) { EXPECT_TRUE(kRegistered); }

TEST_F(Sqlite, EverythingIsThereAgain) {
  reopen();
  put("F/a", "1");
  put("F/b", "");
  put("F/a", "2");
  const Revision last = put("F/c", "x");
  ASSERT_TRUE(store->commit({{"F/c", last, std::nullopt, 0}}, soon()));
  const auto before = store->list("", soon());
  reopen();
  EXPECT_EQ(*store->list("", soon()), *before);
  EXPECT_EQ(before->size(), 2u);
  EXPECT_EQ(put("F/d", "1"), last + 2);
}

TEST_F(Sqlite, AWatchFromBeforeTheRestartMustListAgain) {
  reopen();
  const Revision first = put("F/a", "1");
  const Revision second = put("F/a", "2");
  reopen();
  EXPECT_EQ(store->watch("F/", first, soon()).error().failure, Failure::conflict);
  const auto from_now = store->watch("F/", second, clock().within(1ms));
  ASSERT_TRUE(from_now) << from_now.error().what;
  EXPECT_TRUE(from_now->events.empty());
}

TEST_F(Sqlite, LeasesLiveAFullTimeAgain) {
  reopen();
  const LeaseId lease = *store->grant(700ms, soon());
  put("F/a", "1", lease);
  const LeaseId revoked = *store->grant(1h, soon());
  ASSERT_TRUE(store->revoke(revoked, soon()));
  store.reset();
  clock().sleep_for(800ms);
  store = open();
  EXPECT_EQ(value("F/a"), "1");
  EXPECT_TRUE(store->renew(lease, soon()));
  EXPECT_FALSE(store->renew(revoked, soon()));
  EXPECT_GT(*store->grant(1h, soon()), revoked);
  EXPECT_TRUE(poll_until(clock(), soon(), 10ms, [&] { return value("F/a") == "-"; }));
  reopen();
  EXPECT_EQ(value("F/a"), "-");
}

TEST_F(Sqlite, TheFileIsOursAlone) {
  reopen();
  put("F/a", "1");
  EXPECT_EQ(refusal().failure, Failure::held);
  EXPECT_EQ(put("F/a", "2"), 2);
  struct stat status {};
  ASSERT_EQ(::stat(folder.file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_FALSE(fs::exists(folder.file() + "-shm"));
}

// A child process that talks to us by a pipe and is killed, never asked to end.
class Child {
 public:
  explicit Child(const std::function<void(int)>& body) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      body(ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    from_ = ends[0];
  }
  ~Child() {
    kill();
    ::close(from_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // -1 once it has ended.
  int hear() {
    int word = -1;
    return ::read(from_, &word, sizeof word) == sizeof word ? word : -1;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  static void say(int to, int word) {
    if (::write(to, &word, sizeof word) != sizeof word) ::_exit(98);
  }

 private:
  pid_t pid_ = 0;
  int from_ = -1;
};

TEST_F(Sqlite, NoOtherProcessOpensIt) {
  Child child([&](int to) {
    const auto opened = make_sqlite(clock(), workers(), folder.file());
    Child::say(to, opened ? 1 : 0);
    ::pause();
  });
  ASSERT_EQ(child.hear(), 1);
  const Error error = refusal();
  EXPECT_EQ(error.failure, Failure::held);
  EXPECT_FALSE(error.hint.empty());
  child.kill();
  reopen();
  EXPECT_EQ(put("F/a", "1"), 1);
}

// Each commit moves a counter and writes a key of its own; the pipe carries what was acknowledged.
void count_up(Store& store, int to) {
  const auto start = store.get("F/count", soon());
  int count = *start ? std::stoi((*start)->value) : 0;
  Revision revision = *start ? (*start)->revision : 0;
  while (true) {
    ++count;
    const auto done = store.commit({{"F/count", revision, std::to_string(count), 0},
                                    {"F/key/" + std::to_string(count), 0, "1", 0}},
                                   soon());
    if (!done) ::_exit(97);
    revision = *done;
    Child::say(to, count);
  }
}

TEST_F(Sqlite, AKilledProcessLosesNothingAcknowledged) {
  int acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    {
      Child child([&](int to) {
        const auto opened = make_sqlite(clock(), workers(), folder.file());
        if (!opened) ::_exit(96);
        count_up(**opened, to);
      });
      const int until = acknowledged + 10 + 7 * round;
      while (acknowledged < until) {
        const int heard = child.hear();
        ASSERT_GT(heard, 0) << "the child ended by itself";
        acknowledged = heard;
      }
      child.kill();
      for (int heard = child.hear(); heard > 0; heard = child.hear()) acknowledged = heard;
    }
    reopen();
    const int count = std::stoi(value("F/count"));
    EXPECT_GE(count, acknowledged);
    EXPECT_LE(count, acknowledged + 1);
    EXPECT_EQ(store->list("F/key/", soon())->size(), static_cast<std::size_t>(count));
    acknowledged = count;
    store.reset();
  }
}

TEST_F(Sqlite, EveryCommitIsSyncedBeforeItIsAcknowledged) {
  FaultVfs::install();
  reopen();
  put("F/a", "0");
  for (int i = 1; i <= 20; ++i) {
    const int before = FaultVfs::syncs;
    put("F/a", std::to_string(i));
    EXPECT_GT(FaultVfs::syncs, before);
  }
}

TEST_F(Sqlite, AFullDiskRefusesAndChangesNothing) {
  FaultVfs::install();
  reopen();
  const Revision first = put("F/a", "1");
  FaultVfs::full = true;
  const auto refused = store->commit({{"F/a", first, "2", 0}, {"F/b", 0, "2", 0}}, soon());
  const auto lease = store->grant(1h, soon());
  FaultVfs::full = false;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::io);
  EXPECT_NE(refused.error().what.find("no space left"), std::string::npos);
  EXPECT_FALSE(lease);
  EXPECT_EQ(value("F/a"), "1");
  EXPECT_EQ(value("F/b"), "-");
  EXPECT_EQ(put("F/a", "3"), first + 1);
  reopen();
  EXPECT_EQ(value("F/a"), "3");
  EXPECT_EQ(value("F/b"), "-");
}

// After a failed fsync nobody knows what the disk holds. A store that went on could answer with
// the old value now, and with the new one after its next start.
TEST_F(Sqlite, AFailedSyncIsUnknownUntilTheNextOpening) {
  FaultVfs::install();
  reopen();
  const Revision first = put("F/a", "1");
  Result<Watched> watched;
  std::thread watcher([&] { watched = store->watch("F/", first, soon()); });
  FaultVfs::sync_fails = true;
  const auto unknown = store->commit({{"F/a", first, "2", 0}}, soon());
  FaultVfs::sync_fails = false;
  watcher.join();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().failure, Failure::outcome_unknown);
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().failure, Failure::unreachable);
  EXPECT_EQ(store->get("F/a", soon()).error().failure, Failure::unreachable);
  EXPECT_EQ(store->commit({}, soon()).error().failure, Failure::unreachable);
  reopen();
  const auto entry = store->get("F/a", soon());
  ASSERT_TRUE(entry && *entry);
  EXPECT_TRUE(**entry == (Entry{"F/a", "1", first}) || **entry == (Entry{"F/a", "2", first + 1}));
  EXPECT_GT(put("F/a", "3"), first);
}

TEST_F(Sqlite, ADamagedFileIsRefusedAndLeftAsItIs) {
  reopen();
  put("F/a", "a value that is easily found in the file");
  for (int i = 0; i < 200; ++i) put("F/many/" + std::to_string(i), std::string(300, 'x'));
  store.reset();
  const std::string good = bytes();
  ASSERT_GT(good.size(), 16'384u);
  std::string flipped = good;
  flipped[good.find("easily")] = 'E';
  std::string hole = good;
  hole.replace(8192, 4096, 4096, '\0');
  for (const std::string& bad :
       {std::string("no database at all, but longer than a header is\n") + std::string(4096, 'x'),
        flipped, hole, good.substr(0, good.size() / 2)}) {
    std::ofstream(folder.file(), std::ios::binary | std::ios::trunc) << bad;
    const Error error = refusal();
    EXPECT_EQ(error.failure, Failure::bad_data) << error.what;
    EXPECT_FALSE(error.hint.empty());
    EXPECT_TRUE(bytes() == bad);
  }
  std::ofstream(folder.file(), std::ios::binary | std::ios::trunc) << good;
  reopen();
  EXPECT_EQ(value("F/many/199").size(), 300u);
}

TEST_F(Sqlite, AHigherFormatIsRefusedAndLeftAsItIs) {
  reopen();
  store.reset();
  tamper("PRAGMA user_version = " + std::to_string(kFileFormat + 1));
  const std::string before = bytes();
  EXPECT_EQ(refusal().failure, Failure::bad_data);
  EXPECT_TRUE(bytes() == before);
}

TEST_F(Sqlite, AForeignDatabaseIsRefusedAndLeftAsItIs) {
  tamper("CREATE TABLE entry(key, value); INSERT INTO entry VALUES ('theirs', 1)");
  const std::string before = bytes();
  EXPECT_EQ(refusal().failure, Failure::bad_data);
  EXPECT_TRUE(bytes() == before);
}

TEST_F(Sqlite, ARowThatSomebodyChangedIsRefused) {
  for (const char* sql : {"UPDATE entry SET revision = revision + 1", "UPDATE meta SET number = 0",
                          "UPDATE entry SET lease = 9", "DELETE FROM meta", "DROP TABLE lease"}) {
    fs::remove(folder.file());
    reopen();
    put("F/a", "1");
    store.reset();
    tamper(sql);
    EXPECT_EQ(refusal().failure, Failure::bad_data) << sql;
  }
}

TEST_F(Sqlite, AnUnfinishedBeginningIsBegunAgain) {
  std::ofstream(folder.file()) << "";
  reopen();
  EXPECT_EQ(put("F/a", "1"), 1);
}

TEST_F(Sqlite, AMissingFolderIsNotFound) {
  const auto opened = make_sqlite(clock(), workers(), (folder.path / "none/store.db").string());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().failure, Failure::not_found);
  EXPECT_FALSE(opened.error().hint.empty());
}

// As root permissions say nothing, so an ordinary user tries.
TEST_F(Sqlite, AReadOnlyFolderOrFileIsDenied) {
  const auto attempt = [&](int to) {
    if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(95);
    const auto opened = make_sqlite(clock(), workers(), folder.file());
    Child::say(to, opened ? 0 : static_cast<int>(opened.error().failure));
  };
  fs::permissions(folder.path, fs::perms(0555));
  EXPECT_EQ(Child(attempt).hear(), static_cast<int>(Failure::denied));
  fs::permissions(folder.path, fs::perms(0755));
  reopen();
  store.reset();
  fs::permissions(folder.file(), fs::perms(0444));
  EXPECT_EQ(Child(attempt).hear(), static_cast<int>(Failure::denied));
}

}  // namespace
}  // namespace weir::store
