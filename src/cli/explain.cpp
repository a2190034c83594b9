// weir explain WORD: what a word means, why a time is what it is, what a key of the file takes.
#include "cli/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/agent.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/exit_codes.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "failover/failover.h"

namespace weir::cli {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// What is answered: a heading and rows of named cells, the same for a person and for a program.
struct Answer {
  std::string about;
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;
};

Answer all_topics() {
  Answer answer{"what can be explained: any of these, any word in them, any key of the fleet file",
                {"TOPIC", "ABOUT"},
                {}};
  for (const Glossary& glossary : glossaries()) {
    answer.rows.push_back({glossary.name, glossary.about});
  }
  answer.rows.push_back({"timings", "the times that decisions rest on, and why"});
  answer.rows.push_back({"exit-codes", "how weir ends"});
  answer.rows.push_back({"file", "the keys of the fleet file"});
  return answer;
}

Answer all_timings() {
  Answer answer{"the times that decisions rest on", {"TIMING", "VALUE", "REASON"}, {}};
  for (const Timing& timing : timings()) {
    answer.rows.push_back({timing.name, timing.value, timing.reason});
  }
  return answer;
}

Answer all_exit_codes() {
  Answer answer{"how weir ends", {"CODE", "FAILURE", "MEANING"}, {}};
  for (const ExitCode& code : exit_codes()) {
    answer.rows.push_back({std::to_string(code.code),
                           code.failure ? std::string(name_of(*code.failure)) : std::string{},
                           code.meaning});
  }
  return answer;
}

Answer all_of(const Glossary& glossary) {
  Answer answer{glossary.about, {"WORD", "MEANING"}, {}};
  for (const Meaning& meaning : glossary.meanings()) {
    answer.rows.push_back({meaning.word, meaning.text});
  }
  return answer;
}

// "services.members" finds services.SERVICE.members: names of one's own may be left out.
bool meant(const std::string& path, const std::string& word) {
  if (path == word) return true;
  std::string declared;
  for (const std::string& part : split(path, '.')) {
    const bool of_ones_own = part != lower(part);
    if (!of_ones_own) declared += (declared.empty() ? "" : ".") + part;
  }
  return declared == word && path.ends_with(split(word, '.').back());
}

Answer keys_below(const std::string& word) {
  Answer answer{
      word == "file" ? "the keys of the fleet file" : "", {"KEY", "TAKES", "MEANING"}, {}};
  std::string found;
  for (const config::FileKey& key : config::file_keys()) {
    const bool here = found.empty() ? word == "file" || meant(key.path, word)
                                    : starts_with(key.path, found + ".");
    if (!here) continue;
    if (word != "file" && found.empty()) found = key.path;
    answer.rows.push_back({key.path, std::string(key.takes) + (key.needed ? " (needed)" : ""),
                           std::string(key.help)});
  }
  if (word != "file") answer.about = "a key of the fleet file";
  return answer;
}

std::vector<Answer> answers_for(const std::string& word) {
  const std::string asked = lower(word);
  if (asked.empty()) return {all_topics()};
  if (asked == "timings") return {all_timings()};
  if (asked == "exit-codes") return {all_exit_codes()};
  for (const Glossary& glossary : glossaries()) {
    if (asked == glossary.name) return {all_of(glossary)};
  }
  std::vector<Answer> out;
  for (const Glossary& glossary : glossaries()) {
    for (const Meaning& meaning : glossary.meanings()) {
      const bool dotted = asked == lower(std::string(glossary.name) + "." + meaning.word);
      if (asked != lower(meaning.word) && !dotted) continue;
      out.push_back({glossary.kind, {"WORD", "MEANING"}, {{meaning.word, meaning.text}}});
    }
  }
  for (const Timing& timing : timings()) {
    if (asked != timing.name) continue;
    out.push_back(
        {"a timing", {"TIMING", "VALUE", "REASON"}, {{timing.name, timing.value, timing.reason}}});
  }
  Answer keys = keys_below(word);
  if (!keys.rows.empty()) out.push_back(std::move(keys));
  return out;
}

Json as_json(const Answer& answer) {
  Json rows = Json::array();
  for (const auto& cells : answer.rows) {
    Json row = Json::object();
    for (std::size_t i = 0; i < cells.size(); ++i) row.set(lower(answer.heads[i]), cells[i]);
    rows.add(row);
  }
  return Json::object().set("about", answer.about).set("rows", rows);
}

std::string as_text(const Answer& answer) {
  if (answer.rows.size() == 1 && answer.heads.front() == "WORD") {
    return fmt::format("{}: {}\n{}\n", answer.rows[0][0], answer.about, answer.rows[0][1]);
  }
  Table table(answer.heads);
  for (const auto& cells : answer.rows) table.row(cells);
  return answer.about + "\n\n" + table.show();
}

Result<> explain(Session& session) {
  const std::string& word = session.options().word;
  const std::vector<Answer> answers = answers_for(word);
  if (answers.empty()) {
    const std::string near = nearest(word, explained_words());
    return fail(
        Failure::not_found, fmt::format("weir has no word '{}'", word),
        near.empty() ? "weir explain" : fmt::format("did you mean `weir explain {}`?", near));
  }
  if (session.wants_data()) {
    Json all = Json::array();
    for (const Answer& answer : answers) all.add(as_json(answer));
    session.print_data(Json::object().set("format", 1).set("answers", all));
    return {};
  }
  std::string text;
  for (const Answer& answer : answers) text += (text.empty() ? "" : "\n") + as_text(answer);
  session.print(text);
  return {};
}

}  // namespace

