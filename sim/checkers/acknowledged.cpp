// Acknowledged commits of every epoch are in the history of whoever leads: at the end of the run,
// and each time a higher epoch begins to acknowledge. Where commits do not wait, what is lost is
// counted by the run's report, and here only what a loss cannot be: a row of the present leader's
// own epoch, or one whose loss nothing explains.
#include <fmt/format.h>

#include <set>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class Acknowledged : public Checker {
 public:
  std::string name() const override { return "acknowledged"; }

  void on_acknowledged(const Truth& truth, const engine::FakeServer& server,
                       engine::RowId row) override {
    const std::int64_t epoch = truth.cluster.row(row).epoch;
    if (epoch > highest_) {
      highest_ = epoch;
      compare(truth, server.id);
    }
    rows_.insert(row);
  }

  void on_end(const Truth& truth) override {
    if (const engine::FakeServer* leader = truth.leader()) compare(truth, leader->id);
  }

 private:
  void compare(const Truth& truth, const std::string& id) {
    const auto& log = truth.cluster.disk(id).log;
    const std::set<engine::RowId> held(log.begin(), log.end());
    const bool waits = truth.record.mode != Durability::async;
    for (const engine::RowId row : rows_) {
      if (held.contains(row)) continue;
      const engine::FakeRow& lost = truth.cluster.row(row);
      if (!waits && lost.epoch < truth.record.epoch.number && truth.faults > 0) continue;
      violate(truth,
              fmt::format("row {} of {} ({} of writer {}, epoch {}) was acknowledged and is "
                          "not in the log of {}",
                          row, lost.author, lost.row.sequence, lost.row.writer, lost.epoch, id));
    }
  }

  std::int64_t highest_ = 0;
  std::set<engine::RowId> rows_;
};

}  // namespace

std::unique_ptr<Checker> check_acknowledged() { return std::make_unique<Acknowledged>(); }

}  // namespace weir::sim
