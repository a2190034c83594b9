// weir describe SERVICE | SERVICE/MEMBER | host/HOST: all that is known about one thing, why it is
// as it is, and the last events.
#include <fmt/format.h>

#include "base/quantity.h"
#include "base/text.h"
#include "cli/history.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr int kEvents = 10;
constexpr Duration kAskLimit = 1s;

// "Leader:       a": the values of all lines begin in one column.
std::string fact(const std::string& label, const std::string& value) {
  return fmt::format("{:<16}{}\n", label + ":", value.empty() ? "none" : value);
}

std::string shown_age(const Json& milliseconds) {
  if (!milliseconds.is_integer()) return "never";
  return show(std::chrono::milliseconds(milliseconds.integer())) + " ago";
}

std::string voter_text(const Voter& voter) {
  return fmt::format("{} ({})", voter.member.text,
                     voter.incarnation.empty() ? "no data" : voter.incarnation.text);
}

std::string objective_text(const Objective& objective) {
  std::vector<std::string> parts;
  if (objective.availability) {
    parts.push_back("availability " + show_percent(*objective.availability));
  }
  if (objective.rpo) parts.push_back("rpo " + show(*objective.rpo));
  if (objective.rto) parts.push_back("rto " + show(*objective.rto));
  return join(parts, ", ");
}

std::string lineage_text(const Lineage& lineage) {
  if (!lineage.known()) return "unknown";
  std::string out = fmt::format("timeline {} of system {}", lineage.timeline, lineage.system);
  for (const Branch& branch : lineage.branches) {
    out += fmt::format(", {} until {}", branch.timeline, show(branch.until));
  }
  return out;
}

std::string record_text(const Record& record, store::Revision revision) {
  std::string out;
  out += fact("Leader", fmt::format("{} on host {}, in epoch {}", voter_text(record.leader),
                                    record.leader_host.text, show(record.epoch)));
  out += fact("Confirmed", record.confirmed ? "yes, a commit of this epoch is on a voter"
                                            : "no commit of this epoch is on a voter yet");
  out += fact("Mode", name_of(record.mode));
  out += fact("Set", set_text(record.set));
  std::vector<std::string> previous;
  for (const PreviousSet& set : record.previous) {
    previous.push_back(fmt::format("{} led by {}", set_text(set.set), voter_text(set.leader)));
  }
  out += fact("Previous sets", join(previous, "; "));
  out +=
      fact("Round", record.round ? fmt::format("{} is open, opened by host {}",
                                               record.round->number, record.round->opener.text)
                                 : fmt::format("none is open; the last was {}", record.last_round));
  out += fact("Lineage", lineage_text(record.lineage));
  out += fact("Record", fmt::format("revision {}, format {}", revision, kRecordFormat));
  return out;
}

std::string claim_text(const Known& known, const ServiceName& service) {
  if (!known.store_away.empty()) return "unknown while the store is away";
  const auto found = known.claims.find(service);
  return found == known.claims.end() ? "nobody's" : show(found->second.claim);
}

Json claim_json(const Known& known, const ServiceName& service) {
  const auto found = known.claims.find(service);
  return found == known.claims.end() ? Json{} : weir::to_json(found->second.claim);
}

std::string incarnation_of(const Screen& screen, const MemberName& member) {
  const Record* record = screen.record();
  const Voter* voter = record == nullptr ? nullptr : record->find(member);
  return voter == nullptr || voter->incarnation.empty() ? "unknown" : voter->incarnation.text;
}

std::string members_text(const Screen& screen) {
  Table table({"MEMBER", "ROLE", "REACH", "SET", "LAG", "INCARNATION", "POSITION", "PROMISED",
               "AGENT", "DOING"});
  for (const Line& line : screen.lines) {
    const Sighting& seen = line.sighting;
    const Json& promised = line.told["own"]["promised"];
    table.row({line.member.name.text, name_of(seen.role), name_of(seen.reach),
               counted(screen, line.member.name), lag_of(screen, line),
               incarnation_of(screen, line.member.name),
               seen.written == Position{} ? "unknown" : show(seen.written),
               !promised.is_integer()    ? "unknown"
               : promised.integer() == 0 ? "nothing"
                                         : fmt::format("round {}", promised.integer()),
               line.agent(), line.told["because"].text("unknown")});
  }
  return "\nMembers:\n" + table.show("  ");
}

