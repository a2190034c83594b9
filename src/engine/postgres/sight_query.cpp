// Everything of model/sighting.h in one round trip.
#include "engine/postgres/sight_query.h"

#include <cstdlib>

#include "base/text.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

enum Column : std::size_t {
  kRecovering,
  kSystem,
  kTimeline,
  kWritten,
  kReplayed,
  kSegmentBytes,
  kReadOnly,
  kStandbyNames,
  kReceiverStatus,
  kSender,
  kFollowers,
  kColumns
};

std::int64_t number(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

Follower follower_of(const std::vector<std::string>& fields, Voter voter) {
  Follower out;
  out.voter = std::move(voter);
  out.streaming = fields[1] == "streaming";
  out.counted = number(fields[2]) > 0;
  out.flushed = position_from(fields[3]).value_or(Position{});
  return out;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

const char* const kSightQuery = R"(
SELECT r.recovering,
       (SELECT system_identifier FROM pg_control_system()),
       CASE WHEN r.recovering
            THEN coalesce(w.received_tli, (SELECT timeline_id FROM pg_control_checkpoint()))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
       END,
       CASE WHEN r.recovering THEN coalesce(w.flushed_lsn, pg_last_wal_receive_lsn())
            ELSE pg_current_wal_flush_lsn() END,
       pg_last_wal_replay_lsn(),
       (SELECT bytes_per_wal_segment FROM pg_control_init()),
       current_setting('default_transaction_read_only'),
       current_setting('synchronous_standby_names'),
       w.status,
       w.sender_host || ':' || w.sender_port,
       (SELECT string_agg(concat_ws('|', application_name, state, sync_priority,
                                    coalesce(flush_lsn::text, '')), E'\n'
                          ORDER BY application_name)
          FROM pg_stat_replication WHERE application_name LIKE 'weir\_%')
  FROM (SELECT pg_is_in_recovery() AS recovering) r LEFT JOIN pg_stat_wal_receiver w ON true
)";

Result<Sighting> sighting_of(const Rows& rows, Instant at) {
  if (rows.rows.size() != 1 || rows.rows[0].size() != kColumns) {
    return fail(Failure::bad_data, "cannot read a probe's answer: it is not the row asked for");
  }
  Sighting out;
  out.at = at;
  out.reach = Reach::serving;
  const bool replica = rows.truth(0, kRecovering);
  out.role = replica ? Role::replica : Role::leader;
  out.system = rows.text(0, kSystem);
  out.timeline = number(rows.text(0, kTimeline));
  const auto written = position_from(rows.text(0, kWritten));
  const auto replayed = position_from(rows.text(0, kReplayed));
  out.written = written.value_or(Position{});
  if (!replica) {
    out.position_known = written.has_value();
    out.writable = rows.text(0, kReadOnly) == "off";
    out.set_loaded = rows.text(0, kStandbyNames);
    for (const std::string& line : split(rows.text(0, kFollowers), '\n')) {
      const std::vector<std::string> fields = split(line, '|');
      if (fields.size() != 4) continue;
      if (auto voter = voter_named(fields[0])) {
        out.followers.push_back(follower_of(fields, std::move(*voter)));
      }
    }
    return out;
  }
  out.replayed = replayed.value_or(Position{});
  // Until the first byte has come since its start or its last change of timeline, Postgres gives
  // the start of a segment, and afterwards for a while less than its disk holds (safety.md S6).
  const auto segment = static_cast<std::uint64_t>(number(rows.text(0, kSegmentBytes)));
  out.position_known =
      written && segment > 0 && written->at % segment != 0 && (!replayed || *replayed <= *written);
  if (rows.text(0, kReceiverStatus) == "streaming") out.receives_from = rows.text(0, kSender);
  return out;
}

Sighting sighting_of(const Error& error, Instant at) {
  Sighting out;
  out.at = at;
  out.detail = error.what;
  if (is_starting(error)) {
    out.reach = Reach::starting;
  } else if (has(error.what, "Connection refused") || has(error.what, "No such file")) {
    out.reach = Reach::refused;
  } else if (error.failure == Failure::denied || !sqlstate_of(error).empty()) {
    // It lives, but not for us: whether it serves is not known, and not knowing is no suspicion.
    out.reach = Reach::unknown;
  } else {
    out.reach = Reach::silent;
  }
  return out;
}

}  // namespace weir::engine::postgres
