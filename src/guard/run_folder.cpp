// Sockets and pages lie in a folder that others may see: who owns it is checked before each use.
#include "guard/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "guard/guard.h"
#include "world/real.h"
#include "world/system_failure.h"

namespace weir::guard {
namespace {

constexpr std::size_t kRunBytesMax = 40;
constexpr std::size_t kSocketPathBytesMax = 107;
// The longest name that an engine gives its socket: Postgres's, with a port of five digits.
constexpr std::string_view kLongestSocket = "/.s.PGSQL.65535";
constexpr std::string_view kPageEnding = ".guard";

Result<> make_own_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return system_failure(errno, "cannot make the folder " + path);
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.open()) {
    if (errno == ENOTDIR || errno == ELOOP)
      return fail(Failure::denied, "cannot use " + path + ": it is not a folder or it is a link");
    return system_failure(errno, "cannot open the folder " + path);
  }
  struct stat seen {};
  if (::fstat(folder.number(), &seen) != 0)
    return system_failure(errno, "cannot look at the folder " + path);
  if (seen.st_uid != ::geteuid())
    return fail(Failure::denied, "cannot use " + path + ": it belongs to another user");
  const bool as_root = seen.st_uid == 0;
  if ((seen.st_mode & (as_root ? 0022 : 0077)) != 0)
    return fail(Failure::denied, "cannot use " + path + ": other users may change what is in it",
                as_root ? "chmod 711 " + path : "chmod 700 " + path);
  // As root, servers of another user pass through our folders to their sockets.
  if (as_root && (seen.st_mode & 0001) == 0 && ::fchmod(folder.number(), 0711) != 0)
    return system_failure(errno, "cannot set the mode of " + path);
  return {};
}

Result<> make_socket_folder(const std::string& path, const Account& owner) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return system_failure(errno, "cannot make the folder " + path);
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.open()) return system_failure(errno, "cannot open the folder " + path);
  if (::geteuid() == 0 && ::fchown(folder.number(), owner.uid, owner.gid) != 0)
    return system_failure(errno, "cannot give " + path + " to the server's user");
  return {};
}

bool is_name(const std::string& part) {
  if (part.empty() || part[0] == '.') return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

}  // namespace

Result<> check_run(const std::string& run) {
  if (!starts_with(run, "/") || run == "/")
    return fail(Failure::bad_config, "cannot use '" + run + "' as WEIR_RUN: it is not a full path");
  if (run.size() > kRunBytesMax)
    return fail(Failure::bad_config, "cannot use " + run + " as WEIR_RUN: it is longer than " +
                                         std::to_string(kRunBytesMax) +
                                         " bytes and socket paths end at " +
                                         std::to_string(kSocketPathBytesMax));
  return make_own_folder(run);
}

Result<RunPaths> paths_of(const std::string& run, const std::string& name) {
  const std::vector<std::string> parts = split(name, '/');
  if (parts.size() != 3 || !std::all_of(parts.begin(), parts.end(), is_name))
    return fail(Failure::bad_config, "'" + name + "' is not FLEET/HOST/SERVICE-MEMBER");
  const std::string base = run + "/" + name;
  RunPaths paths{run + "/" + parts[0] + "/" + parts[1], base + std::string(kPageEnding),
                 base + ".lock", base + ".s"};
  const std::size_t longest = paths.sockets.size() + kLongestSocket.size();
  if (longest > kSocketPathBytesMax)
    return fail(Failure::bad_config, "cannot run " + name + ": the path of its socket below " +
                                         run + " would have " + std::to_string(longest) +
                                         " bytes and must have at most " +
                                         std::to_string(kSocketPathBytesMax));
  return paths;
}

Result<> make_run_folders(const std::string& run, const std::string& name, const Account& owner) {
  WEIR_TRY(const RunPaths paths, paths_of(run, name));
  WEIR_TRY_(make_own_folder(run));
  WEIR_TRY_(make_own_folder(run + "/" + split(name, '/').front()));
  WEIR_TRY_(make_own_folder(paths.folder));
  return make_socket_folder(paths.sockets, owner);
}

Result<Descriptor> take_lock(Clock& clock, const std::string& path, Deadline deadline) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.open()) return system_failure(errno, "cannot open the lock " + path);
  const auto taken = [&] { return ::flock(file.number(), LOCK_EX | LOCK_NB) == 0; };
  if (!poll_until(clock, deadline, 2ms, taken))
    return fail(Failure::held, "cannot take " + path + ": another process holds it");
  return file;
}

std::vector<std::string> inventory(const std::string& run, const std::string& fleet_and_host) {
  std::vector<std::string> names;
  const Result<std::vector<std::string>> files =
      make_real_files()->list(run + "/" + fleet_and_host);
  if (!files) return names;
  for (const std::string& file : *files) {
    if (!file.ends_with(kPageEnding)) continue;
    names.push_back(fleet_and_host + "/" + file.substr(0, file.size() - kPageEnding.size()));
  }
  return names;
}

}  // namespace weir::guard
