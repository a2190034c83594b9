// The system calls behind ownership, in one place.
#include "engine/postgres/owner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace weir::engine::postgres {
namespace {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

std::optional<User> find_user(const std::string& name) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  if (found == nullptr) return {};
  return User{entry.pw_uid, entry.pw_gid};
}

auto no_user(const std::string& name) {
  return fail(Failure::missing_package, fmt::format("cannot run as {}: no such user", name),
              "apt-get install postgresql-15");
}

}  // namespace

Result<> give_to(const std::string& user, const std::string& path) {
  if (user.empty()) return {};
  const auto owner = find_user(user);
  if (!owner) return no_user(user);
  if (lchown(path.c_str(), owner->uid, owner->gid) != 0) {
    return fail(Failure::denied,
                fmt::format("cannot give {} to {}: {}", path, user, std::strerror(errno)));
  }
  return {};
}

Result<> open_passage(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    return fail(Failure::io, fmt::format("cannot look at {}: {}", path, std::strerror(errno)));
  }
  if ((facts.st_mode & S_IXOTH) != 0) return {};
  if (chmod(path.c_str(), (facts.st_mode & 07777) | S_IXOTH) != 0) {
    return fail(Failure::denied, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  return {};
}

Result<> check_passage(const std::string& user, const std::string& path) {
  if (user.empty()) return {};
  const auto who = find_user(user);
  if (!who) return no_user(user);
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    struct stat facts {};
    if (stat(folder.c_str(), &facts) != 0) {
      return fail(Failure::io, fmt::format("cannot look at {}: {}", folder, std::strerror(errno)));
    }
    const bool enters = facts.st_uid == who->uid   ? (facts.st_mode & S_IXUSR) != 0
                        : facts.st_gid == who->gid ? (facts.st_mode & S_IXGRP) != 0
                                                   : (facts.st_mode & S_IXOTH) != 0;
    if (!enters) {
      return fail(
          Failure::denied,
          fmt::format("cannot keep a server's data under {}: {} cannot enter it", folder, user),
          "chmod o+x " + folder);
    }
  }
  return {};
}

Result<> sync_filesystem_of(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && syncfs(fd) == 0;
  const int why = errno;
  if (fd >= 0) close(fd);
  if (synced) return {};
  return fail(Failure::io, fmt::format("cannot make {} durable: {}", path, std::strerror(why)));
}

std::string own_user() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const int got = getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (got != 0 || found == nullptr) return fmt::format("{}", geteuid());
  return entry.pw_name;
}

}  // namespace weir::engine::postgres
