// weir get KIND [SERVICE]: lists, as kubectl has them.
#include <fmt/format.h>

#include <map>

#include "base/quantity.h"
#include "cli/history.h"
#include "cli/listing.h"
#include "cli/screen.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr Duration kWatchPause = 1s;

Result<std::vector<Screen>> screens(Session& session, const Known& known) {
  std::vector<Screen> out;
  const std::string& asked = session.options().service;
  if (!asked.empty()) WEIR_TRY_(the_service(known, asked));
  for (const auto& desired : known.services) {
    if (!asked.empty() && desired.service.name.text != asked) continue;
    WEIR_TRY(out.emplace_back(), screen_of(session, known, desired));
  }
  return out;
}

std::string leader_of(const Screen& screen) {
  const Record* record = screen.record();
  return record == nullptr ? "unknown" : record->leader.member.text;
}

Result<Listing> list_services(Session& session, const Known& known) {
  Listing out{"service",
              {"NAME", "ENGINE", "HEALTH", "LEADER", "EPOCH", "MEMBERS", "FAILOVER"},
              {"MODE", "SET", "WAITING FOR"},
              {}};
  WEIR_TRY(const auto all, screens(session, known));
  for (const Screen& screen : all) {
    const Service& service = screen.service();
    const Record* record = screen.record();
    int serving = 0;
    bool heard = false;
    for (const Line& line : screen.lines) {
      if (line.sighting.reach == Reach::serving) ++serving;
      heard = heard || line.told.has("failover");
    }
    const char* failover = screen.failover_possible ? "possible" : "impossible";
    out.rows.push_back(
        {service.name.text,
         {service.name.text, service.engine, screen.look.healthy ? "healthy" : "not healthy",
          leader_of(screen), record == nullptr ? "unknown" : show(record->epoch),
          fmt::format("{}/{}", serving, screen.lines.size()), heard ? failover : "unknown"},
         {record == nullptr ? "unknown" : name_of(record->mode),
          record == nullptr ? "unknown" : set_text(record->set), screen.look.waiting_for},
         to_json(session, screen)});
  }
  return out;
}

Result<Listing> list_members(Session& session, const Known& known) {
  Listing out{"member",
              {"NAME", "ROLE", "REACH", "SET", "LAG", "AGENT"},
              {"HOST", "ADDRESS", "INCARNATION", "TIMELINE", "POSITION", "DOING"},
              {}};
  WEIR_TRY(const auto all, screens(session, known));
  for (const Screen& screen : all) {
    const Json data = to_json(session, screen);
    for (std::size_t i = 0; i < screen.lines.size(); ++i) {
      const Line& line = screen.lines[i];
      const Record* record = screen.record();
      const Voter* voter = record == nullptr ? nullptr : record->find(line.member.name);
      const Sighting& seen = line.sighting;
      const std::string name = screen.service().name.text + "/" + line.member.name.text;
      Json one = data["members"].items()[i];
      one.set("service", screen.service().name.text);
      out.rows.push_back(
          {name,
           {name, name_of(seen.role), name_of(seen.reach), counted(screen, line.member.name),
            lag_of(screen, line), line.agent()},
           {line.member.host.text, fmt::format("{}:{}", line.member.address, line.member.port),
            voter == nullptr || voter->incarnation.empty() ? "unknown" : voter->incarnation.text,
            seen.timeline == 0 ? "unknown" : std::to_string(seen.timeline),
            seen.written == Position{} ? "unknown" : show(seen.written),
            line.told["because"].text("unknown")},
           std::move(one)});
    }
  }
  return out;
}

Result<Listing> list_hosts(Session& session, const Known& known) {
  Listing out{"host", {"NAME", "ADDRESS", "AGENT", "MEMBERS"}, {"LIFE"}, {}};
  const auto told =
      ask_agents(session, session.facts().hosts, "/known", Json::object(), kWatchPause);
  for (const Host& host : session.facts().hosts) {
    std::string members;
    bool asked = session.options().service.empty();
    for (const auto& held : known.services) {
      for (const Member& member : held.service.members) {
        if (member.host != host.name) continue;
        members += (members.empty() ? "" : ", ") + held.service.name.text + "/" + member.name.text;
        asked = asked || held.service.name.text == session.options().service;
      }
    }
    if (!asked) continue;
    const Json& answer = told.at(host.name);
    const char* agent = answer.is_null() ? "silent" : "alive";
    const std::string life = answer["life"].text("unknown");
    out.rows.push_back({host.name.text,
                        {host.name.text, host.address, agent, members},
                        {life},
                        Json::object()
                            .set("host", host.name.text)
                            .set("address", host.address)
                            .set("agent", agent)
                            .set("life", life)
                            .set("members", members)});
  }
  return out;
}

