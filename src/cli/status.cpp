// weir status [SERVICE]: who leads, epoch, lag, set, whether a failover is possible and why.
#include <fmt/format.h>

#include "base/quantity.h"
#include "cli/certificates.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

struct Line {
  Member member;
  Sighting sighting;
  std::string agent;    // "alive", "silent", "unknown"
  std::string because;  // its agent's last decision
};

struct Screen {
  Look look;
  std::vector<Line> lines;
  std::string failover;  // "possible, because ..."
  bool failover_possible = false;
};

Json ask_agent(Session& session, const Member& member) {
  const peer::Address to{member.host.text, member.address, peer::kAgentPort};
  const auto answer = session.caller().call(
      to, "/status", Json::object().set("service", member.service.text), session.within(1s));
  return answer ? *answer : Json{};
}

Result<Screen> look(Session& session, const store::HeldService& desired) {
  Screen screen;
  WEIR_TRY(screen.look, look_at(session, desired));
  bool heard = false;
  const MemberName leader =
      screen.look.held ? screen.look.held->record.leader.member : MemberName{};
  for (const auto& [member, sighting] : screen.look.members) {
    const Json told = ask_agent(session, member);
    Line line{member, sighting, told.is_null() ? "silent" : "alive", told["because"].text()};
    if (told.has("failover") && (!heard || member.name == leader)) {
      heard = true;
      screen.failover_possible = told["failover"]["possible"].boolean();
      screen.failover =
          fmt::format("{}, because {}", screen.failover_possible ? "possible" : "impossible",
                      told["failover"]["because"].text());
    }
    screen.lines.push_back(std::move(line));
  }
  if (!heard) screen.failover = "unknown, because no agent of the service answers";
  return screen;
}

const Follower* follower_of(const Screen& screen, const MemberName& member) {
  for (const Line& line : screen.lines) {
    for (const Follower& follower : line.sighting.followers) {
      if (follower.voter.member == member) return &follower;
    }
  }
  return nullptr;
}

Position end_of(const Screen& screen) {
  for (const Line& line : screen.lines) {
    if (line.sighting.role == Role::leader) return line.sighting.written;
  }
  return {};
}

// Unknown is a value of its own: it is never drawn as zero.
std::string lag_of(const Screen& screen, const Line& line) {
  if (line.sighting.role == Role::leader) return "-";
  const Follower* follower = follower_of(screen, line.member.name);
  const Position end = end_of(screen);
  if (follower == nullptr || !follower->streaming || end == Position{}) return "unknown";
  return show_bytes(end > follower->flushed ? end.at - follower->flushed.at : 0);
}

std::string counted(const Screen& screen, const MemberName& member) {
  if (!screen.look.held) return "unknown";
  const Record& record = screen.look.held->record;
  if (record.leader.member == member) return "leader";
  return record.counts(member) ? "counts" : "not counted";
}

std::string set_text(const Record& record) {
  if (record.set.number == 0) return "no commit waits";
  std::string names;
  for (const Voter& voter : record.set.voters) {
    names += (names.empty() ? "" : ", ") + voter.member.text;
  }
  return fmt::format("each commit waits for {} of {}", record.set.number,
                     names.empty() ? "nobody that is there" : names);
}

void print_screen(Session& session, const Screen& screen) {
  const Service& service = screen.look.desired.service;
  std::string text =
      fmt::format("{} ({}): {}\n", service.name.text, service.engine,
                  screen.look.healthy ? "healthy" : "not healthy: " + screen.look.waiting_for);
  if (screen.look.held) {
    const Record& record = screen.look.held->record;
    text +=
        fmt::format("  leader    {} in epoch {}{}\n", record.leader.member.text, show(record.epoch),
                    record.round ? fmt::format(", round {} is open", record.round->number) : "");
    text += fmt::format("  set       {} ({})\n", set_text(record), name_of(record.mode));
  } else {
    text += "  leader    unknown: there is no record\n";
  }
  text += fmt::format("  failover: {}\n", screen.failover);
  text += fmt::format("  {:<10} {:<8} {:<9} {:<22} {:<12} {:<10} {:<7} {}\n", "MEMBER", "ROLE",
                      "REACH", "ADDRESS", "SET", "LAG", "AGENT", "DOING");
  for (const Line& line : screen.lines) {
    text +=
        fmt::format("  {:<10} {:<8} {:<9} {:<22} {:<12} {:<10} {:<7} {}\n", line.member.name.text,
                    name_of(line.sighting.role), name_of(line.sighting.reach),
                    fmt::format("{}:{}", line.member.address, line.member.port),
                    counted(screen, line.member.name), lag_of(screen, line), line.agent,
                    line.because.empty() ? "unknown" : line.because);
  }
  session.print(text);
}

Json screen_json(Session& session, const Screen& screen) {
  const Service& service = screen.look.desired.service;
  Json json = Json::object()
                  .set("format", 1)
                  .set("service", service.name.text)
                  .set("engine", service.engine)
                  .set("healthy", screen.look.healthy)
                  .set("waiting_for", screen.look.waiting_for)
                  .set("failover", Json::object()
                                       .set("possible", screen.failover_possible)
                                       .set("because", screen.failover));
  if (screen.look.held) {
    const Record& record = screen.look.held->record;
    json.set("leader", record.leader.member.text);
    json.set("record", to_json(record));
    if (const Member* leader = service.find(record.leader.member)) {
      json.set("leader_address", leader->address).set("leader_port", int{leader->port});
      json.set("leader_socket", session.place().host_run(leader->host) + "/" + service.name.text +
                                    "-" + leader->name.text + ".s");
    }
  }
  Json members = Json::array();
  for (const Line& line : screen.lines) {
    members.add(Json::object()
                    .set("member", line.member.name.text)
                    .set("host", line.member.host.text)
                    .set("address", line.member.address)
                    .set("port", int{line.member.port})
                    .set("set", counted(screen, line.member.name))
                    .set("lag", lag_of(screen, line))
                    .set("agent", line.agent)
                    .set("because", line.because)
                    .set("sighting", to_json(line.sighting)));
  }
  return json.set("members", members);
}

}  // namespace

Result<> status(Session& session) {
  WEIR_TRY_(session.open());
  WEIR_TRY_(session.wake_store());
  WEIR_TRY(const auto services,
           store::list_desired(session.store(), session.keys(), session.within(5s)));
  Json all = Json::array();
  bool found = session.options().service.empty();
  WEIR_TRY(const Json certs, certificates(session));
  if (!session.wants_json()) {
    session.print(
        fmt::format("fleet {}\nstore: 1 member; while it is away, required leaders go on "
                    "and nobody is promoted\n{}",
                    session.place().fleet.text, certificates_text(certs)));
  }
  for (const auto& desired : services) {
    const std::string& name = desired.service.name.text;
    if (!session.options().service.empty() && session.options().service != name) continue;
    found = true;
    WEIR_TRY(const Screen screen, look(session, desired));
    if (session.wants_json()) {
      all.add(screen_json(session, screen));
    } else {
      print_screen(session, screen);
    }
  }
  if (!found) return fail(Failure::not_found, "no service " + session.options().service);
  if (session.wants_json()) {
    const bool one = !session.options().service.empty();
    session.print_json(one ? all.items().front()
                           : Json::object().set("services", all).set("certificates", certs));
  }
  return {};
}

}  // namespace weir::cli
