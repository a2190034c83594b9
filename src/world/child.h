// What a child process needs before its exec: made while everything is still allowed, because
// between fork and exec of a process with threads hardly anything is.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// A user of this machine as the kernel wants it.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;
  bool ourselves = true;  // no switch is needed
};
// An empty name is ourselves. not_found: no such user; denied: another one and we are not root.
Result<Account> account_of(const std::string& user);

// The full path of a program. missing_package if there is none, with the install command where
// the path tells it.
Result<std::string> program_at(const std::string& argv0);

// PATH, LANG=C, TZ=UTC and HOME; `added` (NAME=VALUE) comes on top and replaces by name.
std::vector<std::string> minimal_environment(const std::string& home,
                                             const std::vector<std::string>& added);

// Pointers into `texts`, ended by a null, for execve.
std::vector<char*> pointers_to(const std::vector<std::string>& texts);

// In the child, allocates nothing: default signals, none blocked, descriptors above 2 closed at
// the exec, then the account. Returns false, with errno, if the account cannot be taken.
bool become(const Account& account);

}  // namespace weir
