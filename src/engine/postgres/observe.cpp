// Probes over kept connections: a new TLS session four times a second and member would cost more
// than all else that weir does.
#include "engine/postgres/observe.h"

#include <fmt/format.h>

#include "engine/postgres/sight_query.h"

namespace weir::engine::postgres {
namespace {

std::string key_of(const Member& member) {
  return fmt::format("{}:{}", member.address, member.port);
}

// The wait for a replica is no query, so no timeout of the server ends it.
constexpr const char* kBeat =
    "BEGIN READ WRITE; SET LOCAL synchronous_commit = on; "
    "UPDATE weir.pulse SET beat = beat + 1, at = now() WHERE id = 1; "
    "COMMIT";

constexpr Duration kRoomEvery = 5s;
constexpr Duration kRoomAgain = 500ms;  // while it has none
// A query that fills the disk with what it sorts is ended by that, and the room is there again.
constexpr Duration kSickAfter = 2s;

// A write of the server's own to the disk of its data that is neither logged nor replicated: a
// row of 10,000 numbers does not fit in that memory and goes to a temporary file. An update of a
// row would find its old page and never miss the room that a client's new row needs.
constexpr const char* kFindRoom =
    "SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = ''; "
    "SET LOCAL temp_file_limit = -1; SET LOCAL log_temp_files = -1; "
    "SELECT count(*) FROM generate_series(1, 10000)";
constexpr const char* kDiskFull = "53100";
constexpr const char* kIoError = "58030";

}  // namespace

void PostgresObserves::look_for_room(const Member& member, Session& session, Sighting& seen,
                                     Deadline deadline) {
  if (!context_.is_here(member) || seen.role != Role::leader) return;
  const Instant now = context_.clock().now();
  Room room;
  {
    const std::lock_guard guard(mutex_);
    room = rooms_[key_of(member)];
  }
  if (now >= room.next) {
    const auto found = session.run(kFindRoom, deadline);
    const std::string state = found ? "" : sqlstate_of(found.error());
    if (found) room.trouble.clear();
    if (state == kDiskFull || state == kIoError) {
      if (room.trouble.empty()) room.since = now;
      room.trouble = found.error().what;
    }
    room.next = now + (room.trouble.empty() ? kRoomEvery : kRoomAgain);
    const std::lock_guard guard(mutex_);
    rooms_[key_of(member)] = room;
  }
  if (room.trouble.empty() || now - room.since < kSickAfter) return;
  seen.reach = Reach::sick;
  seen.detail = room.trouble;
}

std::unique_ptr<Session> PostgresObserves::take(const Member& member) {
  const std::lock_guard guard(mutex_);
  const std::int64_t judged = context_.crl_number();
  if (judged != judged_) idle_.clear();
  judged_ = judged;
  return std::move(idle_[key_of(member)]);
}

void PostgresObserves::give_back(const Member& member, std::unique_ptr<Session> session,
                                 std::int64_t judged) {
  if (!session || !session->alive()) return;
  const std::lock_guard guard(mutex_);
  if (judged != judged_) return;
  idle_[key_of(member)].swap(session);
}

// Members of this host are seen through the socket, as superuser: that way needs neither a free
// client's slot nor a certificate.
Result<Session> PostgresObserves::open(const Member& member, Deadline deadline) {
  if (context_.is_here(member)) return context_.local_session(member, deadline);
  return context_.remote_session(member, kMonitorRole, deadline);
}

Sighting PostgresObserves::probe(const Member& member, Deadline deadline) {
  const std::int64_t judged = context_.crl_number();
  // A kept connection may be one to a server that has died since, which says nothing of the one
  // that runs now; a new one is decisive.
  if (auto kept = take(member)) {
    const auto rows = kept->query_often("weir_sight", kSightQuery, deadline);
    if (rows) {
      if (auto seen = sighting_of(*rows, context_.clock().now())) {
        look_for_room(member, *kept, *seen, deadline);
        give_back(member, std::move(kept), judged);
        return std::move(*seen);
      }
    }
  }
  auto session = open(member, deadline);
  if (!session) return sighting_of(session.error(), context_.clock().now());
  const auto rows = session->query_often("weir_sight", kSightQuery, deadline);
  if (!rows) return sighting_of(rows.error(), context_.clock().now());
  auto seen = sighting_of(*rows, context_.clock().now());
  if (!seen) return sighting_of(seen.error(), context_.clock().now());
  look_for_room(member, *session, *seen, deadline);
  give_back(member, std::make_unique<Session>(std::move(*session)), judged);
  return std::move(*seen);
}

// One write at a time waits for a replica: an abandoned one goes on waiting at the server, and a
// new one each second would use up its connections.
Result<> PostgresObserves::probe_write(const Member& member, Deadline deadline) {
  WEIR_TRY(Session session, open(member, deadline));
  int hanging = 0;
  {
    const std::lock_guard guard(mutex_);
    hanging = hanging_[key_of(member)];
  }
  if (hanging != 0) {
    WEIR_TRY(const Rows still,
             session.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1::int AND "
                           "application_name = 'weir' AND query LIKE 'BEGIN READ WRITE%'",
                           {fmt::format("{}", hanging)}, deadline));
    if (!still.empty()) {
      return fail(Failure::timed_out, "cannot write: an earlier write still waits");
    }
  }
  const int pid = session.backend_pid();
  const auto written = session.run(kBeat, deadline);
  {
    const std::lock_guard guard(mutex_);
    hanging_[key_of(member)] = session.alive() ? 0 : pid;
  }
  if (!written) return fail(written.error());
  for (const Warning& warning : written->warnings) {
    if (warning.sqlstate == "01000") {
      return fail(Failure::outcome_unknown, "cannot prove a write: " + warning.text);
    }
  }
  WEIR_TRY(const Rows read,
           session.query("SELECT beat FROM weir.pulse WHERE id = 1", {}, deadline));
  if (read.empty()) return fail(Failure::bad_data, "cannot write: the row of weir.pulse is gone");
  return {};
}

}  // namespace weir::engine::postgres
