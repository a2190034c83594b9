// The queue of writers.
#include "store/turn.h"

#include <utility>

namespace weir::store {

// A waiter's place in the queue. Its destructor gives it up, also when the wait is unwound because
// the simulator ended the waiting process; a turn that was just given is then passed on.
class Turn::Place {
 public:
  Place(Turn& turn, std::shared_ptr<Waiter> waiter) : turn_(turn), waiter_(std::move(waiter)) {}
  ~Place() {
    if (kept_) return;
    bool called = false;
    {
      const std::lock_guard lock(turn_.mutex_);
      called = waiter_->called;
      turn_.waiting_.remove(waiter_);
    }
    if (called) turn_.leave();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // Whether the turn has come; it is then the caller's to leave.
  bool take() {
    const std::lock_guard lock(turn_.mutex_);
    kept_ = waiter_->called;
    return kept_;
  }

 private:
  Turn& turn_;
  std::shared_ptr<Waiter> waiter_;
  bool kept_ = false;
};

Result<> Turn::enter(Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (!taken_) {
      taken_ = true;
      return {};
    }
  }
  auto waiter = std::make_shared<Waiter>();
  waiter->alarm = workers_.make_alarm();
  {
    const std::lock_guard lock(mutex_);
    if (!taken_) {
      taken_ = true;
      return {};
    }
    waiting_.push_back(waiter);
  }
  Place place(*this, waiter);
  while (true) {
    const bool rung = waiter->alarm->wait_until(deadline.at);
    if (place.take()) return {};
    if (!rung) break;
  }
  return fail(Failure::timed_out, "the store is busy with other changes, nothing was done");
}

void Turn::leave() {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    next = waiting_.front();
    waiting_.pop_front();
    next->called = true;
  }
  next->alarm->ring();
}

}  // namespace weir::store
