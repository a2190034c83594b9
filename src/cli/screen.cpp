// Gathering a screen, and its words.
#include "cli/screen.h"

#include <fmt/format.h>

#include "base/quantity.h"

namespace weir::cli {
namespace {

constexpr Duration kAgentLimit = 1s;

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

// What the leader's agent says counts; without it, whoever else answers.
void learn_failover(Screen& screen) {
  const MemberName leader = screen.look.held ? screen.record()->leader.member : MemberName{};
  const Line* best = nullptr;
  for (const Line& line : screen.lines) {
    if (!line.told.has("failover")) continue;
    if (best == nullptr || line.member.name == leader) best = &line;
  }
  if (best == nullptr) {
    screen.failover = "unknown, because no agent of the service answers";
    return;
  }
  const Json& told = best->told["failover"];
  screen.failover_possible = told["possible"].boolean();
  screen.failover =
      fmt::format("{}, because {}", screen.failover_possible ? "possible" : "impossible",
                  told["because"].text());
}

// That a server answers is what our probe can see; whether it can write is tried by the agent of
// its own host alone.
void learn_sickness(Screen& screen) {
  for (Line& line : screen.lines) {
    const Json& told = line.told["sighting"];
    const bool sick = told["reach"].text() == name_of(Reach::sick);
    if (!sick || line.sighting.reach != Reach::serving || line.sighting.role != Role::leader) {
      continue;
    }
    line.sighting.reach = Reach::sick;
    line.sighting.detail = told["detail"].text();
    screen.look.healthy = false;
    screen.look.waiting_for =
        fmt::format("{} can write nothing: {}", line.member.name.text, line.sighting.detail);
  }
}

Json member_json(const Screen& screen, const Line& line) {
  Json json = Json::object()
                  .set("member", line.member.name.text)
                  .set("host", line.member.host.text)
                  .set("address", line.member.address)
                  .set("port", int{line.member.port})
                  .set("set", counted(screen, line.member.name))
                  .set("lag", lag_of(screen, line))
                  .set("agent", line.agent())
                  .set("because", line.told["because"].text())
                  .set("sighting", weir::to_json(line.sighting));
  for (const char* key : {"own", "others", "promises", "suspicion"}) {
    if (line.told.has(key)) json.set(key, line.told[key]);
  }
  return json;
}

}  // namespace

Result<Screen> screen_of(Session& session, const Known& known, const store::HeldService& desired) {
  Screen screen;
  const auto held = known.records.find(desired.service.name);
  WEIR_TRY(screen.look,
           look_at(session, desired,
                   held == known.records.end() ? std::nullopt : std::optional(held->second)));
  std::vector<Host> hosts;
  for (const Member& member : desired.service.members) {
    hosts.push_back({member.host, member.address});
  }
  const auto told =
      ask_agents(session, hosts, "/status",
                 Json::object().set("service", desired.service.name.text), kAgentLimit);
  for (const auto& [member, sighting] : screen.look.members) {
    Json answer = told.at(member.host);
    // An answer that is not about this member is nonsense, and says nothing.
    if (answer["member"].text() != member.name.text) answer = {};
    screen.lines.push_back({member, sighting, std::move(answer)});
  }
  learn_sickness(screen);
  learn_failover(screen);
  return screen;
}

std::string health_of(const Screen& screen) {
  return screen.look.healthy ? "healthy" : "not healthy: " + screen.look.waiting_for;
}

std::string lag_of(const Screen& screen, const Line& line) {
  if (line.sighting.role == Role::leader) return "-";
  const Follower* follower = follower_of(screen, line.member.name);
  const Position end = end_of(screen);
  if (follower == nullptr || !follower->streaming || end == Position{}) return "unknown";
  return show_bytes(end > follower->flushed ? end.at - follower->flushed.at : 0);
}

std::string counted(const Screen& screen, const MemberName& member) {
  const Record* record = screen.record();
  if (record == nullptr) return "unknown";
  if (record->leader.member == member) return "leader";
  return record->counts(member) ? "counts" : "not counted";
}

std::string set_text(const SyncSet& set) {
  if (set.number == 0) return "no commit waits";
  std::string names;
  for (const Voter& voter : set.voters) names += (names.empty() ? "" : ", ") + voter.member.text;
  return fmt::format("each commit waits for {} of {}", set.number,
                     names.empty() ? "nobody that is there" : names);
}

Json to_json(Session& session, const Screen& screen) {
  const Service& service = screen.service();
  Json json = Json::object()
                  .set("format", 1)
                  .set("service", service.name.text)
                  .set("engine", service.engine)
                  .set("healthy", screen.look.healthy)
                  .set("waiting_for", screen.look.waiting_for)
                  .set("failover", Json::object()
                                       .set("possible", screen.failover_possible)
                                       .set("because", screen.failover));
  if (const Record* record = screen.record()) {
    json.set("leader", record->leader.member.text);
    json.set("record", weir::to_json(*record));
    if (const Member* leader = service.find(record->leader.member)) {
      json.set("leader_address", leader->address).set("leader_port", int{leader->port});
      json.set("leader_socket", session.place().host_run(leader->host) + "/" + service.name.text +
                                    "-" + leader->name.text + ".s");
    }
  }
  Json members = Json::array();
  for (const Line& line : screen.lines) members.add(member_json(screen, line));
  return json.set("members", members);
}

std::vector<Resource> without_secrets(std::vector<Resource> resources) {
  for (Resource& resource : resources) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end() || password->second.empty()) continue;
    const std::string& text = password->second;
    const bool reference = text.starts_with("env:") || text.starts_with("file:");
    if (!reference) password->second = "set";
  }
  return resources;
}

}  // namespace weir::cli
