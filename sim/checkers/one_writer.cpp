// No member acknowledges, after a higher epoch acknowledged one, a write that is not in that
// epoch's history. (A late answer for a row that the successor holds, or held until its disk was
// lost, is no loss.) Where commits do not wait, the old leader is fenced before: no late answer at
// all.
#include <fmt/format.h>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class OneWriter : public Checker {
 public:
  std::string name() const override { return "one-writer"; }

  void on_acknowledged(const Truth& truth, const engine::FakeServer& server,
                       engine::RowId row) override {
    const std::int64_t epoch = truth.cluster.row(row).epoch;
    if (epoch > highest_) {
      highest_ = epoch;
      leader_ = server.id;
    } else if (epoch < highest_ &&
               (truth.record.mode == Durability::async || !has_or_had(truth, row))) {
      violate(truth,
              fmt::format("{} acknowledged row {} of epoch {} after {} acknowledged in epoch "
                          "{}, which does not hold it",
                          server.id, row, epoch, leader_, highest_));
    } else if (epoch == highest_ && server.id != leader_) {
      violate(truth,
              fmt::format("{} and {} both acknowledged in epoch {}", leader_, server.id, epoch));
    }
  }

 private:
  bool has_or_had(const Truth& truth, engine::RowId row) const {
    return truth.cluster.holds(leader_, row) || truth.cluster.lost_with_its_disk(leader_, row);
  }

  std::int64_t highest_ = 0;
  std::string leader_;
};

}  // namespace

std::unique_ptr<Checker> check_one_writer() { return std::make_unique<OneWriter>(); }

}  // namespace weir::sim
