// Accounts, paths and environments of the programs that we start.
#include "world/child.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

// After the POSIX headers: it brings close_range's flags.
#include <linux/close_range.h>

#include <cerrno>

#include "base/text.h"
#include "world/system_failure.h"

namespace weir {
namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view kPostgresFolder = "/usr/lib/postgresql/";

Result<Account> read_account(const std::string& user, uid_t uid) {
  std::vector<char> space(16384);
  passwd entry{};
  passwd* found = nullptr;
  const int error = user.empty()
                        ? ::getpwuid_r(uid, &entry, space.data(), space.size(), &found)
                        : ::getpwnam_r(user.c_str(), &entry, space.data(), space.size(), &found);
  if (error != 0) return system_failure(error, "cannot look up the user " + user);
  if (found == nullptr) return fail(Failure::not_found, "there is no user " + user);
  Account account{entry.pw_uid, entry.pw_gid, {}, entry.pw_dir, entry.pw_uid == ::geteuid()};
  int count = 64;
  account.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(entry.pw_name, entry.pw_gid, account.groups.data(), &count) < 0)
    return fail(Failure::io, "cannot read the groups of " + user + ": more than 64");
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::string hint_for(const std::string& path) {
  if (!starts_with(path, kPostgresFolder)) return {};
  const std::vector<std::string> parts = split(path.substr(kPostgresFolder.size()), '/');
  return "apt-get install postgresql-" + parts.front();
}

bool is_program(const std::string& path) {
  struct stat seen {};
  return ::stat(path.c_str(), &seen) == 0 && S_ISREG(seen.st_mode) && (seen.st_mode & 0111) != 0;
}

}  // namespace

Result<Account> account_of(const std::string& user) {
  if (user.empty()) {
    Result<Account> own = read_account({}, ::geteuid());
    // A container may run us under a number without a name.
    if (!own) return Account{::geteuid(), ::getegid(), {}, "/", true};
    own->ourselves = true;
    return own;
  }
  WEIR_TRY(Account account, read_account(user, 0));
  if (!account.ourselves && ::geteuid() != 0)
    return fail(Failure::denied, "cannot run a program as " + user + ": only root may");
  return account;
}

Result<std::string> program_at(const std::string& argv0) {
  if (argv0.find('/') != std::string::npos) {
    if (is_program(argv0)) return argv0;
  } else {
    for (const std::string& folder : split(kPath, ':')) {
      if (const std::string path = folder + "/" + argv0; is_program(path)) return path;
    }
  }
  return fail(Failure::missing_package, "cannot run " + argv0 + ": it is not installed",
              hint_for(argv0));
}

std::vector<std::string> minimal_environment(const std::string& home,
                                             const std::vector<std::string>& added) {
  std::vector<std::string> all{std::string("PATH=") + kPath, "LANG=C", "TZ=UTC",
                               "HOME=" + (home.empty() ? "/" : home)};
  for (const std::string& entry : added) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(all, [&](const std::string& old) { return starts_with(old, name); });
    all.push_back(entry);
  }
  return all;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execve takes char* for history's sake and writes to none of them.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

bool become(const Account& account) {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (account.ourselves) return true;
  return ::setgroups(account.groups.size(), account.groups.data()) == 0 &&
         ::setgid(account.gid) == 0 && ::setuid(account.uid) == 0;
}

}  // namespace weir
