// In `required` a commit is acknowledged only once `sync` other members have it on their disks: the
// number in force never falls below, and nobody leads with the set off (S7). A member whose disk is
// lost while its confirmation is on the way had it: the loss of disks is what the copies are for.
#include <fmt/format.h>

#include <algorithm>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class Copies : public Checker {
 public:
  std::string name() const override { return "copies"; }

  void on_acknowledged(const Truth& truth, const engine::FakeServer& server,
                       engine::RowId row) override {
    if (truth.record.mode != Durability::required) return;
    least_ = least_ == 0 ? truth.service.sync : std::min(least_, truth.service.sync);
    const auto holds_it = [&](const Member& member) {
      const std::string id = truth.id(member.name);
      return id != server.id &&
             (holds(truth.cluster.disk(id).log, row) || truth.cluster.lost_with_its_disk(id, row));
    };
    // Who is to leave counts until it does.
    const auto copies = std::ranges::count_if(truth.service.members, holds_it) +
                        std::ranges::count_if(truth.service.leaving, holds_it);
    if (copies >= least_) return;
    violate(truth, fmt::format("{} acknowledged row {}, which {} others hold; each commit is to "
                               "wait for {}",
                               server.id, row, copies, least_));
  }

 private:
  // Acknowledged rows are young: they lie near the end.
  static bool holds(const std::vector<engine::RowId>& log, engine::RowId row) {
    return std::find(log.rbegin(), log.rend(), row) != log.rend();
  }

  int least_ = 0;  // that the file has declared so far
};

}  // namespace

std::unique_ptr<Checker> check_copies() { return std::make_unique<Copies>(); }

}  // namespace weir::sim
