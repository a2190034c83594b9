// Short-lived programs: each in a process group of its own, which is gone when the call returns.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "world/child.h"
#include "world/descriptor.h"
#include "world/real.h"
#include "world/system_failure.h"

namespace weir {
namespace {

// No wait is longer than this without a look at CLOCK_BOOTTIME.
constexpr Duration kPollMax = 1s;

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_failure(errno, "cannot make a pipe");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// Input lies in memory behind a descriptor, so that a program that reads none of it blocks nobody.
Result<Descriptor> input_of(const std::string& input) {
  Descriptor file(input.empty() ? ::open("/dev/null", O_RDONLY | O_CLOEXEC)
                                : ::memfd_create("weir-input", MFD_CLOEXEC));
  if (!file.open()) return system_failure(errno, "cannot prepare a program's input");
  std::string_view rest = input;
  while (!rest.empty()) {
    const ssize_t written = ::write(file.number(), rest.data(), rest.size());
    if (written < 0 && errno != EINTR)
      return system_failure(errno, "cannot prepare a program's input");
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!input.empty()) ::lseek(file.number(), 0, SEEK_SET);
  return file;
}

struct Prepared {
  std::string path;
  Account account;
  std::vector<std::string> env;
  std::vector<char*> argv_pointers;
  std::vector<char*> env_pointers;
  Descriptor input;
  Pipe out;
  Pipe err;
  Pipe failed;  // carries errno if the exec fails, and closes if it succeeds
};

[[noreturn]] void be_the_program(const Prepared& prepared, pid_t parent) {
  ::setpgid(0, 0);
  const bool piped = ::dup2(prepared.input.number(), 0) == 0 &&
                     ::dup2(prepared.out.write_end.number(), 1) == 1 &&
                     ::dup2(prepared.err.write_end.number(), 2) == 2;
  // A base backup or a rewind must not go on behind the back of the agent that began it.
  if (piped && become(prepared.account) && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
      ::getppid() == parent && ::chdir("/") == 0)
    ::execve(prepared.path.c_str(), prepared.argv_pointers.data(), prepared.env_pointers.data());
  const int why = errno;
  [[maybe_unused]] const ssize_t told =
      ::write(prepared.failed.write_end.number(), &why, sizeof why);
  ::_exit(127);
}

// Reads what is there; returns false once the writers are gone. Beyond `bytes_max` it is dropped.
bool drain(int file, std::string& into, std::size_t bytes_max) {
  std::array<char, 65536> block;
  while (true) {
    const ssize_t got = ::read(file, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    const std::size_t room = bytes_max - std::min(bytes_max, into.size());
    into.append(block.data(), std::min(room, static_cast<std::size_t>(got)));
  }
}

// Follows one child to its end or to the deadline; returns whether it ended.
bool follow(Clock& clock, Deadline deadline, int pidfd, const Prepared& prepared, Output& output,
            std::size_t bytes_max) {
  std::array<pollfd, 3> watched{pollfd{pidfd, POLLIN, 0},
                                pollfd{prepared.out.read_end.number(), POLLIN, 0},
                                pollfd{prepared.err.read_end.number(), POLLIN, 0}};
  while (true) {
    const Duration left = deadline.at - clock.now();
    if (left <= Duration::zero()) return false;
    // Rounded up: a poll of zero milliseconds would spin until the deadline.
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kPollMax));
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(pause.count()));
    if (ready <= 0) continue;
    const bool ended = (watched[0].revents & POLLIN) != 0;
    if (!drain(prepared.out.read_end.number(), output.out, bytes_max)) watched[1].fd = -1;
    if (!drain(prepared.err.read_end.number(), output.err, bytes_max)) watched[2].fd = -1;
    // Not the closing of the pipes: a daemon that the program left behind may hold them for ever.
    if (ended) return true;
  }
}

int status_of(int raw) { return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw); }

class RealPrograms final : public Programs {
 public:
  explicit RealPrograms(Clock& clock) : clock_(clock) {}

  Result<Output> run(const Command& command, Deadline deadline) override {
    WEIR_ASSERT(!command.argv.empty());
    if (clock_.passed(deadline))
      return fail(Failure::timed_out, "cannot run " + command.argv[0] + ": no time is left");
    WEIR_TRY(Prepared prepared, prepare(command));
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return system_failure(errno, "cannot start " + prepared.path);
    if (child == 0) be_the_program(prepared, parent);
    ::setpgid(child, child);  // by both sides: whoever is first, the group is there before a kill
    return attend(command, prepared, child, deadline);
  }

 private:
  static Result<Prepared> prepare(const Command& command) {
    Prepared prepared;
    WEIR_TRY(prepared.path, program_at(command.argv[0]));
    WEIR_TRY(prepared.account, account_of(command.user));
    prepared.env = minimal_environment(prepared.account.home, command.env);
    prepared.argv_pointers = pointers_to(command.argv);
    prepared.env_pointers = pointers_to(prepared.env);
    WEIR_TRY(prepared.input, input_of(command.input));
    WEIR_TRY(prepared.out, make_pipe());
    WEIR_TRY(prepared.err, make_pipe());
    WEIR_TRY(prepared.failed, make_pipe());
    // Only our ends: a program whose standard output does not block would lose what it writes.
    ::fcntl(prepared.out.read_end.number(), F_SETFL, O_NONBLOCK);
    ::fcntl(prepared.err.read_end.number(), F_SETFL, O_NONBLOCK);
    return prepared;
  }

  Result<Output> attend(const Command& command, Prepared& prepared, pid_t child,
                        Deadline deadline) {
    const Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    const int no_pidfd = errno;
    prepared.out.write_end.close();
    prepared.err.write_end.close();
    prepared.failed.write_end.close();

    Output output;
    const bool ended = pidfd.open() && follow(clock_, deadline, pidfd.number(), prepared, output,
                                              command.output_max);
    // Before the child is reaped, while its number still belongs to its group.
    ::kill(-child, SIGKILL);
    int raw = 0;
    while (::waitpid(child, &raw, 0) < 0 && errno == EINTR) {
    }
    if (!pidfd.open()) return system_failure(no_pidfd, "cannot watch " + prepared.path);
    int why = 0;
    if (::read(prepared.failed.read_end.number(), &why, sizeof why) == sizeof why)
      return system_failure(why, "cannot run " + prepared.path);
    if (!ended)
      return fail(Failure::timed_out, command.argv[0] + " did not end in time and was stopped: " +
                                          output.err.substr(0, 200));
    output.status = status_of(raw);
    return output;
  }

  Clock& clock_;
};

}  // namespace

std::unique_ptr<Programs> make_real_programs(Clock& clock) {
  return std::make_unique<RealPrograms>(clock);
}

}  // namespace weir
