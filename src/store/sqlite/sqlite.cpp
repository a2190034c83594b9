// The file's format: how deltas become rows, and how rows become the machine again.
#include "store/sqlite/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

#include "store/kept.h"
#include "store/sqlite/database.h"

namespace weir::store {
namespace {

constexpr std::int64_t kApplication = 0x77656972;  // "weir", where SQLite and file(1) look for it

constexpr const char* kTables = R"(
  CREATE TABLE meta(name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
  CREATE TABLE entry(key BLOB PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL,
                     lease INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;
  CREATE TABLE lease(id INTEGER PRIMARY KEY, ttl_ns INTEGER NOT NULL) STRICT;
  INSERT INTO meta VALUES ('revision', 0), ('last_lease', 0);
)";

// SQLite has no checksum of its pages; a flipped bit in a record must not become a leader.
// FNV-1a over all fields of the row.
std::int64_t sum_of(const Entry& entry, LeaseId lease) {
  std::uint64_t sum = 0xcbf29ce484222325;
  const auto add = [&sum](std::string_view bytes) {
    for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  add(entry.key);
  add(std::string_view("\0", 1));
  add(entry.value);
  add(fmt::format("{} {}", entry.revision, lease));
  return static_cast<std::int64_t>(sum);
}

class SqliteKeeper final : public Keeper {
 public:
  static Result<std::unique_ptr<SqliteKeeper>> open(Database db);
  Result<> keep(const Delta& delta) override;

 private:
  explicit SqliteKeeper(Database db) : db_(std::move(db)) {}
  Result<> write(const Delta& delta);

  Database db_;  // before the statements, which must be gone first
  Statement put_, remove_, grant_, end_, revision_, last_lease_;
};

Result<std::unique_ptr<SqliteKeeper>> SqliteKeeper::open(Database db) {
  std::unique_ptr<SqliteKeeper> out(new SqliteKeeper(std::move(db)));
  WEIR_TRY(out->put_, out->db_.prepare("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)"));
  WEIR_TRY(out->remove_, out->db_.prepare("DELETE FROM entry WHERE key = ?"));
  WEIR_TRY(out->grant_, out->db_.prepare("INSERT INTO lease VALUES (?, ?)"));
  WEIR_TRY(out->end_, out->db_.prepare("DELETE FROM lease WHERE id = ?"));
  WEIR_TRY(out->revision_, out->db_.prepare("UPDATE meta SET number = ? WHERE name = 'revision'"));
  WEIR_TRY(out->last_lease_,
           out->db_.prepare("UPDATE meta SET number = ? WHERE name = 'last_lease'"));
  return out;
}

Result<> SqliteKeeper::keep(const Delta& delta) {
  Result<> done = write(delta);
  if (done) done = db_.commit();
  if (done) return {};
  db_.roll_back();
  Error error = std::move(done).error();
  error.what = "cannot write the store's file, " + error.what;
  if (error.failure != Failure::outcome_unknown) error.failure = Failure::io;
  return fail(std::move(error));
}

Result<> SqliteKeeper::write(const Delta& delta) {
  WEIR_TRY_(db_.run("BEGIN IMMEDIATE"));
  for (const Write& write : delta.writes) {
    if (!write.value) {
      WEIR_TRY_(remove_.bind(1, write.key).run());
      continue;
    }
    const std::int64_t sum = sum_of({write.key, *write.value, delta.revision}, write.lease);
    put_.bind(1, write.key).bind(2, *write.value).bind(3, delta.revision);
    WEIR_TRY_(put_.bind(4, write.lease).bind(5, sum).run());
  }
  for (const LeaseId lease : delta.ended) WEIR_TRY_(end_.bind(1, lease).run());
  if (delta.granted) {
    WEIR_TRY_(grant_.bind(1, delta.granted->id).bind(2, delta.granted->ttl.count()).run());
    WEIR_TRY_(last_lease_.bind(1, delta.granted->id).run());
  }
  return revision_.bind(1, delta.revision).run();
}

tl::unexpected<Error> damaged(const std::string& why) {
  return fail(Failure::bad_data, "the file is damaged: " + why);
}

Result<Snapshot> read_snapshot(Database& db) {
  WEIR_TRY(const std::string sound, db.text("PRAGMA integrity_check(1)"));
  if (sound != "ok") return damaged(sound);
  Snapshot out;
  WEIR_TRY(const std::int64_t rows, db.number("SELECT count(*) FROM meta"));
  WEIR_TRY(out.revision, db.number("SELECT number FROM meta WHERE name = 'revision'"));
  WEIR_TRY(out.last_lease, db.number("SELECT number FROM meta WHERE name = 'last_lease'"));
  if (rows != 2 || out.revision < 0 || out.last_lease < 0) return damaged("its counters are wrong");

  std::set<LeaseId> known{0};
  WEIR_TRY(Statement leases, db.prepare("SELECT id, ttl_ns FROM lease"));
  while (true) {
    WEIR_TRY(const bool row, leases.step());
    if (!row) break;
    const Granted lease{leases.number(0), Duration(leases.number(1))};
    if (lease.id <= 0 || lease.id > out.last_lease || lease.ttl <= Duration::zero())
      return damaged(fmt::format("lease {} is wrong", lease.id));
    known.insert(lease.id);
    out.leases.push_back(lease);
  }
  WEIR_TRY(Statement entries, db.prepare("SELECT key, value, revision, lease, sum FROM entry"));
  while (true) {
    WEIR_TRY(const bool row, entries.step());
    if (!row) break;
    Snapshot::Kept kept{{entries.blob(0), entries.blob(1), entries.number(2)}, entries.number(3)};
    if (entries.number(4) != sum_of(kept.entry, kept.lease) || !known.contains(kept.lease) ||
        kept.entry.revision > out.revision)
      return damaged("the checksum of an entry does not match");
    out.entries.push_back(std::move(kept));
  }
  return out;
}

// Made by us with 0600, because SQLite would let everybody read it. Only a file that is not there
// is touched: closing any descriptor of an open database would drop its locks.
Result<> make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  if (fd >= 0 || errno == EEXIST) return {};
  const int why = errno;
  const bool forbidden = why == EACCES || why == EPERM || why == EROFS;
  return fail(forbidden                         ? Failure::denied
              : why == ENOENT || why == ENOTDIR ? Failure::not_found
                                                : Failure::io,
              "the file cannot be made, " + std::generic_category().message(why));
}

// The exclusive lock is taken by the first read and kept; only then is anything written.
Result<Snapshot> prepare(Database& db) {
  if (db.read_only()) return fail(Failure::denied, "the file may not be written");
  WEIR_TRY_(
      db.run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;"
             "BEGIN EXCLUSIVE; COMMIT"));
  WEIR_TRY(const std::int64_t application, db.number("PRAGMA application_id"));
  WEIR_TRY(const std::int64_t format, db.number("PRAGMA user_version"));
  WEIR_TRY(const std::int64_t tables, db.number("SELECT count(*) FROM sqlite_schema"));
  const bool fresh = application == 0 && format == 0 && tables == 0;
  if (!fresh && application != kApplication)
    return fail(Failure::bad_data, "the file is a database, but not a store of weir");
  if (format > kFileFormat)
    return fail(
        Failure::bad_data,
        fmt::format("the file has format {}, this weir reads up to {}", format, kFileFormat),
        "start the newer weir that wrote it");
  WEIR_TRY(const std::string mode, db.text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return fail(Failure::io, "the file does not take a write-ahead log");
  WEIR_TRY_(db.run("PRAGMA synchronous = FULL"));
  if (fresh) {
    const std::string stamp = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};",
                                          kApplication, kFileFormat);
    WEIR_TRY_(db.run(("BEGIN IMMEDIATE;" + std::string(kTables) + stamp).c_str()));
    WEIR_TRY_(db.commit());
  }
  return read_snapshot(db);
}

std::string hint_for(Failure failure, const std::string& path) {
  switch (failure) {
    case Failure::held:
      return "see who has it open: fuser -v " + path;
    case Failure::bad_data:
      return "look at it: file " + path + "; move it away only if its fleet is in a backup";
    case Failure::denied:
    case Failure::not_found:
      return "look at its folder: ls -ld " + path.substr(0, path.rfind('/'));
    default:
      return "look at the disk: df -h " + path.substr(0, path.rfind('/'));
  }
}

Error explained(Error error, const std::string& path) {
  const std::string why =
      error.failure == Failure::held ? "another process has it open" : error.what;
  error.what = fmt::format("cannot open the store {}, {}", path, why);
  if (error.failure == Failure::outcome_unknown) error.failure = Failure::io;
  if (error.hint.empty()) error.hint = hint_for(error.failure, path);
  return error;
}

struct Opened {
  std::unique_ptr<SqliteKeeper> keeper;
  Snapshot snapshot;
};

Result<Opened> open(const std::string& path) {
  WEIR_TRY_(make_file(path));
  WEIR_TRY(Database db, Database::open(path));
  Opened out;
  WEIR_TRY(out.snapshot, prepare(db));
  WEIR_TRY(out.keeper, SqliteKeeper::open(std::move(db)));
  return out;
}

}  // namespace

Result<std::unique_ptr<Store>> make_sqlite(Clock& clock, Workers& workers,
                                           const std::string& path) {
  Result<Opened> opened = open(path);
  if (!opened) return fail(explained(std::move(opened).error(), path));
  Machine machine(std::move(opened->snapshot), clock.now());
  return make_kept(clock, workers, std::move(machine), std::move(opened->keeper));
}

}  // namespace weir::store
