// The load: weir's own ledger, unmodified, as the outside client of the simulated fleet. What it
// reports at the end is compared with what is true.
#pragma once

#include <memory>
#include <optional>

#include "ledger/ledger.h"
#include "sim/world.h"

namespace weir::sim {

class Load {
 public:
  Load(SimFleet& fleet, int writers, double rate);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void begin();
  // Ends the writers and reads everything back from the leader; that takes a moment.
  void end();
  ledger::Tally tally() const { return ledger_.tally(); }
  const std::optional<LossReport>& verdict() const { return verdict_; }

 private:
  SimFleet& fleet_;
  const Group group_;
  std::unique_ptr<engine::Engine> engine_;
  ledger::Ledger ledger_;
  std::optional<LossReport> verdict_;
};

}  // namespace weir::sim
