// Writes and reads the journal's lines.
#include "journal/lines.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace weir::journal {
namespace {

constexpr std::array<std::pair<Outcome, const char*>, 5> kOutcomes{{{Outcome::open, "open"},
                                                                    {Outcome::done, "done"},
                                                                    {Outcome::refused, "refused"},
                                                                    {Outcome::failed, "failed"},
                                                                    {Outcome::unknown, "unknown"}}};

Result<int> format_in(const Json& json) {
  if (!json["format"].is_integer() || json["format"].integer() < 1) {
    return fail(Failure::bad_data, "it carries no format");
  }
  const std::int64_t format = json["format"].integer();
  if (format >= kFormatBefore && format <= kFormat) return static_cast<int>(format);
  return fail(
      Failure::unsupported,
      fmt::format("it was written by {} weir: it has format {}, this weir reads {} and {}",
                  format > kFormat ? "a newer" : "an older", format, kFormatBefore, kFormat));
}

Result<Outcome> outcome_from(const Json& json) {
  for (const auto& [outcome, name] : kOutcomes)
    if (json.text() == name) return outcome;
  return fail(Failure::bad_data, "its outcome is unknown: " + json.dump());
}

Result<Conclusion> conclusion_from(const Json& json) {
  WEIR_TRY(const int format, format_in(json));
  WEIR_TRY(const Outcome outcome, outcome_from(json["outcome"]));
  return Conclusion{json["of"].integer(), outcome, json["detail"].text(),
                    Duration(json["took_ns"].integer()), format};
}

Result<> read_line(std::string_view line, std::map<std::int64_t, Entry>& entries) {
  WEIR_TRY(const Json json, Json::parse(line));
  if (!json.has("of")) {
    WEIR_TRY(Entry entry, entry_from(json));
    const std::int64_t number = entry.number;
    if (!entries.emplace(number, std::move(entry)).second)
      return fail(Failure::bad_data, fmt::format("entry {} stands there twice", number));
    return {};
  }
  WEIR_TRY(const Conclusion conclusion, conclusion_from(json));
  const auto found = entries.find(conclusion.number);
  if (found == entries.end())
    return fail(Failure::bad_data,
                fmt::format("it ends entry {}, which is not there", conclusion.number));
  conclude(found->second, conclusion);
  return {};
}

// The end of an append that power or disk cut short: without its end, or with pages that were
// never written.
bool is_torn(std::string_view last_line) {
  return !last_line.ends_with('\n') || last_line.find('\0') != std::string_view::npos;
}

}  // namespace

const char* name_of(Outcome outcome) {
  for (const auto& [value, name] : kOutcomes)
    if (value == outcome) return name;
  return "unknown";
}

Json to_json(const Entry& entry) {
  Json json = Json::object();
  json.set("format", entry.format).set("number", entry.number);
  if (entry.format > kFormatBefore) json.set("life", entry.life);
  json.set("at_ns", std::int64_t{entry.at.time_since_epoch().count()})
      .set("service", entry.service)
      .set("capability", entry.capability)
      .set("kind", entry.kind)
      .set("step", entry.step)
      .set("because", entry.because)
      .set("outcome", name_of(entry.outcome));
  if (entry.outcome != Outcome::open)
    json.set("detail", entry.detail).set("took_ns", std::int64_t{entry.took.count()});
  return json;
}

Result<Entry> entry_from(const Json& json) {
  if (!json.is_object()) return fail(Failure::bad_data, "it is not an object");
  WEIR_TRY(const int format, format_in(json));
  WEIR_TRY(const Outcome outcome, outcome_from(json["outcome"]));
  Entry entry;
  entry.format = format;
  entry.life = json["life"].text();
  entry.number = json["number"].integer();
  if (entry.number <= 0) return fail(Failure::bad_data, "it has no number");
  entry.service = json["service"].text();
  entry.capability = json["capability"].text();
  entry.kind = json["kind"].text();
  entry.step = json["step"];
  entry.because = json["because"].text();
  entry.at = WallTime(Duration(json["at_ns"].integer()));
  entry.outcome = outcome;
  entry.detail = json["detail"].text();
  entry.took = Duration(json["took_ns"].integer());
  return entry;
}

std::string line_of(const Entry& entry) { return to_json(entry).dump() + "\n"; }

std::string line_of(const Conclusion& conclusion) {
  Json json = Json::object();
  json.set("format", conclusion.format)
      .set("of", conclusion.number)
      .set("outcome", name_of(conclusion.outcome))
      .set("detail", conclusion.detail)
      .set("took_ns", std::int64_t{conclusion.took.count()});
  return json.dump() + "\n";
}

void conclude(Entry& entry, const Conclusion& conclusion) {
  entry.outcome = conclusion.outcome;
  entry.detail = conclusion.detail;
  entry.took = conclusion.took;
}

Result<Read> read_lines(std::string_view text) {
  Read out;
  std::map<std::int64_t, Entry> entries;
  for (std::size_t from = 0, count = 1; from < text.size(); ++count) {
    const std::size_t end = text.find('\n', from);
    const std::size_t until = end == std::string_view::npos ? text.size() : end + 1;
    const std::string_view line = text.substr(from, until - from);
    from = until;
    if (until == text.size() && is_torn(line)) {
      out.torn = true;
      break;
    }
    const Result<> read = read_line(line, entries);
    if (!read && read.error().failure == Failure::unsupported)
      return fail(Failure::unsupported, fmt::format("line {}: {}", count, read.error().what));
    if (!read)
      return fail(Failure::bad_data,
                  fmt::format("line {} is damaged: {}", count, read.error().what));
  }
  for (auto& [number, entry] : entries) out.entries.push_back(std::move(entry));
  return out;
}

std::vector<Entry> kept_of(const std::vector<Entry>& entries) {
  std::vector<Entry> out;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (i + kKept >= entries.size() || entries[i].outcome == Outcome::open)
      out.push_back(entries[i]);
  return out;
}

}  // namespace weir::journal
