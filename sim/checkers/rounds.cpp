// An open round is joined until its limit, never overtaken, and only the CAS that ends it well
// makes an epoch: no server opens for writes in one that the record does not know (S4).
#include <fmt/format.h>

#include <optional>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

constexpr Duration kLimit = 3s - 100ms;  // ticks see a round a moment after it was opened

class Rounds : public Checker {
 public:
  std::string name() const override { return "rounds"; }

  void on_tick(const Truth& truth) override {
    const auto& now = truth.record.round;
    const bool changed = now && (!round_ || now->number != round_->number);
    const bool overtaken = changed && round_ && truth.record.epoch == epoch_;
    if (overtaken && truth.now - opened_ < kLimit) {
      violate(truth, fmt::format("round {} of {} overtook round {} before its limit", now->number,
                                 now->opener.text, round_->number));
    }
    if (changed) opened_ = truth.now;
    round_ = now;
    epoch_ = truth.record.epoch;
    for (const auto& [id, server] : truth.cluster.servers()) {
      if (!server.leader || server.loaded.epoch <= epoch_.number) continue;
      violate(truth, fmt::format("{} leads epoch {}, and the record is at {}", id,
                                 server.loaded.epoch, epoch_.number));
    }
  }

 private:
  std::optional<OpenRound> round_;
  Instant opened_{};
  Epoch epoch_;
};

}  // namespace

std::unique_ptr<Checker> check_rounds() { return std::make_unique<Rounds>(); }

}  // namespace weir::sim
