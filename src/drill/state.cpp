// The state file and what is done by it when its process has died.
#include "drill/state.h"

#include <fmt/core.h>

#include "base/text.h"

namespace weir::drill {
namespace {

// How long cleaning up tries: a failover may still be under way.
constexpr Duration kCleanUpLimit = 60s;
constexpr Duration kTry = 5s;

}  // namespace

Json to_json(const State& state) {
  Json json;
  json.set("format", kStateFormat).set("drill", state.drill).set("life", state.life);
  json.set("fault", state.fault).set("database", state.database).set("ca", state.ca);
  json.set("service", weir::to_json(state.service));
  return json;
}

Result<State> state_from(const Json& json) {
  if (json["format"].integer() != kStateFormat || json["drill"].text().empty()) {
    return fail(Failure::bad_data, "could not read the state of the last drill: it is not ours");
  }
  WEIR_TRY(Service service, service_from(json["service"]));
  return State{json["drill"].text(),    json["life"].text(), json["fault"].text(),
               json["database"].text(), json["ca"].text(),   std::move(service)};
}

Result<std::optional<State>> read_state(Files& files, const std::string& path) {
  const Result<std::string> text = files.read(path);
  if (!text && text.error().failure == Failure::not_found) return std::optional<State>{};
  if (!text) return fail(text.error());
  WEIR_TRY(const Json json, Json::parse(*text));
  WEIR_TRY(State state, state_from(json));
  return std::optional<State>{std::move(state)};
}

std::string life_of(Files& files, const std::string& pid) {
  const Result<std::string> text = files.read("/proc/" + pid + "/stat");
  if (!text) return {};
  // The program's name stands in parentheses and may contain anything.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return {};
  const std::vector<std::string> fields = split(trim(text->substr(name_end + 1)), ' ');
  constexpr std::size_t kStartTime = 19;  // field 22 of proc(5), counted from the state
  if (fields.size() <= kStartTime || fields[0] == "Z") return {};
  return text->substr(0, text->find(' ')) + " " + fields[kStartTime];
}

bool is_alive(Files& files, const State& state) {
  const std::string pid = state.life.substr(0, state.life.find(' '));
  return !pid.empty() && life_of(files, pid) == state.life;
}

Result<Member> leader_of(const Record& record, const Service& service) {
  const Member* member = service.find(record.leader.member);
  if (member == nullptr) {
    return fail(Failure::not_found, fmt::format("service {} has no leader", service.name.text));
  }
  return *member;
}

Result<> drop_ledger(DrillPorts& ports, const Service& service, const engine::LedgerAccess& access,
                     Deadline deadline) {
  Clock& clock = ports.world.clock;
  Result<> dropped = fail(Failure::timed_out, "no answer by the deadline");
  const auto once = [&]() -> Result<> {
    const Deadline step = sooner(deadline, clock.within(kTry));
    WEIR_TRY(const Record record, ports.record(service.name, step));
    WEIR_TRY(const Member leader, leader_of(record, service));
    return ports.writes.clean_up(leader, access, step);
  };
  (void)poll_until(clock, deadline, 50ms, [&] {
    dropped = once();
    return dropped.has_value();
  });
  if (dropped) return {};
  return fail(dropped.error().failure,
              fmt::format("could not drop schema {} and role {} of {}: {}", access.schema,
                          access.role, service.name.text, dropped.error().what),
              fmt::format("weir status {}", service.name.text));
}

Result<> end_fault(DrillPorts& ports, const std::string& drill, Deadline deadline) {
  Clock& clock = ports.world.clock;
  Result<> ended = fail(Failure::timed_out, "no answer by the deadline");
  (void)poll_until(clock, deadline, 50ms, [&] {
    ended = ports.injector.revert(drill, sooner(deadline, clock.within(kTry)));
    return ended.has_value();
  });
  if (ended) return {};
  return fail(ended.error().failure,
              fmt::format("could not end the fault of drill {}: {}", drill, ended.error().what),
              "weir status");
}

Result<> clean_up_after(const std::string& state_file, DrillPorts& ports) {
  WEIR_TRY(const std::optional<State> state, read_state(ports.world.files, state_file));
  if (!state) return {};
  if (is_alive(ports.world.files, *state)) {
    return fail(Failure::held, fmt::format("could not clean up: drill {} is still running as "
                                           "process {}",
                                           state->drill, split(state->life, ' ').front()));
  }
  ports.say(fmt::format("cleaning up after drill {}, whose process has died", state->drill));
  const Deadline deadline = ports.world.clock.within(kCleanUpLimit);
  WEIR_TRY_(end_fault(ports, state->drill, deadline));
  WEIR_TRY_(drop_ledger(ports, state->service, {state->database, kSchema, kRole, {}, state->ca},
                        deadline));
  return ports.world.files.remove(state_file);
}

}  // namespace weir::drill
