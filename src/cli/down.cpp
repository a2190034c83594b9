// weir down: our own processes end, servers stop, replicas first; all data stays.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "base/quantity.h"
#include "cli/verbs.h"
#include "guard/guard.h"

namespace weir::cli {
namespace {

constexpr Duration kStopLimit = 60s;

struct Standing {
  Service service;
  MemberName leader;
};

Result<std::vector<Standing>> read_services(Session& session) {
  std::vector<Standing> out;
  WEIR_TRY_(session.wake_store());
  WEIR_TRY(const auto services,
           store::list_desired(session.store(), session.keys(), session.within(5s)));
  for (const auto& held : services) {
    WEIR_TRY(const auto record, store::read_record(session.store(), session.keys(),
                                                   held.service.name, session.within(5s)));
    out.push_back({held.service, record ? record->record.leader.member : MemberName{}});
  }
  return out;
}

Result<> stop_member(Session& session, const Member& member, const std::string& engine_name) {
  WEIR_TRY(const auto engine, session.engine_of(member.host, engine_name));
  WEIR_TRY(const engine::Local local, engine->runs()->local(member));
  if (local.server.life == ServerLife::running) {
    session.progress(fmt::format("stopping {} of {}", member.name.text, member.service.text));
    return engine->runs()->stop(member, engine::StopMode::fast, session.within(kStopLimit));
  }
  if (local.processes_left) return engine->runs()->fence(member, session.within(kStopLimit));
  return {};
}

Result<> confirm_destruction(Session& session) {
  const std::string name = session.place().fleet.text;
  if (session.options().yes) return {};
  if (session.options().no_input) {
    return fail(Failure::refused, "destroying data asks for the fleet's name, and --no-input is on",
                "weir down --destroy --yes");
  }
  session.progress(
      fmt::format("all data of fleet {} will be destroyed; type its name to go on", name));
  std::string typed;
  std::getline(std::cin, typed);
  if (typed == name) return {};
  return fail(Failure::refused, "that is not the fleet's name; nothing was destroyed");
}

// The last leader's cleanly stopped directory is kept, unless it was asked not to be.
Result<> destroy(Session& session, const std::vector<Standing>& services) {
  Files& files = session.machine().files;
  const Place& place = session.place();
  for (const Standing& standing : services) {
    const Member* leader = standing.service.find(standing.leader);
    if (leader == nullptr || session.options().no_final_copy) continue;
    const std::string data = place.host_folder(leader->host) + "/members/" +
                             standing.service.name.text + "-" + leader->name.text;
    if (!files.exists(data)) continue;
    std::string stamp = show(session.machine().clock.wall());
    std::ranges::replace(stamp, ':', '-');
    const std::string kept =
        place.state + "/final/" + place.fleet.text + "-" + standing.service.name.text + "-" + stamp;
    WEIR_TRY_(files.make_folder(place.state + "/final", 0711));
    WEIR_TRY_(files.rename(data, kept));
    session.print("kept a final copy: " + kept);
  }
  return files.remove(place.fleet_folder());
}

Result<> down(Session& session) {
  WEIR_TRY_(session.open());
  if (session.facts().apart()) {
    return fail(Failure::refused,
                "weir down stops what weir up made; here each host has a machine of its own",
                "systemctl stop weir-agent weir-store; servers go on");
  }
  if (session.options().destroy) WEIR_TRY_(confirm_destruction(session));
  WEIR_TRY(const std::vector<Standing> services, read_services(session));
  guard::Supervisor supervisor(session.machine().clock, session.place().supervisor_socket());
  if (supervisor.status(session.within(2s))) {
    session.progress("stopping the agents, the store and the supervisor");
    WEIR_TRY_(supervisor.stop(session.within(30s)));
  }
  for (const bool leaders : {false, true}) {
    for (const Standing& standing : services) {
      for (const Member& member : standing.service.members) {
        if ((member.name == standing.leader) != leaders) continue;
        WEIR_TRY_(stop_member(session, member, standing.service.engine));
      }
    }
  }
  if (session.options().destroy) WEIR_TRY_(destroy(session, services));
  session.print(session.options().destroy ? "destroyed" : "down; all data is kept");
  return {};
}

void down_takes(Grammar& grammar, Options& options) {
  grammar.flag("--destroy", options.destroy, "Remove all data; asks for the fleet's name");
  grammar.flag("--no-final-copy", options.no_final_copy,
               "With --destroy: keep no copy of the last leader's data");
}

}  // namespace

constinit const Verb kDown{
    "down",
    Group::fleet,
    "Stop servers and agents of the fleet here; all data is kept",
    "Agents, store and supervisor end first, then servers stop, replicas before leaders. `weir "
    "up`\n"
    "goes on from there.",
    "weir down\n"
    "\n"
    "# Remove all data too; a copy of the last leader's is kept\n"
    "weir down --destroy",
    "",
    down_takes,
    down,
};

}  // namespace weir::cli
