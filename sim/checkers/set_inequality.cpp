// S7 at every instant: each group of replicas by which a process of the leader would release a
// commit now has at least `number` voters of the recorded set in it, so that the promises of S5
// meet it. Judged for what new walsenders inherit, and for each walsender that releases commits: it
// goes by the number that it has loaded itself, among all that count themselves in.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class SetInequality : public Checker {
 public:
  std::string name() const override { return "set-inequality"; }

  void on_tick(const Truth& truth) override {
    const engine::FakeServer* leader = truth.leader();
    if (leader == nullptr || truth.record.set.voters.empty()) return;
    const SyncSet& inherited = leader->loaded.set;
    judge(truth, inherited.voters, inherited.number, "new walsenders inherit");
    std::vector<Voter> counted;
    for (const auto& [id, sender] : leader->senders) {
      if (sender.counted) counted.push_back(sender.voter);
    }
    for (const auto& [id, sender] : leader->senders) {
      if (sender.counted) judge(truth, counted, sender.loaded.number, "the walsender of " + id);
    }
  }

 private:
  void judge(const Truth& truth, const std::vector<Voter>& releasing, int number,
             const std::string& whose) {
    if (releasing.empty()) return;  // commits wait for a name that nobody bears
    const SyncSet& recorded = truth.record.set;
    const auto outside = std::ranges::count_if(releasing, [&](const Voter& voter) {
      return !recorded.counts(voter) && may_acknowledge(truth, voter);
    });
    if (recorded.number <= number - outside) return;
    violate(truth, fmt::format("{}: {}, while the record counts {}", whose,
                               engine::shown({releasing, number}), engine::shown(recorded)));
  }

  // Data that was replaced is no proof: its old name is borne as long as a process of its server
  // holds it, or the leader has not noticed that it is gone.
  static bool may_acknowledge(const Truth& truth, const Voter& voter) {
    const std::string id = truth.id(voter.member);
    const auto bears = [&](const engine::FakeSettings& settings) {
      return settings.name.empty() || settings.name == voter.incarnation;
    };
    if (bears(truth.cluster.settings_of(id))) return true;
    const auto found = truth.cluster.servers().find(id);
    if (found != truth.cluster.servers().end()) {
      const engine::FakeServer& server = found->second;
      if (bears(server.startup_loaded) || (server.receiver && bears(*server.receiver))) return true;
    }
    const auto& senders = truth.leader()->senders;
    const auto sender = senders.find(id);
    return sender != senders.end() && sender->second.voter == voter;
  }
};

}  // namespace

std::unique_ptr<Checker> check_set_inequality() { return std::make_unique<SetInequality>(); }

}  // namespace weir::sim
