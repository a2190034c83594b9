// One question to each host, for all services that need its word; all of them at once.
#include "agent/extension.h"

#include <atomic>
#include <map>
#include <utility>

#include "base/mutant.h"

namespace weir::agent {
namespace {

constexpr Duration kAskLimit = 700ms;
constexpr Duration kReadLimit = 300ms;  // of the store, before an answer

struct Question {
  peer::Address to;
  Json services = Json::array();
};

}  // namespace

bool Extension::ask(const AgentLife& life) {
  World& world = ports_.world;
  const Instant asked = world.clock.now();
  std::map<HostName, Question> questions;
  std::vector<std::pair<std::shared_ptr<ServiceLoop>, std::vector<MemberName>>> led;
  for (const auto& loop : ports_.loops()) {
    const failover::View view = loop->board().view(asked, ports_.setting.timings, {}, {});
    if (!failover::needs_deadline(view) || view.record.leader_life != life) continue;
    const auto members = failover::whom_to_ask(view);
    if (!members) return false;
    std::vector<MemberName> by;
    for (const Member& member : *members) {
      Question& question = questions[member.host];
      question.to = {member.host.text, member.address, peer::kAgentPort};
      question.services.add(Json::object()
                                .set("service", member.service.text)
                                .set("epoch", weir::to_json(view.record.epoch)));
      by.push_back(member.name);
    }
    led.emplace_back(loop, std::move(by));
  }
  if (led.empty()) return false;
  const auto given = std::make_shared<std::atomic<std::size_t>>(0);
  const Deadline deadline = world.clock.within(kAskLimit);
  std::vector<std::shared_ptr<Job>> jobs;
  for (const auto& [host, question] : questions) {
    const Json body = Json::object()
                          .set("format", kWireFormat)
                          .set("life", life.text)
                          .set("services", question.services);
    jobs.push_back(
        world.workers.begin("ask " + host.text, [this, given, to = question.to, body, deadline] {
          const auto answer = ports_.caller.call(to, "/grant", body, deadline);
          if (answer && (*answer)["given"].boolean()) ++*given;
        }));
  }
  for (const auto& job : jobs) {
    while (!job->wait(world.clock.within(kAskLimit))) continue;  // calls end by the deadline
  }
  if (*given != questions.size()) return false;
  for (const auto& [loop, by] : led) loop->board().learn_extended(by, asked);
  return true;
}

Result<Json> Extension::answer(const peer::Request& request) {
  const failover::Asking asked{HostName(request.from), AgentLife(request.body["life"].text()), {}};
  const Json& services = request.body["services"];
  if (!services.is_array() || services.items().empty() || asked.life.empty()) {
    return fail(Failure::bad_data, "cannot grant what does not name a life and its services");
  }
  const auto in_store = renewed(asked.host);
  for (const Json& service : services.items()) {
    failover::Asking asking = asked;
    asking.epoch = epoch_from(service["epoch"]);
    const failover::Grant given = grant(ServiceName(service["service"].text()), asking, in_store);
    if (given.given) continue;
    return Json::object()
        .set("format", kWireFormat)
        .set("given", false)
        .set("because", given.because);
  }
  ports_.claims.learn_grant(asked.host, asked.life);
  return Json::object().set("format", kWireFormat).set("given", true);
}

// Absent: the store cannot be read, or shows nothing.
std::optional<AgentLife> Extension::renewed(const HostName& host) {
  const auto entry =
      ports_.store.get(ports_.setting.keys.renewal(host), ports_.world.clock.within(kReadLimit));
  if (!entry || !*entry) return std::nullopt;
  const auto renewal = Json::parse((*entry)->value);
  if (!renewal || (*renewal)["incarnation"].text().empty()) return std::nullopt;
  return AgentLife((*renewal)["incarnation"].text());
}

failover::Grant Extension::grant(const ServiceName& service, const failover::Asking& asking,
                                 const std::optional<AgentLife>& renewed) {
  for (const auto& loop : ports_.loops()) {
    if (loop->self().service == service) return loop->grant(asking, renewed);
  }
  return remembered(service, asking, renewed);
}

// An agent that began while the store is away has read no service from it yet. When it does, its
// loop counts from its own beginning, which is later than this: nothing is to be counted here.
failover::Grant Extension::remembered(const ServiceName& service, const failover::Asking& asking,
                                      const std::optional<AgentLife>& renewed) {
  const auto all = ports_.remembering.all();
  const auto found = all.find(service);
  if (found == all.end()) return {false, "no member of " + service.text + " is here"};
  const auto engine = ports_.engines.find(found->second.desired.engine);
  for (const Member& member : found->second.desired.all()) {
    const bool here = member.host == ports_.setting.host && engine != ports_.engines.end();
    if (!here || engine->second->runs() == nullptr) continue;
    const auto local = engine->second->runs()->local(member);
    if (!local) return {false, local.error().what};
    failover::View view;
    view.self = member;
    view.record = found->second.record;
    view.own = *local;
    return failover::decide_grant(view, asking, renewed);
  }
  return {false, "no member of " + service.text + " is here"};
}

// Looked at twice, and counted in between: what this member decides from then on knows of the
// grant, and what it decided before has left its promise on the disk.
failover::Grant ServiceLoop::grant(const failover::Asking& asking,
                                   const std::optional<AgentLife>& renewed) {
  const auto look = [&]() -> failover::Grant {
    const auto local = engine_.runs()->local(self_);
    if (!local) return {false, local.error().what};
    failover::View view = this->view();
    view.own = *local;
    return failover::decide_grant(view, asking, renewed);
  };
  const failover::Grant first = look();
  if (!first.given) return first;
  if (!mutant("grant-not-counted")) board_.learn_grant(asking.host, ports_.world.clock.now());
  return look();
}

}  // namespace weir::agent
