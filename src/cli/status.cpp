// weir status [SERVICE]: who leads, epoch, lag, set, whether a failover is possible and why.
#include <fmt/format.h>

#include "cli/certificates.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

std::string screen_text(const Screen& screen) {
  const Service& service = screen.service();
  std::string text =
      fmt::format("{} ({}): {}\n", service.name.text, service.engine, health_of(screen));
  if (const Record* record = screen.record()) {
    text += fmt::format(
        "  leader    {} in epoch {}{}\n", record->leader.member.text, show(record->epoch),
        record->round ? fmt::format(", round {} is open", record->round->number) : "");
    text += fmt::format("  set       {} ({})\n", set_text(record->set), name_of(record->mode));
  } else {
    text += "  leader    unknown: there is no record\n";
  }
  text += fmt::format("  failover: {}\n", screen.failover);
  Table table({"MEMBER", "ROLE", "REACH", "ADDRESS", "SET", "LAG", "AGENT", "DOING"});
  for (const Line& line : screen.lines) {
    const std::string because = line.told["because"].text();
    table.row({line.member.name.text, name_of(line.sighting.role), name_of(line.sighting.reach),
               fmt::format("{}:{}", line.member.address, line.member.port),
               counted(screen, line.member.name), lag_of(screen, line), line.agent(),
               because.empty() ? "unknown" : because});
  }
  return text + table.show("  ");
}

Result<> status(Session& session) {
  WEIR_TRY(const Known known, know(session));
  tell_if_away(session, known);
  std::vector<store::HeldService> asked = known.services;
  if (!session.options().service.empty()) {
    WEIR_TRY(const auto one, the_service(known, session.options().service));
    asked = {one};
  }
  Json certs;
  if (known.store_away.empty()) {
    WEIR_TRY(certs, certificates(session));
  }
  std::string text;
  Json all = Json::array();
  for (const auto& desired : asked) {
    WEIR_TRY(const Screen screen, screen_of(session, known, desired));
    if (session.options().output == "name") {
      text += "service/" + screen.service().name.text + "\n";
    } else if (session.wants_data()) {
      all.add(to_json(session, screen).set("store_away", known.store_away));
    } else {
      text += screen_text(screen);
    }
  }
  if (session.wants_data()) {
    const bool one = !session.options().service.empty();
    session.print_data(one ? all.items().front()
                           : Json::object().set("services", all).set("certificates", certs));
    return {};
  }
  if (session.options().output != "name") {
    text = fmt::format("fleet {}\n{}\n{}", session.place().fleet.text,
                       known.store_away.empty()
                           ? "store: 1 member; while it is away, required leaders go on and nobody "
                             "is promoted\n" +
                                 certificates_text(certs)
                           : "store: away; required leaders go on, async ones while every other "
                             "member's agent says so, and nobody is promoted\n"
                             "certificates: unknown while the store is away",
                       text);
  }
  session.show(text);
  return {};
}

}  // namespace

constinit const Verb kStatus{
    "status",
    Group::look,
    "Who leads, how far behind, and whether a failover is possible",
    "One screen. While the store is away it shows what the agents last read from it, and what a\n"
    "probe of each server finds now.",
    "weir status\n"
    "weir status orders\n"
    "weir status orders -o json",
    "table,json,yaml,name",
    take_service,
    status,
};

}  // namespace weir::cli
