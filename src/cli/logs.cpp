// weir logs SERVICE[/MEMBER]: what a member's server wrote, and its host's agent, wherever they
// run.
#include <fmt/format.h>

#include <map>

#include "base/quantity.h"
#include "base/text.h"
#include "cli/known.h"
#include "cli/log_part.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr Duration kAskLimit = 5s;
constexpr Duration kFollowPause = 500ms;

struct Source {
  Member member;
  std::string which;  // "server", "agent"
  std::optional<std::int64_t> from;
  std::string label(bool alone) const {
    return alone ? std::string{}
                 : fmt::format("{}/{} {}: ", member.service.text, member.name.text, which);
  }
};

// Its host's agent is asked; where it does not answer, the file may lie on this machine.
Result<LogPart> read_part(Session& session, const Source& source) {
  const Member& member = source.member;
  Json question = Json::object()
                      .set("service", member.service.text)
                      .set("member", member.name.text)
                      .set("which", source.which);
  if (source.from) question.set("from", *source.from);
  const auto told = session.caller().call({member.host.text, member.address, peer::kAgentPort},
                                          "/log", question, session.within(kAskLimit));
  if (told && (*told)["until"].is_integer()) return log_part_from(*told);
  const Place& place = session.place();
  const auto here =
      read_log(source.which == "agent"
                   ? agent_log(place, member.host)
                   : server_log(place, member.host, member.service.text + "-" + member.name.text),
               source.from);
  if (here) return here;
  if (told) {
    return fail(Failure::bad_data,
                fmt::format("the agent of {} answers what is no log", member.host.text));
  }
  if (told.error().failure == Failure::not_found) return fail(told.error());
  return fail(told.error().failure,
              fmt::format("the agent of {} does not answer, and its logs are not on this machine: "
                          "{}",
                          member.host.text, told.error().what),
              fmt::format("on host {}: weir logs {}/{}", member.host.text, member.service.text,
                          member.name.text));
}

// Postgres and weir both begin a line with their time, "2026-01-31 12:00:00" or with a T; a line
// that begins with none belongs to the one before it.
std::string time_of(const std::string& line) {
  constexpr std::size_t kLength = 19;
  if (line.size() < kLength || line[4] != '-' || line[7] != '-' || line[13] != ':') return {};
  std::string out = line.substr(0, kLength);
  if (out[10] != ' ' && out[10] != 'T') return {};
  out[10] = 'T';
  return out;
}

std::vector<std::string> since(std::vector<std::string> lines, const std::string& oldest) {
  std::vector<std::string> out;
  bool recent = false;
  for (std::string& line : lines) {
    const std::string at = time_of(line);
    if (!at.empty()) recent = at >= oldest;
    if (recent) out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// Whether somebody still reads.
bool print_lines(Session& session, const std::vector<std::string>& lines,
                 const std::string& label) {
  std::string out;
  for (const std::string& line : lines) out += label + line + "\n";
  return out.empty() || session.print(out);
}

Result<std::vector<Source>> sources_of(Session& session, const Known& known) {
  std::string thing = session.options().thing;
  if (starts_with(thing, "member/")) thing = thing.substr(7);
  const std::size_t slash = thing.find('/');
  WEIR_TRY(const auto held, the_service(known, thing.substr(0, slash)));
  const std::string name = slash == std::string::npos ? "" : thing.substr(slash + 1);
  std::vector<Source> out;
  std::vector<std::string> names;
  for (const Member& member : held.service.members) {
    names.push_back(member.name.text);
    if (!name.empty() && name != member.name.text) continue;
    out.push_back({member, session.options().agent_log ? "agent" : "server", {}});
  }
  if (!out.empty()) return out;
  return fail(Failure::not_found, fmt::format("{} has no member {}; it has {}",
                                              held.service.name.text, name, join(names, ", ")));
}

Result<> logs(Session& session) {
  WEIR_TRY(const Known known, know(session));
  tell_if_away(session, known);
  WEIR_TRY(std::vector<Source> sources, sources_of(session, known));
  const bool alone = sources.size() == 1;
  const Options& options = session.options();
  std::string oldest;
  if (options.since) {
    oldest = show(session.machine().clock.wall() - *options.since).substr(0, 19);
  }
  std::optional<Error> trouble;
  bool any = false;
  for (Source& source : sources) {
    const auto part = read_part(session, source);
    if (!part) {
      if (!alone) session.progress("warning: " + part.error().what);
      trouble = part.error();
      continue;
    }
    any = true;
    source.from = part->until;
    std::vector<std::string> lines = lines_of(part->text);
    if (!oldest.empty()) lines = since(std::move(lines), oldest);
    const auto most = static_cast<std::size_t>(options.tail);
    if (lines.size() > most) lines.erase(lines.begin(), lines.end() - options.tail);
    if (!print_lines(session, lines, source.label(alone))) return {};
  }
  if (!any && trouble) return fail(*trouble);
  while (options.follow && session.pause(kFollowPause)) {
    for (Source& source : sources) {
      const auto part = read_part(session, source);
      if (!part) continue;  // it may come back; what it writes meanwhile is not lost
      source.from = part->until;
      if (!print_lines(session, lines_of(part->text), source.label(alone))) return {};
    }
  }
  if (options.follow) return fail(Failure::cancelled, {});
  return {};
}

}  // namespace

constinit const Verb kLogs{
    "logs",
    Group::look,
    "What a member's server wrote, or its agent",
    "The agent of the member's host reads the file, wherever that is; where it does not answer, "
    "the\n"
    "file is looked for on this machine.",
    "# The servers of all members\nweir logs orders\n\n"
    "weir logs orders/a --since 10m\n\n"
    "# What its agent says, as it says it\nweir logs orders/a --agent -f",
    "",
    [](Grammar& grammar, Options& options) {
      grammar.positional("SERVICE[/MEMBER]", &options.thing, "Whose logs")
          .needed()
          .offering(Offers::services);
      grammar.flag("--agent", options.agent_log, "What the agent of its host wrote instead");
      grammar.flag("-f,--follow", options.follow, "Go on, and print what is written");
      grammar.option("--since", "TIME", &options.since, "Only of the last such time, e.g. 10m");
      grammar.option("--tail", "LINES", &options.tail, "How many of the last lines (200)")
          .within(0, 100000);
    },
    logs,
};

}  // namespace weir::cli
