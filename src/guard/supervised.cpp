// Ordinary child processes: they go on when the supervisor dies, and the next one finds them.
#include "guard/supervised.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "guard/processes.h"
#include "world/child.h"
#include "world/system_failure.h"

namespace weir::guard {
namespace {

constexpr Duration kFirstPause = 1s;
constexpr Duration kLongestPause = 10s;
constexpr Duration kUpLongEnough = 30s;

struct Prepared {
  std::string path;
  std::vector<char*> argv;
  Descriptor log;
  Descriptor nothing;
};

[[noreturn]] void be_the_program(const Prepared& prepared, int go_read, int go_write) {
  ::setsid();
  // Our copy of the writing end would keep the pipe open for ever.
  ::close(go_write);
  char go = 0;
  ssize_t got = 0;
  do {
    got = ::read(go_read, &go, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(0);
  if (::dup2(prepared.nothing.number(), 0) == 0 && ::dup2(prepared.log.number(), 1) == 1 &&
      ::dup2(prepared.log.number(), 2) == 2 && become(Account{}) && ::chdir("/") == 0)
    ::execv(prepared.path.c_str(), prepared.argv.data());
  ::_exit(127);
}

}  // namespace

Result<> Supervised::start(Clock& clock, const std::function<Result<>(pid_t, std::int64_t)>& note) {
  Prepared prepared;
  WEIR_TRY(prepared.path, program_at(argv_.at(0)));
  prepared.argv = pointers_to(argv_);
  prepared.log = Descriptor(::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!prepared.log.open()) return system_failure(errno, "cannot open the log " + log_);
  prepared.nothing = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int go[2];
  if (!prepared.nothing.open() || ::pipe2(go, O_CLOEXEC) != 0)
    return system_failure(errno, "cannot start " + name_);
  const Descriptor go_read(go[0]);
  Descriptor go_write(go[1]);

  const pid_t child = ::fork();
  if (child < 0) return system_failure(errno, "cannot start " + name_);
  if (child == 0) be_the_program(prepared, go[0], go[1]);
  const std::optional<Process> process = look_at(child);
  const std::int64_t start_time = process ? process->start_time : 0;
  const Result<> noted = note(child, start_time);
  if (noted && ::write(go_write.number(), "g", 1) != 1)
    return system_failure(errno, "cannot start " + name_);
  go_write.close();
  if (!noted) {
    ::waitpid(child, nullptr, 0);
    return noted;
  }
  hold(clock, child, start_time);
  return {};
}

bool Supervised::adopt(Clock& clock, pid_t pid, std::int64_t start_time) {
  if (!is_alive(pid, start_time)) return false;
  hold(clock, pid, start_time);
  return true;
}

void Supervised::hold(Clock& clock, pid_t pid, std::int64_t start_time) {
  pid_ = pid;
  start_time_ = start_time;
  pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  up_since_ = clock.now();
}

bool Supervised::runs(Clock& clock) {
  if (pid_ == 0) return false;
  if (is_alive(pid_, start_time_)) return true;
  // One that was adopted is not ours to reap; then this call has no effect.
  ::waitpid(pid_, nullptr, WNOHANG);
  pid_ = 0;
  pidfd_.close();
  if (clock.now() - up_since_ >= kUpLongEnough) pause_ = kFirstPause;
  failed(clock);
  return false;
}

void Supervised::failed(Clock& clock) {
  next_start_ = clock.now() + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Supervised::start_next_at(Instant instant) {
  next_start_ = instant;
  pause_ = kFirstPause;
}

bool Supervised::send(int signal) const {
  return pid_ != 0 && send_signal(pid_, start_time_, signal);
}

}  // namespace weir::guard
