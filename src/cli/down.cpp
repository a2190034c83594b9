// weir down: our own processes end, servers stop, replicas first; all data stays.
#include <fmt/format.h>

#include <algorithm>

#include "base/quantity.h"
#include "cli/ask.h"
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

// Of each service the last leader's cleanly stopped directory is kept, unless it was asked not to
// be; then all of the fleet goes but what was kept. Cut off, a second call goes on.
Result<> destroy(Session& session, const std::vector<Standing>& services) {
  Files& files = session.machine().files;
  const Place& place = session.place();
  for (const Standing& standing : services) {
    const std::vector<Member> all = standing.service.all();
    const auto leader = std::ranges::find(all, standing.leader, &Member::name);
    if (leader == all.end() || session.options().no_final_copy) continue;
    WEIR_TRY(const auto engine, session.engine_of(leader->host, standing.service.engine));
    std::string stamp = show(session.machine().clock.wall());
    std::ranges::replace(stamp, ':', '-');
    const std::string kept_as = standing.service.name.text + "-" + stamp;
    WEIR_TRY_(engine->runs()->destroy(*leader, kept_as, session.within(kStopLimit)));
    if (files.exists(place.finals() + "/" + kept_as)) {
      session.print("kept a final copy: " + place.finals() + "/" + kept_as);
    }
  }
  WEIR_TRY_(files.remove(place.run + "/" + place.fleet.text));
  WEIR_TRY(const std::vector<std::string> names, files.list(place.fleet_folder()));
  for (const std::string& name : names) {
    const std::string path = place.fleet_folder() + "/" + name;
    // What names the fleet goes last: without it nobody would find what is left.
    if (path != place.finals() && path != place.facts()) WEIR_TRY_(files.remove(path));
  }
  WEIR_TRY_(files.remove(place.facts()));
  if (!files.exists(place.finals())) return files.remove(place.fleet_folder());
  return {};
}

Result<> down(Session& session) {
  WEIR_TRY_(session.open());
  if (session.facts().apart()) {
    return fail(Failure::refused,
                "weir down stops what weir up made; here each host has a machine of its own",
                "systemctl stop weir-agent weir-store; servers go on");
  }
  const std::string name = session.place().fleet.text;
  const auto& allowed = session.options().destroy_data;
  if (session.options().destroy && std::ranges::find(allowed, name) == allowed.end()) {
    WEIR_TRY_(confirm_destruction(session, {name}, "weir down --destroy"));
  }
  WEIR_TRY(const std::vector<Standing> services, read_services(session));
  guard::Supervisor supervisor(session.machine().clock, session.place().supervisor_socket());
  if (supervisor.status(session.within(2s))) {
    session.progress("stopping the agents, the store and the supervisor");
    WEIR_TRY_(supervisor.stop(session.within(30s)));
  }
  for (const bool leaders : {false, true}) {
    for (const Standing& standing : services) {
      for (const Member& member : standing.service.all()) {
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
  take_destruction(grammar, options);
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
