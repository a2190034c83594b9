// A long-lived process that the supervisor keeps running: the store, or an agent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "world/descriptor.h"
#include "world/world.h"

namespace weir::guard {

class Supervised {
 public:
  Supervised(std::string name, std::vector<std::string> argv, std::string log)
      : name_(std::move(name)), argv_(std::move(argv)), log_(std::move(log)) {}

  // Starts it as leader of a session of its own, its output appended to its log. `note` is called
  // with its pid before the program begins; if it fails, or if we die, the program never begins.
  Result<> start(Clock& clock, const std::function<Result<>(pid_t, std::int64_t)>& note);
  // Takes over a process that an earlier supervisor started; false if it is gone.
  bool adopt(Clock& clock, pid_t pid, std::int64_t start_time);

  // Whether it runs now. When it is seen to have ended, its next start is set: after 1 s, then
  // doubling up to 10 s, from 1 s again once it was up for 30 s.
  bool runs(Clock& clock);
  void start_next_at(Instant instant);

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  std::int64_t start_time() const { return start_time_; }
  Instant next_start() const { return next_start_; }
  int pidfd() const { return pidfd_.number(); }
  bool send(int signal) const;
  // The start did not succeed: counts as an end.
  void failed(Clock& clock);

 private:
  void hold(Clock& clock, pid_t pid, std::int64_t start_time);

  std::string name_;
  std::vector<std::string> argv_;
  std::string log_;
  pid_t pid_ = 0;
  std::int64_t start_time_ = 0;
  Descriptor pidfd_;  // readable once it has ended; wakes the supervisor's poll
  Instant up_since_{};
  Duration pause_ = 1s;
  Instant next_start_{};
};

}  // namespace weir::guard
