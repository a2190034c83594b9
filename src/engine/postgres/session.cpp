// libpq without its blocking calls: connect, send and receive are driven by poll(2) to a deadline.
#include "engine/postgres/session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "base/text.h"

namespace weir::engine::postgres {
namespace {

enum class Ready { yes, deadline, broken };

// Waits until the socket can be read or written. The slice of one second bounds the damage if the
// machine was suspended: poll counts another clock than our deadlines do.
Ready wait_socket(Clock& clock, int fd, short events, Deadline deadline) {
  for (;;) {
    const Duration left = deadline.at - clock.now();
    if (left <= Duration::zero()) return Ready::deadline;
    const auto slice = std::min<Duration>(left, 1s);
    pollfd entry{fd, events, 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(slice).count();
    const int got = ::poll(&entry, 1, static_cast<int>(ms));
    if (got > 0) return Ready::yes;
    if (got < 0 && errno != EINTR) return Ready::broken;
  }
}

// The server's words on one line; libpq ends them with a newline and indents details.
std::string one_line(const char* message) {
  std::string out;
  for (const char c : std::string(message == nullptr ? "" : message)) {
    if (c == '\n' || c == '\t') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c;
    }
  }
  return trim(out);
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// libpq 15 gives no SQLSTATE for a failed connection, so the server's words have to do; they are
// English, because weir's servers are made with C.UTF-8.
Error connect_error(const std::string& words) {
  const bool starting = contains(words, "the database system is starting up") ||
                        contains(words, "the database system is shutting down") ||
                        contains(words, "the database system is in recovery mode") ||
                        contains(words, "not yet accepting connections") ||
                        contains(words, "not accepting connections");
  if (starting) {
    return {
        Failure::unreachable, fmt::format("cannot connect: {} (57P03)", words), {}, Here::now()};
  }
  if (contains(words, "too many clients") || contains(words, "remaining connection slots")) {
    return {
        Failure::unreachable, fmt::format("cannot connect: {} (53300)", words), {}, Here::now()};
  }
  const bool denied = contains(words, "pg_hba.conf") || contains(words, "authentication failed") ||
                      contains(words, "certificate") || contains(words, "does not exist") ||
                      contains(words, "not permitted to log in");
  // A missing socket file is a server that is not there, not an identity that is refused.
  const bool absent = contains(words, "No such file or directory");
  const Failure failure = denied && !absent ? Failure::denied : Failure::unreachable;
  return {failure, fmt::format("cannot connect: {}", words), {}, Here::now()};
}

Failure failure_of(const std::string& sqlstate) {
  const std::string group = sqlstate.substr(0, 2);
  if (group == "28" || sqlstate == "42501") return Failure::denied;
  if (sqlstate == "53100") return Failure::no_space;
  if (group == "53" || group == "58" || group == "XX") return Failure::io;
  if (sqlstate == "57014") return Failure::timed_out;
  if (sqlstate == "57P01" || sqlstate == "57P02" || group == "08") return Failure::outcome_unknown;
  if (sqlstate == "42P01" || sqlstate == "42704" || sqlstate == "3D000") return Failure::not_found;
  return Failure::refused;
}

}  // namespace

std::string Rows::text(std::size_t row, std::size_t column) const {
  if (row >= rows.size() || column >= rows[row].size()) return {};
  return rows[row][column].value_or("");
}

struct Session::Connection {
  Clock& clock;
  PGconn* conn = nullptr;
  std::vector<Warning> warnings;
  std::set<std::string> prepared;  // names

  explicit Connection(Clock& c) : clock(c) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  // PQfinish says goodbye in blocking mode; on a socket that is shut down it fails at once.
  void close() {
    if (conn == nullptr) return;
    if (const int fd = PQsocket(conn); fd >= 0) ::shutdown(fd, SHUT_RDWR);
    PQfinish(conn);
    conn = nullptr;
  }

  static void receive_notice(void* self, const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    static_cast<Connection*>(self)->warnings.push_back(
        {state == nullptr ? "" : state, text == nullptr ? "" : text});
  }
};

Session::Session(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

bool Session::alive() const { return connection_ && connection_->conn != nullptr; }

int Session::backend_pid() const { return alive() ? PQbackendPID(connection_->conn) : 0; }

std::string Session::peer() const {
  if (!alive()) return {};
  return fmt::format("{}:{}", PQhost(connection_->conn), PQport(connection_->conn));
}

void Session::drop() {
  if (connection_) connection_->close();
}

Result<Session> Session::connect(Clock& clock, const Parameters& parameters, Deadline deadline) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);

  auto connection = std::make_unique<Connection>(clock);
  connection->conn = PQconnectStartParams(keys.data(), values.data(), 0);
  PGconn* const conn = connection->conn;
  if (conn == nullptr) return fail(Failure::io, "cannot connect: out of memory");
  if (PQstatus(conn) == CONNECTION_BAD) {
    return fail(connect_error(one_line(PQerrorMessage(conn))));
  }
  PQsetNoticeReceiver(conn, &Connection::receive_notice, connection.get());
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return fail(connect_error(one_line(PQerrorMessage(conn))));
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    const Ready ready = wait_socket(clock, PQsocket(conn), events, deadline);
    if (ready == Ready::deadline) {
      return fail(Failure::timed_out, "cannot connect: the server did not answer in time");
    }
    if (ready == Ready::broken) return fail(Failure::io, "cannot wait for the server's socket");
    next = PQconnectPoll(conn);
  }
  PQsetnonblocking(conn, 1);
  return Session(std::move(connection));
}

