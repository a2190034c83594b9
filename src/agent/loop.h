// A loop on a worker that can be woken and ended.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "world/world.h"

namespace weir::agent {

// Runs `turn` until stopped: at least every `pause`, sooner when rung. `turn` returns by deadlines
// of its own. Thread-safe.
class Loop {
 public:
  Loop(World& world, std::string name, Duration pause, std::function<void()> turn);
  // Begins to turn: only once its owner can be used from the turn.
  void start();
  ~Loop();  // joins
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void ring() { alarm_->ring(); }
  // From inside the turn: the next one comes by `instant`.
  void again_by(Instant instant);
  // From inside the turn: the next one need not come before `instant`, unless it is rung for.
  void rest_until(Instant instant);
  void stop();  // does not wait
  // Stops and waits for the running turn. Whoever is called from a turn is joined before it is
  // destroyed: a unique_ptr that is reset is null while its object still waits for that turn.
  void join();
  bool stopping() const { return stopping_; }

 private:
  void run();

  World& world_;
  const std::string name_;
  const Duration pause_;
  const std::function<void()> turn_;
  Instant next_{};  // the running turn's own
  std::unique_ptr<Alarm> alarm_;
  std::atomic<bool> stopping_ = false;
  std::shared_ptr<Job> job_;
};

}  // namespace weir::agent
