// One connection to a Postgres server. Every call ends by its deadline, because libpq is only used
// asynchronously here; this is the one adapter of libpq.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::engine::postgres {

// libpq's connection parameters by keyword, e.g. {"host", "a"}.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Warning {
  std::string sqlstate;
  std::string text;
};

struct Rows {
  std::vector<std::vector<std::optional<std::string>>> rows;  // nullopt: NULL
  std::vector<std::string> columns;
  std::string tag;  // "INSERT 0 1"
  std::vector<Warning> warnings;

  bool empty() const { return rows.empty(); }
  // The value at that place; empty for NULL and for a place that is not there.
  std::string text(std::size_t row, std::size_t column) const;
  bool truth(std::size_t row, std::size_t column) const { return text(row, column) == "t"; }
};

// Not thread-safe: one thread at a time.
class Session {
 public:
  // Failure::unreachable: refused, or the server closed the connection; timed_out: no answer by
  // the deadline; denied: the server does not accept who we are.
  static Result<Session> connect(Clock& clock, const Parameters& parameters, Deadline deadline);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // One statement with text parameters ($1 ...). At the deadline, or when the connection breaks,
  // the session is dropped without a cancel and the failure is outcome_unknown. An error of the
  // server keeps the session and carries its SQLSTATE (see sqlstate_of).
  Result<Rows> query(const std::string& sql, const std::vector<std::string>& params,
                     Deadline deadline);
  // The same without parameters, for a statement that is asked over and over: the server parses and
  // plans it once in this session.
  Result<Rows> query_often(const std::string& name, const std::string& sql, Deadline deadline);
  // Several statements by the simple protocol, as one implicit transaction unless they say
  // otherwise; the rows of the last one. Also for replication commands.
  Result<Rows> run(const std::string& sql, Deadline deadline);

  bool alive() const;
  int backend_pid() const;  // of the server's process behind it; 0 when dropped
  // "host:port" of the server that was reached, as the parameters named it.
  std::string peer() const;
  // Closes the socket at once; a statement under way goes on at the server.
  void drop();

 private:
  struct Connection;
  explicit Session(std::unique_ptr<Connection> connection);
  template <class Sending>
  Result<Rows> send(Deadline deadline, Sending sending);
  Result<Rows> finish(Deadline deadline);
  std::unique_ptr<Connection> connection_;
};

// The SQLSTATE in an error of a Session; empty if it carries none. Errors of `connect` carry 57P03
// (starting up or shutting down) and 53300 (too many connections) where the server said so.
std::string sqlstate_of(const Error& error);
// The server answered that it is starting up, recovering or shutting down.
bool is_starting(const Error& error);

// As a literal or an identifier inside a statement, quoted by SQL's own rules.
std::string quote_literal(const std::string& text);
std::string quote_name(const std::string& text);

}  // namespace weir::engine::postgres