std::vector<Timing> timings() {
  const agent::Timings t;
  const failover::Policy policy;
  return {
      {"heartbeat", show(t.heartbeat),
       fmt::format("agents speak on the peer port this often; {} of them may be lost before a "
                   "leader is suspected",
                   t.suspect_after / t.heartbeat)},
      {"suspect-after", show(t.suspect_after),
       "of no heartbeat, no WAL and no answer to the voter's own probe; shorter would take a "
       "saturated machine for a dead one"},
      {"round-limit", show(t.round_limit),
       "an open round is joined, never overtaken, for this long; then any voter may close it"},
      {"narrow-after", show(policy.narrow_after),
       "a voter's silence before the set goes on without it; with its detection within 2s"},
      {"leader-waits", show(policy.leader_waits),
       "a former leader lets the others promise first: being chosen, it would have to be started"},
      {"rising-limit", show(policy.rising_limit),
       "a leader that the record names and that does not come up by then is a dead leader"},
      {"renewal", show(t.renewal), "one write a host to the store, for all of its leaders"},
      {"lease", show(t.lease),
       fmt::format("everybody counts it on their own clock from the last renewal that they saw; "
                   "{} renewals may be lost",
                   t.lease / t.renewal - 1)},
      {"guard-deadline", show(t.guard_deadline),
       "from the sending of the last renewal that succeeded, or, while the store is away, of the "
       "question to which the agents of all other members said yes: then the guard of an async "
       "leader stops it, and is done half a second before the lease ends"},
      {"replica-pace", show(policy.replica_pace),
       "how often another replica is probed, on whom no decision waits; leaders and a host's own "
       "members at each heartbeat"},
      {"probe-limit", show(t.probe_limit),
       "the deadline of one probe of a server; no answer by then is an answer"},
      {"sighting-every", show(t.sighting_every),
       "what an agent saw of its own members is published at least this often"},
  };
}

std::vector<std::string> explained_words() {
  std::vector<std::string> out{"timings", "exit-codes", "file"};
  for (const Glossary& glossary : glossaries()) {
    out.emplace_back(glossary.name);
    for (const Meaning& meaning : glossary.meanings()) out.push_back(meaning.word);
  }
  for (const Timing& timing : timings()) out.push_back(timing.name);
  for (const config::FileKey& key : config::file_keys()) out.push_back(key.path);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

constinit const Verb kExplain{
    "explain",
    Group::learn,
    "What a word means, why a time is what it is, what a key of the file takes",
    "Without a word: the topics. A word may be a topic, a step, a verdict, a field of the record, "
    "a\n"
    "timing, or a key of the fleet file.",
    "# The times that decisions rest on, with reasons\nweir explain timings\n\n"
    "weir explain exit-codes\nweir explain GivePromise\nweir explain services.members",
    kAnswers,
    [](Grammar& grammar, Options& options) {
      grammar.positional("WORD", &options.word, "Which word").offering(Offers::topics);
    },
    explain,
};

}  // namespace weir::cli
