// One thread, virtual time: stackful fibers and the queue of what happens when. Everything in the
// simulator runs below `run_until`, so that one seed gives one order of events.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::sim {

// Thrown at the yield points of a fiber whose process was killed, so that its stack unwinds. It is
// no std::exception: no adapter that catches its library's exceptions may swallow it.
struct Killed {};

using FiberId = std::uint64_t;  // 0: none
// One life of one process; its fibers die together. 0: the simulator's own, never killed.
using Group = std::uint64_t;

class Fibers {
 public:
  Fibers();
  ~Fibers();  // kills what is left
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  Instant now() const { return now_; }
  // `what` runs outside any fiber, at `when` or now, in the order of asking.
  void at(Instant when, std::function<void()> what);
  FiberId begin(Group group, std::string name, std::function<void()> body);
  // Makes a new process life.
  Group new_group() { return ++groups_; }
  bool alive(Group group) const { return group == 0 || !killed_.contains(group); }

  // Outside any fiber only. Unwinds every fiber of the group, the youngest first.
  void kill(Group group);
  // Outside any fiber only. A frozen group's fibers do not run while time goes on; what was to wake
  // them is kept, and at the thaw all of it happens at once, in its order.
  void freeze(Group group);
  void thaw(Group group);
  bool frozen(Group group) const { return frozen_.contains(group); }
  // Outside any fiber only: until the queue is empty or the instant is reached.
  void run_until(Instant end);
  void stop() { stopped_ = true; }  // ends run_until after the present event

  // In a fiber. The calls below throw Killed if the fiber's group is being killed, and return at
  // once when it is already unwinding or when nobody runs (a destructor outside any fiber).
  void sleep_until(Instant when);
  // Waits for `unpark` or the instant; true if unparked. An unpark before is remembered by nobody.
  bool park_until(Instant when);
  void unpark(FiberId id);

  FiberId current() const;
  Group current_group() const;
  // The running fiber is being unwound: it must yield no more and its effects no longer count.
  bool unwinding() const;
  bool ended(FiberId id) const { return !fibers_.contains(id); }
  std::size_t count() const { return fibers_.size(); }

  // The trace: every event leaves its mark in a hash; with a sink it is also told as text.
  void trace(std::string_view what, std::string_view detail = {});
  std::uint64_t trace_hash() const { return hash_; }
  void tell_to(std::function<void(const std::string&)> sink) { sink_ = std::move(sink); }

 private:
  struct Fiber;
  struct Stacks;
  struct Event {
    Instant at;
    std::uint64_t order;
    FiberId fiber;         // to be woken, or 0
    std::uint64_t ticket;  // of that fiber's wait: an older one is stale
    std::shared_ptr<std::function<void()>> what;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  void resume(FiberId id);
  void yield();
  void wake(Instant when, FiberId id, std::uint64_t ticket);

  Instant now_{};
  std::uint64_t order_ = 0;
  FiberId ids_ = 0;
  Group groups_ = 0;
  bool stopped_ = false;
  std::uint64_t hash_ = 14695981039346656037ull;
  std::function<void(const std::string&)> sink_;
  std::unique_ptr<Stacks> stacks_;
  std::map<FiberId, std::unique_ptr<Fiber>> fibers_;
  std::map<Group, bool> killed_;
  std::map<Group, std::vector<Event>> frozen_;
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
  Fiber* running_ = nullptr;
};

}  // namespace weir::sim
