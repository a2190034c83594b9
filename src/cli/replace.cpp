// Upgrade of weir itself: what runs from another build is replaced by this one, the supervisor
// first, then the store, then the agents one by one. Servers stay under their guards, untouched.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

#include "cli/verbs.h"
#include "guard/guard.h"
#include "store/record_io.h"

namespace weir::cli {
namespace {

constexpr Duration kAsk = 2s;
constexpr Duration kOneProcess = 30s;  // until it is back and answers
constexpr Duration kHealthAgain = 120s;

Json agent_in(const Json& status, const HostName& host) {
  for (const Json& agent : status["agents"].items()) {
    if (agent["host"].text() == host.text) return agent;
  }
  return {};
}

pid_t pid_in(const Json& process) { return static_cast<pid_t>(process["pid"].integer()); }

bool is_of_another_build(const Json& process) {
  const pid_t pid = pid_in(process);
  return pid != 0 && !guard::runs_our_program(pid);
}

// Those whose host leads nothing come first: the new program is tried where it matters least.
Result<std::vector<Host>> in_order(Session& session) {
  std::vector<Host> hosts = session.facts().hosts;
  std::vector<HostName> leading;
  WEIR_TRY(const auto services,
           store::list_desired(session.store(), session.keys(), session.within(kAsk)));
  for (const auto& held : services) {
    WEIR_TRY(const auto record, store::read_record(session.store(), session.keys(),
                                                   held.service.name, session.within(kAsk)));
    if (record) leading.push_back(record->record.leader_host);
  }
  std::ranges::stable_partition(
      hosts, [&](const Host& host) { return std::ranges::count(leading, host.name) == 0; });
  return hosts;
}

// Whether the agent of this host is ours now, and knows its services.
bool answers(Session& session, guard::Supervisor& supervisor, const Host& host,
             const std::vector<store::HeldService>& services) {
  const auto status = supervisor.status(session.within(kAsk));
  if (!status) return false;
  const Json agent = agent_in(*status, host.name);
  if (pid_in(agent) == 0 || is_of_another_build(agent)) return false;
  const peer::Address to{host.name.text, host.address, peer::kAgentPort};
  return std::ranges::all_of(services, [&](const store::HeldService& held) {
    const bool here = std::ranges::any_of(
        held.service.members, [&](const Member& member) { return member.host == host.name; });
    const Json question = Json::object().set("service", held.service.name.text);
    return !here || session.caller().call(to, "/status", question, session.within(kAsk));
  });
}

bool healthy(Session& session, const std::vector<store::HeldService>& services) {
  return std::ranges::all_of(services, [&](const store::HeldService& held) {
    const auto look = look_at(session, held);
    return look && look->healthy;
  });
}

// A new program that does not come up, or that makes a healthy service sick, goes no further.
Result<> replace_agent(Session& session, guard::Supervisor& supervisor, const Host& host,
                       const std::vector<store::HeldService>& services) {
  const bool was_healthy = healthy(session, services);
  session.progress("replacing the agent of " + host.name.text);
  WEIR_TRY_(supervisor.replace("agent/" + host.name.text, session.within(kOneProcess)));
  Clock& clock = session.machine().clock;
  const auto stopped = [&](const std::string& why) {
    return fail(Failure::timed_out,
                fmt::format("the agent of {} was replaced, and {}: the others were left as they "
                            "are",
                            host.name.text, why),
                "read " + session.place().logs() + "/agent-" + host.name.text + ".log");
  };
  const bool back = poll_until(clock, session.within(kOneProcess), 50ms,
                               [&] { return answers(session, supervisor, host, services); });
  if (!back) return stopped("does not answer");
  if (!was_healthy) return {};
  const bool well = poll_until(clock, session.within(kHealthAgain), 100ms,
                               [&] { return healthy(session, services); });
  return well ? Result<>() : stopped("its services are not healthy since");
}

}  // namespace

// Its children go on without it, and the next one adopts them by its notes.
Result<> end_other_supervisor(Session& session) {
  guard::Supervisor supervisor(session.machine().clock, session.place().supervisor_socket());
  const auto status = supervisor.status(session.within(kAsk));
  if (!status || !is_of_another_build(*status)) return {};
  session.progress("replacing the supervisor");
  const pid_t pid = pid_in(*status);
  if (kill(pid, SIGKILL) != 0) {
    return fail(Failure::io, fmt::format("cannot end the supervisor, pid {}", pid));
  }
  const bool gone = poll_until(session.machine().clock, session.within(kOneProcess), 5ms,
                               [&] { return !supervisor.status(session.within(kAsk)); });
  if (gone) return {};
  return fail(Failure::timed_out, fmt::format("the supervisor, pid {}, does not end", pid));
}

Result<> replace_other_store(Session& session) {
  guard::Supervisor supervisor(session.machine().clock, session.place().supervisor_socket());
  WEIR_TRY(const Json status, supervisor.status(session.within(kAsk)));
  if (!is_of_another_build(status["store"])) return {};
  session.progress("replacing the store");
  return supervisor.replace("store", session.within(kOneProcess));
}

Result<> replace_other_agents(Session& session) {
  guard::Supervisor supervisor(session.machine().clock, session.place().supervisor_socket());
  WEIR_TRY(const std::vector<Host> hosts, in_order(session));
  WEIR_TRY(const auto services,
           store::list_desired(session.store(), session.keys(), session.within(kAsk)));
  for (const Host& host : hosts) {
    WEIR_TRY(const Json status, supervisor.status(session.within(kAsk)));
    if (!is_of_another_build(agent_in(status, host.name))) continue;
    WEIR_TRY_(replace_agent(session, supervisor, host, services));
  }
  return {};
}

}  // namespace weir::cli