// Who saw whom, and how long ago: what the brain has to go by.
std::string sightings_text(const Screen& screen) {
  Table table({"AGENT OF", "MEMBER", "HEARD", "SEEN", "AS", "SUSPECTS THE LEADER"});
  for (const Line& line : screen.lines) {
    const Json& suspicion = line.told["suspicion"];
    const std::string suspects = suspicion.is_null() ? "unknown"
                                 : suspicion["suspects"].boolean()
                                     ? "yes: " + suspicion["because"].text()
                                     : "no: " + suspicion["because"].text();
    const std::string name = line.member.host.text;
    table.row({name, line.member.name.text, "-", shown_age(line.told["sighting_age_ms"]),
               line.told["sighting"]["reach"].text("unknown"), suspects});
    for (const Json& other : line.told["others"].items()) {
      table.row({name, other["member"].text(), shown_age(other["heard_ms"]),
                 shown_age(other["seen_ms"]), other["reach"].text("unknown"),
                 other["suspects"].boolean() ? "yes, it says" : "no, it says"});
    }
  }
  return "\nSightings:\n" + table.show("  ");
}

std::string resources_text(const Service& service) {
  Table table({"KIND", "NAME", "DECLARED"});
  for (const Resource& resource : without_secrets(service.resources)) {
    std::vector<std::string> parts;
    for (const auto& [name, value] : resource.attributes) {
      if (!value.empty()) parts.push_back(name == "value" ? value : name + " " + value);
    }
    table.row({resource.kind, resource.name, join(parts, ", ")});
  }
  return table.empty() ? std::string{} : "\nDeclared:\n" + table.show("  ");
}

std::string events_text(const std::vector<Told>& history) {
  if (history.empty()) return "\nEvents:         none\n";
  Options last;
  return "\nEvents:\n" + indented(text_of(listing_of(history), last));
}

std::vector<Told> last_events(Session& session, const Known& known, const std::string& service,
                              const HostName* host) {
  std::vector<Told> history = read_history(session, known, service);
  if (host != nullptr) {
    std::erase_if(history, [&](const Told& told) { return told.host != *host; });
  }
  Options last;
  last.limit = kEvents;
  return filtered(std::move(history), last, {});
}

Json events_json(const std::vector<Told>& history) {
  Json all = Json::array();
  for (const Row& row : listing_of(history).rows) all.add(row.data);
  return all;
}

Json declared_json(const Service& service) {
  Json all = Json::array();
  for (const Resource& resource : without_secrets(service.resources)) {
    Json attributes = Json::object();
    for (const auto& [name, value] : resource.attributes) attributes.set(name, value);
    all.add(Json::object()
                .set("kind", resource.kind)
                .set("name", resource.name)
                .set("attributes", attributes));
  }
  return all;
}

Result<> describe_service(Session& session, const Known& known, const std::string& name) {
  WEIR_TRY(const auto desired, the_service(known, name));
  WEIR_TRY(const Screen screen, screen_of(session, known, desired));
  const Service& service = screen.service();
  const auto history = last_events(session, known, service.name.text, nullptr);
  if (session.wants_data()) {
    session.print_data(to_json(session, screen)
                           .set("store_away", known.store_away)
                           .set("claim", claim_json(known, service.name))
                           .set("durability", name_of(service.durability))
                           .set("sync", service.sync)
                           .set("desired_revision", desired.revision)
                           .set("declared", declared_json(service))
                           .set("events", events_json(history)));
    return {};
  }
  std::string text = fact("Service", service.name.text) + fact("Engine", service.engine) +
                     fact("Health", health_of(screen)) +
                     fact("Durability", fmt::format("{} declared, sync {}",
                                                    name_of(service.durability), service.sync)) +
                     fact("Objective", objective_text(service.objective));
  text += screen.look.held ? record_text(*screen.record(), screen.look.held->revision)
                           : fact("Leader", "unknown: there is no record");
  text += fact("Claim", claim_text(known, service.name));
  text += fact("Failover", screen.failover);
  text += members_text(screen) + sightings_text(screen) + resources_text(service);
  session.show(text + events_text(history));
  return {};
}

std::string own_text(const Json& told) {
  const Json& own = told["own"];
  if (own.is_null()) return fact("Agent", "silent: what only it knows is unknown");
  std::string out =
      fact("Agent", fmt::format("life {}, running for {}", own["life"].text("unknown"),
                                show(std::chrono::milliseconds(own["running_for_ms"].integer()))));
  out += fact("Data", own["data"].boolean()           ? "incarnation " + own["incarnation"].text()
                      : own["trouble"].text().empty() ? "none"
                                                      : own["trouble"].text());
  const bool runs = own["server"].text() == "running";
  out +=
      fact("Server", runs ? fmt::format("running, pid {}, {}", own["pid"].integer(),
                                        own["guarded"].boolean() ? "guarded" : "its guard is gone")
                          : own["server"].text("unknown"));
  out += fact("Promised", own["promised"].integer() == 0
                              ? fmt::format("nothing; the last round ever was {}",
                                            own["promised_last"].integer())
                              : fmt::format("round {}", own["promised"].integer()));
  out += fact("Follows", own["follows"].text());
  out += fact("Doing", told["because"].text("unknown"));
  return out;
}

