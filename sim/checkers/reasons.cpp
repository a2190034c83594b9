// A reason for every failover not made: while nobody serves as leader, no agent that could know
// says that it follows or leads as if all were well.
#include <fmt/format.h>

#include <map>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

// Suspicion, a look at the leader and the step under way when it died fit in twice over.
constexpr Duration kToNotice = 6s;

class Reasons : public Checker {
 public:
  std::string name() const override { return "reasons"; }

  void on_agent_began(const HostName& host) override { since_.erase(host); }

  void on_tick(const Truth& truth) override {
    if (truth.because == nullptr || truth.record.epoch.none()) return;
    if (leader_answers(truth)) {
      since_.clear();
      return;
    }
    for (const Member& member : truth.service.members) {
      const auto said = truth.because->find(member.host);
      const bool sees = said != truth.because->end() && truth.cluster.disk_is_well(member.host);
      if (!sees || !content(said->second)) {
        since_.erase(member.host);
        continue;
      }
      const Instant since = since_.try_emplace(member.host, truth.now).first->second;
      if (truth.now - since < kToNotice) continue;
      violate(truth, fmt::format("{} does not serve, and the agent of {} says only '{}'",
                                 truth.record.leader.member.text, member.host.text, said->second));
    }
  }

 private:
  static bool leader_answers(const Truth& truth) {
    const engine::FakeServer* leader = truth.leader();
    return leader != nullptr && !truth.cluster.silent(leader->host, leader->host);
  }
  static bool content(const std::string& because) {
    return because.empty() || because.starts_with("follows ") || because.starts_with("leads epoch");
  }

  std::map<HostName, Instant> since_;  // it has been content, and nobody serves
};

}  // namespace

std::unique_ptr<Checker> check_reasons() { return std::make_unique<Reasons>(); }

}  // namespace weir::sim
