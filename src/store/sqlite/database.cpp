// SQLite's C interface, and the translation of its result codes into failures.
#include "store/sqlite/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>

namespace weir::store {
namespace {

bool forbidden(int number) { return number == EACCES || number == EPERM || number == EROFS; }

Failure failure_of(int code, int system) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Failure::held;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:  // a statement of ours does not fit the tables: they are not ours
      return Failure::bad_data;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Failure::denied;
    default:
      break;
  }
  if (forbidden(system)) return Failure::denied;
  return system == ENOENT && (code & 0xff) == SQLITE_CANTOPEN ? Failure::not_found : Failure::io;
}

tl::unexpected<Error> error_of(sqlite3* db) {
  const int code = sqlite3_extended_errcode(db);
  const int system = sqlite3_system_errno(db);
  std::string what = code == SQLITE_FULL ? "no space left" : sqlite3_errmsg(db);
  const int primary = code & 0xff;
  if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))
    what += ", " + std::generic_category().message(system);
  return fail(failure_of(code, system), std::move(what));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* raw) const { sqlite3_finalize(raw); }

Statement& Statement::bind(int place, std::int64_t number) {
  sqlite3_bind_int64(raw_.get(), place, number);
  return *this;
}

Statement& Statement::bind(int place, std::string_view blob) {
  // An empty view may have no address, which SQLite would take for NULL.
  if (blob.empty())
    sqlite3_bind_zeroblob(raw_.get(), place, 0);
  else
    sqlite3_bind_blob64(raw_.get(), place, blob.data(), blob.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(raw_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = error_of(sqlite3_db_handle(raw_.get()));
  reset();
  return error;
}

Result<> Statement::run() {
  while (true) {
    WEIR_TRY(const bool row, step());
    if (!row) break;
  }
  reset();
  return {};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(raw_.get(), column);
}

std::string Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(raw_.get(), column);
  const int size = sqlite3_column_bytes(raw_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

void Statement::reset() {
  sqlite3_reset(raw_.get());
  sqlite3_clear_bindings(raw_.get());
}

void Database::Close::operator()(sqlite3* raw) const { sqlite3_close_v2(raw); }

Result<Database> Database::open(const std::string& path) {
  Database db;
  sqlite3* raw = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  db.raw_.reset(raw);
  if (raw == nullptr) return fail(Failure::io, "no memory is left");
  if (code != SQLITE_OK) return error_of(raw);
  sqlite3_extended_result_codes(raw, 1);
  return db;
}

Result<> Database::run(const char* sql) {
  if (sqlite3_exec(raw_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return error_of(raw_.get());
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(raw_.get(), sql, -1, &raw, nullptr) != SQLITE_OK)
    return error_of(raw_.get());
  return Statement(raw);
}

Result<std::int64_t> Database::number(const char* sql) {
  WEIR_TRY(Statement statement, prepare(sql));
  WEIR_TRY(const bool row, statement.step());
  return row ? statement.number(0) : 0;
}

Result<std::string> Database::text(const char* sql) {
  WEIR_TRY(Statement statement, prepare(sql));
  WEIR_TRY(const bool row, statement.step());
  return row ? statement.blob(0) : std::string();
}

Result<> Database::commit() {
  if (sqlite3_exec(raw_.get(), "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  auto error = error_of(raw_.get());
  // A full disk stops the log before its commit mark is whole. After any other failure, of fsync
  // above all, the mark may already be in the file, and the next opening would believe it.
  if ((sqlite3_errcode(raw_.get()) & 0xff) != SQLITE_FULL)
    error.value().failure = Failure::outcome_unknown;
  return error;
}

void Database::roll_back() {
  if (sqlite3_get_autocommit(raw_.get()) == 0)
    sqlite3_exec(raw_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Database::read_only() const { return sqlite3_db_readonly(raw_.get(), "main") == 1; }

}  // namespace weir::store
