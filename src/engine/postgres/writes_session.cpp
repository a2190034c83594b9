// Autocommitted single statements: the commit's answer is the statement's answer.
#include "engine/postgres/writes_session.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace weir::engine::postgres {
namespace {

// The server gave up waiting for its replicas: committed here, and nowhere else for sure.
constexpr const char* kCancelledWait = "01000";

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string entries_of(const LedgerAccess& access) {
  return quote_name(access.schema) + ".entries";
}

WriteResult outcome_of(const Result<Rows>& answer, bool alive) {
  if (!answer) {
    // Postgres can still fail a statement plainly only before its commit record is written, and
    // then the session goes on. An end of the session may have come during the wait for replicas.
    const bool plain = alive && !sqlstate_of(answer.error()).empty() &&
                       answer.error().failure != Failure::outcome_unknown;
    return {plain ? Written::refused : Written::in_doubt, answer.error().what};
  }
  for (const Warning& warning : answer->warnings) {
    if (warning.sqlstate == kCancelledWait) return {Written::in_doubt, warning.text};
  }
  if (answer->tag != "INSERT 0 1") {
    return {Written::in_doubt, "the server answered '" + answer->tag + "'"};
  }
  return {Written::acknowledged, {}};
}

WriteResult ClientSession::write(const LedgerRow& row, Deadline deadline) {
  const Result<Rows> answer = session_.query(
      fmt::format("INSERT INTO {} (writer, sequence, before, hash) VALUES ($1, $2, $3, $4)",
                  entries_),
      {std::to_string(row.writer), std::to_string(row.sequence), row.before, row.hash}, deadline);
  return outcome_of(answer, session_.alive());
}

Result<bool> ClientSession::read_back(const LedgerRow& row, Deadline deadline) {
  WEIR_TRY(const Rows rows,
           session_.query(fmt::format("SELECT before, hash FROM {} WHERE writer = $1 "
                                      "AND sequence = $2",
                                      entries_),
                          {std::to_string(row.writer), std::to_string(row.sequence)}, deadline));
  return rows.rows.size() == 1 && rows.text(0, 0) == row.before && rows.text(0, 1) == row.hash;
}

Result<std::vector<LedgerRow>> ClientSession::read_all(Deadline deadline) {
  WEIR_TRY(const Rows rows,
           session_.query(fmt::format("SELECT writer, sequence, before, hash FROM {} "
                                      "ORDER BY writer, sequence",
                                      entries_),
                          {}, deadline));
  std::vector<LedgerRow> out;
  out.reserve(rows.rows.size());
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const auto writer = number_of<int>(rows.text(i, 0));
    const auto sequence = number_of<std::int64_t>(rows.text(i, 1));
    if (!writer || !sequence) {
      return fail(Failure::bad_data, "could not read the ledger back: a row has no number");
    }
    out.push_back({*writer, *sequence, rows.text(i, 2), rows.text(i, 3)});
  }
  return out;
}

}  // namespace weir::engine::postgres
