// libpq without its blocking calls, so that a server that says nothing costs its patience only.
#include "bench/client.h"

#include <libpq-fe.h>
#include <poll.h>

namespace weir::bench {
namespace {

struct Ends {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Ends>;

bool await(int descriptor, short events, Clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  if (left <= 0ms) return false;
  pollfd waiting{descriptor, events, 0};
  return poll(&waiting, 1, static_cast<int>(left.count())) > 0;
}

// Sends a statement and waits until its answer is there.
bool ask(PGconn* connection, const std::string& statement, Clock::time_point until) {
  if (PQsendQuery(connection, statement.c_str()) != 1) return false;
  while (PQisBusy(connection) == 1) {
    if (!await(PQsocket(connection), POLLIN, until)) return false;
    if (PQconsumeInput(connection) != 1) return false;
  }
  return true;
}

void note_warning(void* warned, const PGresult* notice) {
  const char* state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
  if (state != nullptr && std::string(state).starts_with("01")) *static_cast<bool*>(warned) = true;
}

}  // namespace

struct Connection::Libpq {
  std::unique_ptr<PGconn, Ends> session;
  bool warned = false;
};

Connection::Connection(std::unique_ptr<Libpq> libpq) : libpq_(std::move(libpq)) {
  PQsetNoticeReceiver(libpq_->session.get(), note_warning, &libpq_->warned);
}
Connection::~Connection() = default;

std::unique_ptr<Connection> Connection::open(const std::string& uri, Clock::duration patience) {
  auto libpq = std::make_unique<Libpq>();
  libpq->session.reset(PQconnectStart(uri.c_str()));
  PGconn* session = libpq->session.get();
  const auto until = Clock::now() + patience;
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    if (PQstatus(session) == CONNECTION_BAD || state == PGRES_POLLING_FAILED) return {};
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!await(PQsocket(session), events, until)) return {};
    state = PQconnectPoll(session);
  }
  return std::unique_ptr<Connection>(new Connection(std::move(libpq)));
}

Outcome Connection::commit(const std::string& statement, Clock::duration patience) {
  PGconn* session = libpq_->session.get();
  libpq_->warned = false;
  if (!ask(session, statement, Clock::now() + patience)) return Outcome::in_doubt;
  Outcome outcome = Outcome::in_doubt;
  while (const Answer answer{PQgetResult(session)}) {
    const auto status = PQresultStatus(answer.get());
    if (status == PGRES_COMMAND_OK) outcome = Outcome::acknowledged;
    // Refused by the server itself: it says that nothing was done.
    const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
    if (status == PGRES_FATAL_ERROR && state != nullptr && state[0] == '2') {
      outcome = Outcome::refused;
    }
  }
  return outcome == Outcome::acknowledged && libpq_->warned ? Outcome::in_doubt : outcome;
}

std::optional<std::vector<std::string>> Connection::read(const std::string& query,
                                                         Clock::duration patience) {
  PGconn* session = libpq_->session.get();
  if (!ask(session, query, Clock::now() + patience)) return std::nullopt;
  std::optional<std::vector<std::string>> rows;
  while (const Answer answer{PQgetResult(session)}) {
    if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) continue;
    rows.emplace();
    for (int i = 0; i < PQntuples(answer.get()); ++i) {
      rows->emplace_back(PQgetvalue(answer.get(), i, 0));
    }
  }
  return rows;
}

std::string Connection::words() const { return PQerrorMessage(libpq_->session.get()); }

}  // namespace weir::bench
