// The guard's program is carried in this binary and run from a memory file: nothing that could be
// replaced on disk meanwhile, and no file of the build is ever executed by a server's user.
#include "guard/start_guard.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "guard/page.h"
#include "world/child.h"
#include "world/system_failure.h"

extern "C" {
extern const char weir_guard_image[];
extern const char weir_guard_image_end[];
}

namespace weir::guard {
namespace {

// Of kernel 6.3; older ones refuse the flag and need none.
constexpr unsigned kMemoryFileMayBeRun = 0x10;

Result<Descriptor> guard_program() {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  Descriptor file(::memfd_create(WEIR_GUARD_NAME, flags | kMemoryFileMayBeRun));
  if (!file.open() && errno == EINVAL) file = Descriptor(::memfd_create(WEIR_GUARD_NAME, flags));
  if (!file.open()) return system_failure(errno, "cannot make the guard's program");
  std::string_view rest(weir_guard_image,
                        static_cast<std::size_t>(weir_guard_image_end - weir_guard_image));
  while (!rest.empty()) {
    const ssize_t written = ::write(file.number(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure(errno, "cannot make the guard's program");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  ::fcntl(file.number(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

}  // namespace

Result<> start_guard(const std::string& page, const Descriptor& lock,
                     const std::vector<std::string>& arguments,
                     const std::vector<std::string>& env) {
  WEIR_TRY(const Descriptor program, guard_program());
  std::vector<std::string> argv{WEIR_GUARD_NAME, page, std::to_string(lock.number())};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::vector<char*> argv_pointers = pointers_to(argv);
  const std::vector<char*> env_pointers = pointers_to(env);
  const Account ourselves;  // the guard stays what we are; its server takes the account

  int failed[2];
  if (::pipe2(failed, O_CLOEXEC) != 0) return system_failure(errno, "cannot make a pipe");
  const Descriptor failed_read(failed[0]);
  Descriptor failed_write(failed[1]);
  const pid_t child = ::fork();
  if (child < 0) return system_failure(errno, "cannot start a guard");
  if (child == 0) {
    if (become(ourselves) && ::fcntl(lock.number(), F_SETFD, 0) == 0)
      ::fexecve(program.number(), argv_pointers.data(), env_pointers.data());
    const int why = errno;
    [[maybe_unused]] const ssize_t told = ::write(failed[1], &why, sizeof why);
    ::_exit(127);
  }
  failed_write.close();
  int why = 0;
  ssize_t got = 0;
  do {
    got = ::read(failed_read.number(), &why, sizeof why);
  } while (got < 0 && errno == EINTR);
  // The child has detached the guard and ends by itself, at once.
  int raw = 0;
  while (::waitpid(child, &raw, 0) < 0 && errno == EINTR) {
  }
  if (got == sizeof why) return system_failure(why, "cannot start a guard");
  if (!WIFEXITED(raw) || WEXITSTATUS(raw) != 0)
    return fail(Failure::io, "cannot start a guard over " + page + ": it ended with status " +
                                 std::to_string(WIFEXITED(raw) ? WEXITSTATUS(raw) : 128));
  return {};
}

}  // namespace weir::guard
