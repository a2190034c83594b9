// A guard asks nobody and takes no lock, so it is told through its page and woken by a signal.
#include "guard/deadline.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "guard/processes.h"
#include "world/descriptor.h"
#include "world/system_failure.h"

namespace weir::guard {

Result<std::uint64_t> give_deadline(const std::string& path, Instant deadline) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file.open()) return system_failure(errno, "cannot write " + path);
  struct stat seen {};
  if (::fstat(file.number(), &seen) != 0 || seen.st_size != sizeof(weir_guard_page))
    return fail(Failure::bad_data, "cannot write " + path + ": it is not the page of a guard");
  void* memory = ::mmap(nullptr, sizeof(weir_guard_page), PROT_READ | PROT_WRITE, MAP_SHARED,
                        file.number(), 0);
  if (memory == MAP_FAILED) return system_failure(errno, "cannot write " + path);
  auto* page = static_cast<weir_guard_page*>(memory);
  const bool knows = page->format == WEIR_GUARD_FORMAT;
  std::uint64_t asked = 0;
  if (knows) {
    // The deadline first: whoever sees the asking sees it, too.
    __atomic_store_n(&page->deadline, deadline.time_since_epoch().count(), __ATOMIC_RELEASE);
    asked = __atomic_add_fetch(&page->asked, 1, __ATOMIC_ACQ_REL);
    send_signal(static_cast<pid_t>(__atomic_load_n(&page->guard_pid, __ATOMIC_ACQUIRE)),
                page->guard_start, SIGUSR1);
  }
  ::munmap(memory, sizeof(weir_guard_page));
  if (!knows) return fail(Failure::unsupported, "the guard of " + path + " holds no deadlines");
  return asked;
}

Instant deadline_held(const weir_guard_page& page) {
  const bool known = page.format == WEIR_GUARD_FORMAT && page.answered == page.asked;
  return known ? Instant(Duration(page.deadline)) : Instant{};
}

}  // namespace weir::guard
