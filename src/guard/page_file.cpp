// Pages are copied out by read: memory that a guard writes at any time is nothing to point into.
#include "guard/page_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "guard/processes.h"
#include "world/descriptor.h"
#include "world/system_failure.h"

namespace weir::guard {

Result<weir_guard_page> read_page(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.open()) return system_failure(errno, "cannot read " + path);
  weir_guard_page page{};
  const ssize_t got = ::read(file.number(), &page, sizeof page);
  if (got != sizeof page || std::memcmp(page.magic, WEIR_GUARD_MAGIC, sizeof page.magic) != 0)
    return fail(Failure::bad_data, "cannot read " + path + ": it is not the page of a guard");
  // The guard of an earlier version is still at work: its page lacks only what is zero in it.
  if (page.format != WEIR_GUARD_FORMAT && page.format != WEIR_GUARD_FORMAT_BEFORE)
    return fail(Failure::bad_data, "cannot read " + path + ": it is of another version of weir");
  page.boot_id[sizeof page.boot_id - 1] = '\0';
  page.folder[sizeof page.folder - 1] = '\0';
  if (boot_id() != page.boot_id)
    return fail(Failure::not_found, path + " was written before the machine was booted");
  return page;
}

Result<> put_fresh_page(const std::string& path, const std::string& folder, Instant deadline,
                        const ServerSpec& spec) {
  weir_guard_page page{};
  std::memcpy(page.magic, WEIR_GUARD_MAGIC, sizeof WEIR_GUARD_MAGIC);
  page.format = WEIR_GUARD_FORMAT;
  page.phase = WEIR_GUARD_STARTING;
  page.exit_status = -1;
  page.deadline = deadline.time_since_epoch().count();
  page.fast_signal = spec.fast_signal;
  page.immediate_signal = spec.immediate_signal;
  std::snprintf(page.boot_id, sizeof page.boot_id, "%s", boot_id().c_str());
  if (folder.size() >= sizeof page.folder)
    return fail(Failure::bad_config,
                "cannot guard a server in " + folder + ": the path is too long");
  std::snprintf(page.folder, sizeof page.folder, "%s", folder.c_str());

  // Only under the lock of this server, so the name needs no number.
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Descriptor file(::open(fresh.c_str(), flags, 0600));
  if (!file.open()) return system_failure(errno, "cannot make " + fresh);
  if (::write(file.number(), &page, sizeof page) != sizeof page)
    return system_failure(errno, "cannot write " + fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return system_failure(errno, "cannot replace " + path);
  return {};
}

}  // namespace weir::guard
