// No flapping: leadership changes only with a fault, and no more often than faults can explain.
#include <fmt/format.h>

#include <optional>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

constexpr std::int64_t kEpochsPerFault = 2;  // one that fails halfway, and its successor

class Flapping : public Checker {
 public:
  std::string name() const override { return "flapping"; }

  void on_tick(const Truth& truth) override {
    if (!truth.calm) return;
    if (!calm_) calm_ = truth.record.epoch;
    if (truth.record.epoch == *calm_) return;
    calm_ = truth.record.epoch;
    violate(truth, "the leader changed though nothing was wrong");
  }

  // Numbers of failed rounds are skipped, so promotions are counted where they happen: on disk.
  void on_end(const Truth& truth) override {
    const std::int64_t most = kEpochsPerFault * truth.faults;
    if (changes(truth) <= most) return;
    violate(truth, fmt::format("{} promotions for {} faults", changes(truth), truth.faults));
  }

 private:
  static std::int64_t changes(const Truth& truth) {
    return std::ssize(truth.cluster.disk(truth.id(truth.record.leader.member)).lineage.branches);
  }

  std::optional<Epoch> calm_;
};

}  // namespace

std::unique_ptr<Checker> check_flapping() { return std::make_unique<Flapping>(); }

}  // namespace weir::sim
