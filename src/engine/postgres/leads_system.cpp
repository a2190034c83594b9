// A receiver is recognised by its title; between fork and title it still shows the postmaster's
// own command line, and may be anything.
#include "engine/postgres/leads_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace weir::engine::postgres {
namespace {

std::string read_small(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[4096];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

struct Stat {
  char state = '?';
  std::int64_t parent = 0;
};

// The name in the second field may hold blanks and brackets; what follows its last bracket may not.
std::optional<Stat> stat_of(std::int64_t pid) {
  const std::string stat = read_small(fmt::format("/proc/{}/stat", pid));
  const std::size_t close = stat.rfind(')');
  if (close == std::string::npos || close + 4 >= stat.size()) return std::nullopt;
  return Stat{stat[close + 2], std::atoll(stat.c_str() + close + 4)};
}

std::string title_of(std::int64_t pid) { return read_small(fmt::format("/proc/{}/cmdline", pid)); }

// "postgres: CLUSTER: walreceiver streaming 0/3000148"; a client's session shows its role there.
bool is_receiver(const std::string& title) {
  constexpr std::string_view kServer = "postgres: ";
  constexpr std::string_view kReceiver = "walreceiver";
  if (!title.starts_with(kServer)) return false;
  const std::string_view rest = std::string_view(title).substr(kServer.size());
  const std::size_t colon = rest.find(": ");
  return rest.starts_with(kReceiver) ||
         (colon != std::string_view::npos && rest.substr(colon + 2).starts_with(kReceiver));
}

}  // namespace

Result<Receivers> receivers_of(std::int64_t postmaster) {
  const std::string own_title = title_of(postmaster);
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), &::closedir);
  if (!processes) {
    return fail(Failure::io, fmt::format("cannot read /proc: {}", std::strerror(errno)));
  }
  Receivers out;
  while (const dirent* entry = ::readdir(processes.get())) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    const std::optional<Stat> stat = stat_of(pid);
    if (!stat || stat->parent != postmaster || stat->state == 'Z' || stat->state == 'X') continue;
    const std::string title = title_of(pid);
    if (is_receiver(title)) {
      out.pids.push_back(pid);
    } else if (title.empty() || title == own_title) {
      // An empty title is a child that is just ending or beginning.
      out.unnamed = true;
    }
  }
  return out;
}

void end_receiver(std::int64_t postmaster, int pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return;
  // Looked at again with the descriptor held: from here on the pid cannot be another process.
  const std::optional<Stat> stat = stat_of(pid);
  if (stat && stat->parent == postmaster) {
    ::syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0);
  }
  ::close(static_cast<int>(fd));
}

Result<> flush_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) return {};
  const bool flushed = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!flushed) {
    return fail(Failure::io, fmt::format("cannot flush {}: {}", path, std::strerror(error)));
  }
  return {};
}

}  // namespace weir::engine::postgres