Result<> describe_member(Session& session, const Known& known, const std::string& name,
                         const std::string& member) {
  WEIR_TRY(const auto desired, the_service(known, name));
  WEIR_TRY(const Screen screen, screen_of(session, known, desired));
  const Json all = to_json(session, screen);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < screen.lines.size(); ++i) {
    const Line& line = screen.lines[i];
    names.push_back(line.member.name.text);
    if (line.member.name.text != member) continue;
    const auto history = last_events(session, known, name, &line.member.host);
    if (session.wants_data()) {
      Json one = all["members"].items()[i];
      session.print_data(one.set("service", name)
                             .set("incarnation", incarnation_of(screen, line.member.name))
                             .set("store_away", known.store_away)
                             .set("events", events_json(history)));
      return {};
    }
    const Sighting& seen = line.sighting;
    std::string text =
        fact("Member", fmt::format("{}/{}", name, member)) + fact("Host", line.member.host.text) +
        fact("Address", fmt::format("{}:{}", line.member.address, line.member.port)) +
        fact("Role", name_of(seen.role)) +
        fact("Reach", name_of(seen.reach) + (seen.detail.empty() ? "" : ": " + seen.detail)) +
        fact("Counts", counted(screen, line.member.name)) +
        fact("Recorded", incarnation_of(screen, line.member.name)) +
        fact("Lag", lag_of(screen, line)) +
        fact("Position", seen.written == Position{} ? "unknown" : show(seen.written)) +
        fact("Receives from", seen.receives_from) + own_text(line.told);
    session.show(text + events_text(history));
    return {};
  }
  return fail(Failure::not_found,
              fmt::format("{} has no member {}; it has {}", name, member, join(names, ", ")));
}

Result<> describe_host(Session& session, const Known& known, const std::string& name) {
  const Host* host = nullptr;
  std::vector<std::string> names;
  for (const Host& each : session.facts().hosts) {
    names.push_back(each.name.text);
    if (each.name.text == name) host = &each;
  }
  if (host == nullptr) {
    return fail(Failure::not_found,
                fmt::format("the fleet has no host {}; it has {}", name, join(names, ", ")));
  }
  const Json told =
      ask_agents(session, {*host}, "/known", Json::object(), kAskLimit).at(host->name);
  const auto history = last_events(session, known, {}, &host->name);
  std::vector<std::string> members;
  for (const auto& held : known.services) {
    for (const Member& member : held.service.members) {
      if (member.host == host->name) {
        members.push_back(held.service.name.text + "/" + member.name.text);
      }
    }
  }
  if (session.wants_data()) {
    Json list = Json::array();
    for (const std::string& member : members) list.add(member);
    session.print_data(Json::object()
                           .set("format", 1)
                           .set("host", name)
                           .set("address", host->address)
                           .set("agent", told.is_null() ? "silent" : "alive")
                           .set("life", told["life"].text("unknown"))
                           .set("members", list)
                           .set("store_away", known.store_away)
                           .set("events", events_json(history)));
    return {};
  }
  session.print(
      fact("Host", name) + fact("Address", host->address) +
      fact("Agent", told.is_null() ? "silent" : "alive, life " + told["life"].text("unknown")) +
      fact("Members", join(members, ", ")) + events_text(history));
  return {};
}

Result<> describe(Session& session) {
  WEIR_TRY(const Known known, know(session));
  tell_if_away(session, known);
  std::vector<std::string> parts = split(session.options().thing, '/');
  if (parts.size() == 2 && parts[0] == "host") return describe_host(session, known, parts[1]);
  const bool kind = parts[0] == "service" || parts[0] == "member";
  if (kind && parts.size() == (parts[0] == "service" ? 2u : 3u)) parts.erase(parts.begin());
  if (parts.size() == 2) return describe_member(session, known, parts[0], parts[1]);
  if (parts.size() == 1) return describe_service(session, known, parts[0]);
  return fail(Failure::bad_config,
              fmt::format("expected SERVICE, SERVICE/MEMBER or host/HOST, got '{}'",
                          session.options().thing));
}

}  // namespace

constinit const Verb kDescribe{
    "describe",
    Group::look,
    "All that is known about a service, a member or a host, and why",
    "The record, its set and the sets before it, who saw whom and when, what each member "
    "promised,\n"
    "what a failover would do and why, what is declared, and the last events.",
    "weir describe orders\nweir describe orders/a\nweir describe host/b\n"
    "weir describe orders -o yaml",
    kAnswers,
    [](Grammar& grammar, Options& options) {
      grammar.positional("THING", &options.thing, "A service, a SERVICE/MEMBER, or host/HOST")
          .offering(Offers::services);
    },
    describe,
};

}  // namespace weir::cli
