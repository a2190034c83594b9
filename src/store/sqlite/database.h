// The only place that includes SQLite, behind a connection of our own. Private to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::store {

// A prepared statement, run again and again. Bind, then step until no row is left, then reset.
// Blobs are copied out; bound blobs must outlive the step.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* raw) : raw_(raw) {}

  Statement& bind(int place, std::int64_t number);
  Statement& bind(int place, std::string_view blob);
  Result<bool> step();  // whether there is a row
  Result<> run();       // all steps, then reset
  std::int64_t number(int column) const;
  std::string blob(int column) const;
  void reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* raw) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> raw_;
};

// One exclusive connection. Not thread-safe.
class Database {
 public:
  static Result<Database> open(const std::string& path);

  Result<> run(const char* sql);
  Result<Statement> prepare(const char* sql);
  // The first column of the first row.
  Result<std::int64_t> number(const char* sql);
  Result<std::string> text(const char* sql);
  // Ends the open transaction. outcome_unknown where the disk may or may not hold it.
  Result<> commit();
  void roll_back();
  bool read_only() const;

 private:
  struct Close {
    void operator()(sqlite3* raw) const;
  };
  std::unique_ptr<sqlite3, Close> raw_;
};

}  // namespace weir::store
