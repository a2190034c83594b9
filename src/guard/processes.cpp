// Reads /proc with plain calls: a kill of a whole host must not wait for anything slower.
#include "guard/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "guard/page.h"
#include "world/descriptor.h"

namespace weir::guard {
namespace {

// The first 64 KiB: enough for every line that we read here.
std::string content_of(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return {};
  std::array<char, 65536> content;  // on the stack and not cleared: read ten times a second
  const ssize_t got = ::read(file.number(), content.data(), content.size());
  return {content.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::string proc(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

}  // namespace

std::optional<Process> look_at(pid_t pid) {
  const std::string stat = content_of(proc(pid, "stat"));
  // The name, field 2, may hold blanks and parentheses: fields are counted from its last one.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return std::nullopt;
  constexpr std::size_t kState = 0, kParent = 1, kSession = 3, kStart = 19;
  std::array<const char*, kStart + 1> fields{};
  const char* field = stat.c_str() + name_end + 2;
  for (const char*& at : fields) {
    at = field;
    if (&at == &fields.back()) break;
    field = std::strchr(field, ' ');
    if (field == nullptr) return std::nullopt;
    ++field;
  }
  if (*fields[kState] == 'Z' || *fields[kState] == 'X') return std::nullopt;
  return Process{pid, std::atoi(fields[kParent]), std::atoi(fields[kSession]),
                 std::atoll(fields[kStart])};
}

std::vector<Process> all_processes() {
  std::vector<Process> found;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return found;
  while (const dirent* entry = ::readdir(folder)) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto read = std::from_chars(entry->d_name, end, pid);
    if (read.ec != std::errc() || read.ptr != end) continue;
    if (const std::optional<Process> process = look_at(pid)) found.push_back(*process);
  }
  ::closedir(folder);
  return found;
}

bool is_alive(pid_t pid, std::int64_t start_time) {
  if (pid <= 0) return false;
  const std::optional<Process> process = look_at(pid);
  return process && process->start_time == start_time;
}

// A pidfd can be read once its process has ended, reaped or not.
bool HeldProcess::is_alive(pid_t pid, std::int64_t start_time) {
  if (held_.open() && pid == pid_ && start_time == start_time_) {
    pollfd entry{held_.number(), POLLIN, 0};
    const int ended = ::poll(&entry, 1, 0);
    if (ended >= 0) return ended == 0;
  }
  // Before the look: what it then finds to be this process is what the descriptor holds.
  held_ = Descriptor(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
  pid_ = pid;
  start_time_ = start_time;
  const bool lives = guard::is_alive(pid, start_time);
  if (!lives) held_.close();
  return lives;
}

std::string working_folder_of(pid_t pid) {
  std::array<char, 4096> target;
  const ssize_t length = ::readlink(proc(pid, "cwd").c_str(), target.data(), target.size());
  if (length <= 0) return {};
  std::string folder(target.data(), static_cast<std::size_t>(length));
  // A removed folder is still what its processes hold.
  constexpr std::string_view kRemoved = " (deleted)";
  if (folder.ends_with(kRemoved)) folder.resize(folder.size() - kRemoved.size());
  return folder;
}

std::vector<std::string> arguments_of(pid_t pid) {
  std::string line = content_of(proc(pid, "cmdline"));
  if (line.empty()) return {};
  if (line.back() == '\0') line.pop_back();
  return split(line, '\0');
}

std::string page_of_guard(pid_t pid) {
  const std::vector<std::string> arguments = arguments_of(pid);
  return arguments.size() > 1 && arguments[0] == WEIR_GUARD_NAME ? arguments[1] : std::string();
}

std::set<pid_t> with_descendants(const std::vector<Process>& processes, std::set<pid_t> roots) {
  // Until nothing is added: a child may stand before its parent in the listing.
  for (bool grown = true; grown;) {
    grown = false;
    for (const Process& process : processes) {
      if (roots.contains(process.parent) && roots.insert(process.pid).second) grown = true;
    }
  }
  return roots;
}

bool send_signal(pid_t pid, std::int64_t start_time, int signal) {
  const Descriptor held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!held.open() || !is_alive(pid, start_time)) return false;
  return ::syscall(SYS_pidfd_send_signal, held.number(), signal, nullptr, 0) == 0;
}

// Asked at every look at a server; no process sees two boots.
std::string boot_id() {
  static const std::string id = trim(content_of("/proc/sys/kernel/random/boot_id"));
  return id;
}

}  // namespace weir::guard
