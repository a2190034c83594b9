// The one shape of everything in the agent that goes on by itself.
#include "agent/loop.h"

#include <algorithm>

namespace weir::agent {

Loop::Loop(World& world, std::string name, Duration pause, std::function<void()> turn)
    : world_(world),
      name_(std::move(name)),
      pause_(pause),
      turn_(std::move(turn)),
      alarm_(world.workers.make_alarm()) {}

void Loop::start() {
  job_ = world_.workers.begin(name_, [this] { run(); });
}

Loop::~Loop() { join(); }

void Loop::join() {
  stop();
  while (job_ && !job_->wait(world_.clock.within(1s))) stop();
}

void Loop::again_by(Instant instant) { next_ = std::min(next_, instant); }

void Loop::rest_until(Instant instant) { next_ = std::max(next_, instant); }

void Loop::stop() {
  stopping_ = true;
  alarm_->ring();
}

void Loop::run() {
  while (!stopping_) {
    next_ = world_.clock.now() + pause_;
    turn_();
    if (!stopping_) alarm_->wait_until(next_);
  }
}

}  // namespace weir::agent
