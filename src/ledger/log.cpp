// Lines of JSON: a killed process leaves a log that can still be read, by people too.
#include "ledger/log.h"

#include <fmt/core.h>

#include <optional>

#include "base/json.h"
#include "base/quantity.h"
#include "base/text.h"

namespace weir::ledger {
namespace {

const char* word_of(engine::Written written) {
  switch (written) {
    case engine::Written::acknowledged:
      return "acknowledged";
    case engine::Written::in_doubt:
      return "in doubt";
    case engine::Written::refused:
      return "refused";
  }
  return "in doubt";
}

std::optional<engine::Written> written_named(const std::string& word) {
  for (const auto written :
       {engine::Written::acknowledged, engine::Written::in_doubt, engine::Written::refused}) {
    if (word == word_of(written)) return written;
  }
  return std::nullopt;
}

Instant instant_of(const Json& json) { return Instant(Duration(json.integer())); }

std::optional<Attempt> attempt_from(const Json& json) {
  const std::optional<engine::Written> written = written_named(json["outcome"].text());
  if (!written || json["hash"].text().empty()) return std::nullopt;
  Attempt attempt;
  attempt.row.writer = static_cast<int>(json["writer"].integer());
  attempt.row.sequence = json["sequence"].integer();
  attempt.row.before = json["before"].text();
  attempt.row.hash = json["hash"].text();
  attempt.written = *written;
  attempt.sent = instant_of(json["sent"]);
  attempt.answered = instant_of(json["answered"]);
  return attempt;
}

}  // namespace

std::string log_head(const std::string& drill, Instant now, WallTime wall) {
  Json head;
  head.set("format", kLogFormat).set("drill", drill).set("wall", show(wall));
  head.set("instant", std::int64_t{now.time_since_epoch().count()});
  return head.dump() + "\n";
}

std::string log_line(const Attempt& attempt) {
  Json line;
  line.set("writer", attempt.row.writer).set("sequence", attempt.row.sequence);
  line.set("before", attempt.row.before).set("hash", attempt.row.hash);
  line.set("outcome", word_of(attempt.written));
  line.set("sent", std::int64_t{attempt.sent.time_since_epoch().count()});
  line.set("answered", std::int64_t{attempt.answered.time_since_epoch().count()});
  return line.dump() + "\n";
}

Result<std::vector<Attempt>> parse_log(const std::string& text, const std::string& drill) {
  std::vector<std::string> lines = split(text, '\n');
  // What follows the last end of line is empty, or torn.
  if (!lines.empty()) lines.pop_back();
  if (lines.empty())
    return fail(Failure::bad_data, "could not read the acknowledgement log: it is empty");
  WEIR_TRY(const Json head, Json::parse(lines.front()));
  if (head["format"].integer() != kLogFormat || head["drill"].text() != drill) {
    return fail(
        Failure::bad_data,
        fmt::format("could not read the acknowledgement log: it is not of drill {}", drill));
  }
  std::vector<Attempt> attempts;
  attempts.reserve(lines.size());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Result<Json> json = Json::parse(lines[i]);
    const std::optional<Attempt> attempt = json ? attempt_from(*json) : std::nullopt;
    if (!attempt) {
      return fail(Failure::bad_data,
                  fmt::format("could not read the acknowledgement log: line {} is damaged", i + 1));
    }
    attempts.push_back(*attempt);
  }
  return attempts;
}

}  // namespace weir::ledger