// Hands a statement to libpq and collects what comes of it.
template <class Sending>
Result<Rows> Session::send(Deadline deadline, Sending sending) {
  if (!alive()) return fail(Failure::unreachable, "cannot query: the session was dropped before");
  connection_->warnings.clear();
  if (sending(connection_->conn) != 1) {
    const std::string words = one_line(PQerrorMessage(connection_->conn));
    drop();
    return fail(Failure::outcome_unknown, "cannot query: " + words);
  }
  return finish(deadline);
}

Result<Rows> Session::query(const std::string& sql, const std::vector<std::string>& params,
                            Deadline deadline) {
  std::vector<const char*> values;
  for (const std::string& param : params) values.push_back(param.c_str());
  return send(deadline, [&](PGconn* conn) {
    return PQsendQueryParams(conn, sql.c_str(), static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0);
  });
}

Result<Rows> Session::query_often(const std::string& name, const std::string& sql,
                                  Deadline deadline) {
  if (alive() && !connection_->prepared.contains(name)) {
    WEIR_TRY_(send(deadline, [&](PGconn* conn) {
      return PQsendPrepare(conn, name.c_str(), sql.c_str(), 0, nullptr);
    }));
    connection_->prepared.insert(name);
  }
  return send(deadline, [&](PGconn* conn) {
    return PQsendQueryPrepared(conn, name.c_str(), 0, nullptr, nullptr, nullptr, 0);
  });
}

Result<Rows> Session::run(const std::string& sql, Deadline deadline) {
  return send(deadline, [&](PGconn* conn) { return PQsendQuery(conn, sql.c_str()); });
}

namespace {

Rows rows_of(const PGresult* result) {
  Rows out;
  const int columns = PQnfields(result);
  for (int c = 0; c < columns; ++c) out.columns.emplace_back(PQfname(result, c));
  for (int r = 0; r < PQntuples(result); ++r) {
    auto& row = out.rows.emplace_back();
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(result, r, c) != 0) {
        row.emplace_back(std::nullopt);
      } else {
        row.emplace_back(std::string(PQgetvalue(result, r, c),
                                     static_cast<std::size_t>(PQgetlength(result, r, c))));
      }
    }
  }
  return out;
}

// An error of the server as ours. Without a SQLSTATE libpq itself lost the connection.
Error query_error(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr) {
    return {Failure::outcome_unknown,
            "the connection broke: " + one_line(PQresultErrorMessage(result)),
            {},
            Here::now()};
  }
  std::string what = primary == nullptr ? "the server gave no reason" : one_line(primary);
  if (const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL)) {
    what += ": " + one_line(detail);
  }
  return {failure_of(state), fmt::format("{} ({})", what, state), {}, Here::now()};
}

bool is_copy(ExecStatusType status) {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

// Flushes what was sent and collects every result. Input is consumed while flushing too: a server
// that is blocked on its answers would otherwise never read the rest.
Result<Rows> Session::finish(Deadline deadline) {
  PGconn* const conn = connection_->conn;
  Rows last;
  std::optional<Error> error;
  const auto give_up = [&](std::string why) -> Result<Rows> {
    drop();
    return fail(Failure::outcome_unknown, std::move(why));
  };
  for (;;) {
    const int flushed = PQflush(conn);
    if (flushed < 0) return give_up("the connection broke: " + one_line(PQerrorMessage(conn)));
    if (flushed == 0 && PQisBusy(conn) == 0) {
      PGresult* result = PQgetResult(conn);
      if (result == nullptr) break;
      const ExecStatusType status = PQresultStatus(result);
      if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        if (!error) error = query_error(result);
      } else {
        last = rows_of(result);
        last.tag = PQcmdStatus(result);
      }
      PQclear(result);
      if (is_copy(status)) return give_up("the statement began a copy, which is not spoken here");
      continue;
    }
    const short events = static_cast<short>(flushed > 0 ? POLLIN | POLLOUT : POLLIN);
    const Ready ready = wait_socket(connection_->clock, PQsocket(conn), events, deadline);
    if (ready == Ready::deadline) return give_up("the server did not answer in time");
    if (ready == Ready::broken) return give_up("cannot wait for the server's socket");
    if (PQconsumeInput(conn) == 0) {
      // A server that ends us sends its reason first; PQgetResult hands it on if it came.
      if (PQisBusy(conn) != 0)
        return give_up("the connection broke: " + one_line(PQerrorMessage(conn)));
    }
  }
  if (PQstatus(conn) != CONNECTION_OK) drop();
  if (error) return fail(std::move(*error));
  last.warnings = std::move(connection_->warnings);
  connection_->warnings.clear();
  return last;
}

std::string sqlstate_of(const Error& error) {
  const std::string& what = error.what;
  if (what.size() < 7 || what.back() != ')' || what[what.size() - 7] != '(') return {};
  const std::string state = what.substr(what.size() - 6, 5);
  const bool all = std::all_of(state.begin(), state.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  });
  return all ? state : std::string();
}

bool is_starting(const Error& error) { return sqlstate_of(error) == "57P03"; }

std::string quote_literal(const std::string& text) {
  std::string out;
  bool backslash = false;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    backslash = backslash || c == '\\';
    out += c;
  }
  return (backslash ? " E'" : "'") + out + "'";
}

std::string quote_name(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += c;
    out += c;
  }
  return out + '"';
}

}  // namespace weir::engine::postgres
