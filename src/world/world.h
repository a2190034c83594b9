// The ports: everything through which weir meets the world. Real ones are made only in app/; the
// simulator brings its own. At every call time may pass, the process may die or an answer may be
// lost, so no mutex is held over one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "world/files.h"

namespace weir {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;    // CLOCK_BOOTTIME
  virtual WallTime wall() = 0;  // for showing only
  virtual void sleep_until(Instant) = 0;

  void sleep_for(Duration duration) { sleep_until(now() + duration); }
  Deadline within(Duration duration) { return {now() + duration}; }
  bool passed(Deadline deadline) { return now() >= deadline.at; }
};

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  // `length` characters of [a-z0-9], the first a letter; really from the system's strong source.
  std::string id(std::size_t length = 12);
};

// Short-lived programs.
struct Command {
  std::vector<std::string> argv;
  std::string user;              // empty: as we are
  std::vector<std::string> env;  // NAME=VALUE, added to a minimal environment
  std::string input;             // given on standard input
  std::size_t output_max = 16u << 20;
};
struct Output {
  int status = 0;  // exit status, or 128 + signal
  std::string out;
  std::string err;
};
class Programs {
 public:
  virtual ~Programs() = default;
  // Runs to its end, in a process group of its own, killed whole at the deadline (timed_out); a
  // non-zero status is no error of this call. missing_package if argv[0] does not exist.
  virtual Result<Output> run(const Command& command, Deadline deadline) = 0;
};

struct ServerSpec {
  std::string name;  // FLEET/HOST/SERVICE-MEMBER
  std::vector<std::string> argv;
  std::string user;    // empty: as we are
  std::string folder;  // working directory; by it every process of the server is recognised
  std::string log;     // standard output and error go here
  std::vector<std::string> env;
  int fast_signal = 0, immediate_signal = 0;  // how its guard asks it to stop (S8); 0: it cannot
};
enum class ServerLife { absent, running, ended };
struct ServerState {
  ServerLife life = ServerLife::absent;
  std::int64_t pid = 0;            // running only
  std::int64_t start_time = 0;     // of that pid, as in /proc/PID/stat; with pid it is unique
  std::optional<int> exit_status;  // ended only, if the guard saw it
  bool guarded = false;            // its guard is alive
  Instant deadline{};              // which its guard holds, or its next start will; zero: none
  bool fenced = false;             // its guard has begun to stop it at its deadline
};
class Servers {  // long-lived, under their guards (guard/)
 public:
  virtual ~Servers() = default;
  // Starts it under a new guard. Success without effect if it already runs.
  virtual Result<ServerState> start(const ServerSpec& spec, Deadline deadline) = 0;
  // The truth of now. A running server whose guard died gets a new one.
  virtual Result<ServerState> state(const ServerSpec& spec) = 0;
  virtual Result<> signal(const ServerSpec& spec, int signal) = 0;
  // SIGKILL of the server, its descendants and whatever works in `folder`, until none is left.
  virtual Result<> kill_all(const ServerSpec& spec, Deadline deadline) = 0;
  // Whether any process of that server is left, its own process dead or not.
  virtual Result<bool> any_left(const ServerSpec& spec) = 0;
  // The guard's deadline (S8), at which it ends the server by itself; kept for later starts; zero:
  // none. Success: a living guard holds it now (a silent one is replaced), or nothing runs.
  // refused: it has begun to stop it.
  virtual Result<> hold(const std::string& name, Instant deadline, Deadline limit) = 0;
};

// Wakes one waiter. Rings are not counted: a ring before a wait is remembered once.
class Alarm {
 public:
  virtual ~Alarm() = default;
  virtual void ring() = 0;
  // Returns true if rung, false when the instant came first.
  virtual bool wait_until(Instant instant) = 0;
};

class Job {
 public:
  virtual ~Job() = default;
  // True once the job has ended; false when the deadline came first (it goes on).
  virtual bool wait(Deadline deadline) = 0;
};
class Workers {
 public:
  virtual ~Workers() = default;
  // Runs `work` beside the caller. `work` returns by a deadline of its own and throws nothing.
  virtual std::shared_ptr<Job> begin(std::string name, std::function<void()> work) = 0;
  virtual std::unique_ptr<Alarm> make_alarm() = 0;
};

// All ports of one host, borrowed: they outlive every user.
struct World {
  Clock& clock;
  Random& random;
  Files& files;
  Programs& programs;
  Servers& servers;
  Workers& workers;
};

// Calls `check` at growing intervals (first `pause`, at most 50 ms) until it is true or the
// deadline passes; returns whether it became true. The one retry policy of the house.
bool poll_until(Clock& clock, Deadline deadline, Duration pause,
                const std::function<bool()>& check);

}  // namespace weir
