// The threads on which handlers run, made when they are first needed. world/workers is not used:
// a listener's calls must not wait behind the agent's own jobs, nor those behind strangers' calls.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::peer {

class Crew {
 public:
  // At most `threads_max` jobs run at once and `waiting_max` wait.
  Crew(std::size_t threads_max, std::size_t waiting_max);
  // As stop().
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Any thread. False, and `job` is not run, if too many wait or stop() was called.
  bool begin(std::function<void()> job);
  // Drops the jobs that wait, and returns once those that run have ended.
  void stop();

 private:
  void add_thread();
  void work();

  const std::size_t threads_max_;
  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t busy_ = 0;
  bool stopping_ = false;
};

}  // namespace weir::peer
