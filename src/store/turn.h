// One writer at a time, first come first served, waiting by alarms: a writer may be inside a slow
// fsync, and those behind it must still be able to give up at their deadlines.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "world/world.h"

namespace weir::store {

class Turn {
 public:
  explicit Turn(Workers& workers) : workers_(workers) {}

  // timed_out: the turn did not come by the deadline, and is not held.
  Result<> enter(Deadline deadline);
  void leave();

 private:
  struct Waiter {
    std::unique_ptr<Alarm> alarm;
    bool called = false;  // the turn is this waiter's
  };
  class Place;

  Workers& workers_;
  std::mutex mutex_;  // guards what follows; never held over a port call
  bool taken_ = false;
  std::list<std::shared_ptr<Waiter>> waiting_;
};

// Leaves a turn that was entered, on every way out of a block.
class InTurn {
 public:
  explicit InTurn(Turn& turn) : turn_(turn) {}
  ~InTurn() { turn_.leave(); }
  InTurn(const InTurn&) = delete;
  InTurn& operator=(const InTurn&) = delete;

 private:
  Turn& turn_;
};

}  // namespace weir::store
