// The question before a round, asked and answered (safety.md S4).
#include <mutex>

#include "agent/service_loop.h"

namespace weir::agent {
namespace {

constexpr Duration kAskLimit = 500ms;
constexpr Duration kLookLimit = 200ms;

}  // namespace

void ServiceLoop::ask_others() {
  const failover::View seen = view();
  const Json question = Json::object()
                            .set("format", kWireFormat)
                            .set("service", self_.service.text)
                            .set("epoch", weir::to_json(seen.record.epoch));
  struct Shared {
    std::mutex mutex;
    failover::Answers answers;
  };
  const auto shared = std::make_shared<Shared>();
  shared->answers.epoch = seen.record.epoch;
  const Deadline deadline = ports_.world.clock.within(kAskLimit);
  std::vector<std::shared_ptr<Job>> jobs;
  for (const failover::Other& other : seen.others) {
    const peer::Address to{other.member.host.text, other.member.address, peer::kAgentPort};
    jobs.push_back(ports_.world.workers.begin(
        "ask " + to.name, [this, shared, to, question, deadline, member = other.member.name] {
          const auto answer = ports_.caller.call(to, "/suspicion", question, deadline);
          if (!answer) return;
          const Voter voter = voter_from((*answer)["voter"]);
          if (voter.member != member) return;
          const std::lock_guard lock(shared->mutex);
          if (!(*answer)["suspects"].boolean()) {
            shared->answers.content.push_back(voter);
          } else if ((*answer)["knows_position"].boolean()) {
            shared->answers.suspecting.push_back(voter);
          }
        }));
  }
  for (const auto& job : jobs) {
    while (!job->wait(ports_.world.clock.within(kAskLimit))) continue;  // calls end by the deadline
  }
  failover::Answers answers;
  {
    const std::lock_guard lock(shared->mutex);
    answers = shared->answers;
  }
  answers.at = ports_.world.clock.now();
  const bool any = !answers.suspecting.empty() || !answers.content.empty();
  board_.learn_answers(std::move(answers));
  if (any) loop_->ring();
}

Json ServiceLoop::answer_suspicion() {
  const failover::View before = view();
  for (const failover::Other& other : before.others) {
    if (other.member.name != before.record.leader.member) continue;
    ports_.speak_to(other.member.host, ports_.world.clock.within(kLookLimit));
    const Sighting sighting =
        engine_.observes()->probe(other.member, ports_.world.clock.within(kLookLimit));
    board_.learn_sighting(other.member.name, sighting, ports_.setting.timings);
  }
  const failover::View now = view();
  ring();
  return Json::object()
      .set("format", kWireFormat)
      .set("voter", weir::to_json(Voter{self_.name, now.own.incarnation}))
      .set("suspects", failover::suspicion(now).suspects)
      .set("knows_position", board_.position_known());
}

}  // namespace weir::agent
