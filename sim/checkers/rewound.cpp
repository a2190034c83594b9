// A rewind that calls itself done is done: of what this member alone had when it began, nothing is
// left in its log (S10). What stays there is no longer the leader's history, and whoever starts on
// it mixes the two.
#include <fmt/format.h>

#include <map>
#include <set>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class Rewound : public Checker {
 public:
  std::string name() const override { return "rewound"; }

  void on_overwrite(const Truth& truth, const std::string& id) override {
    std::set<engine::RowId> held;
    for (const Member& member : truth.service.all()) {
      const std::string other = truth.id(member.name);
      if (other == id) continue;
      const auto& log = truth.cluster.disk(other).log;
      held.insert(log.begin(), log.end());
    }
    tails_[id].clear();
    for (const engine::RowId row : truth.cluster.disk(id).log) {
      if (!held.contains(row)) tails_[id].push_back(row);
    }
  }

  void on_effect(const Truth& truth, const Effect& effect) override {
    if (effect.call != "remove" || !effect.detail.ends_with("/rewinding")) return;
    for (const Member& member : truth.service.all()) {
      if (member.host == effect.host) judge(truth, truth.id(member.name));
    }
  }

 private:
  void judge(const Truth& truth, const std::string& id) {
    for (const engine::RowId row : tails_[id]) {
      if (!truth.cluster.holds(id, row)) continue;
      violate(truth, fmt::format("{} calls its rewind done and still has row {}, which nobody else "
                                 "had",
                                 id, row));
      return;
    }
  }

  std::map<std::string, std::vector<engine::RowId>> tails_;
};

}  // namespace

std::unique_ptr<Checker> check_rewound() { return std::make_unique<Rewound>(); }

}  // namespace weir::sim