Result<Listing> list_drills(Session& session, const Known&) {
  Listing out{
      "drill", {"ID", "SERVICE", "FAULT", "VERDICT", "RTO", "LOST", "AT"}, {"HOST", "BECAUSE"}, {}};
  Files& files = session.machine().files;
  const auto names = files.list(session.place().drills());
  if (!names) return out;
  for (const std::string& name : *names) {
    const std::string path = session.place().drills() + "/" + name;
    if (!name.ends_with(".json") || path == session.place().drill_state()) continue;
    WEIR_TRY(const std::string text, files.read(path));
    const auto report = Json::parse(text);
    if (!report) continue;  // cut off while it was written; the next drill writes its own
    const Json& drill = *report;
    if (!session.options().service.empty() &&
        drill["service"].text() != session.options().service) {
      continue;
    }
    const Json& rto = drill["rto_seconds"];
    const Json& lost = drill["loss"]["lost_commits"];
    out.rows.push_back({drill["id"].text(),
                        {drill["id"].text(), drill["service"].text(), drill["fault"].text(),
                         drill["verdict"].text("unknown"),
                         rto.is_number() ? fmt::format("{:.3f}s", rto.number()) : "unknown",
                         lost.is_integer() ? std::to_string(lost.integer()) : "unknown",
                         drill["started"].text("unknown")},
                        {drill["host"].text("unknown"), drill["because"].text()},
                        drill});
  }
  return out;
}

Result<Listing> list_events(Session& session, const Known& known) {
  return listing_of(filtered(read_history(session, known, session.options().service),
                             session.options(), session.machine().clock.wall()));
}

struct Kind {
  const char* name;
  const char* one;
  Result<Listing> (*list)(Session& session, const Known& known);
};
constexpr Kind kKinds[] = {
    {"services", "service", list_services}, {"members", "member", list_members},
    {"hosts", "host", list_hosts},          {"drills", "drill", list_drills},
    {"events", "event", list_events},
};

Result<Listing> list(Session& session) {
  WEIR_TRY(const Known known, know(session));
  tell_if_away(session, known);
  for (const Kind& kind : kKinds) {
    if (session.options().kind == kind.name || session.options().kind == kind.one) {
      return kind.list(session, known);
    }
  }
  return fail(Failure::bad_config, "nothing is listed as " + session.options().kind);
}

// The whole list once, then what changes, until somebody has seen enough.
Result<> watch(Session& session, Listing last) {
  while (session.pause(kWatchPause)) {
    const auto next = list(session);
    if (!next) {
      session.progress("warning: " + next.error().what);
      continue;
    }
    const Changes news = changes(last, *next);
    for (const std::string& name : news.gone) {
      session.progress(fmt::format("{}/{} is gone", next->kind, name));
    }
    if (!news.changed.rows.empty() && !session.show(text_of(news.changed, session.options()))) {
      return {};
    }
    last = *next;
  }
  return fail(Failure::cancelled, {});
}

Result<> get(Session& session) {
  WEIR_TRY(Listing first, list(session));
  if (!session.show(text_of(first, session.options()))) return {};
  if (!session.options().watch) return {};
  return watch(session, std::move(first));
}

}  // namespace

constinit const Verb kGet{
    "get",
    Group::look,
    "List services, members, hosts, drills or events",
    "What is not known is shown as `unknown`. With -w the list is followed by what changes in it.",
    "weir get services\nweir get members orders -o wide\nweir get services -w\n\n"
    "# All about each member, one after the other\n"
    "weir get members -o name | xargs -n 1 weir describe",
    kAllAnswers,
    [](Grammar& grammar, Options& options) {
      std::vector<std::string> kinds;
      for (const Kind& kind : kKinds) kinds.emplace_back(kind.name);
      for (const Kind& kind : kKinds) kinds.emplace_back(kind.one);
      grammar.positional("KIND", &options.kind, "What to list").needed().one_of(kinds);
      take_service(grammar, options);
      grammar.flag("-w,--watch", options.watch, "Go on, and print what changes");
    },
    get,
};

}  // namespace weir::cli
