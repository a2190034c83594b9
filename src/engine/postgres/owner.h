// Ownership of files: as root, weir's servers run as the package's user, and what they read or
// write has to be theirs. Without a server user (we are no root) nothing is ever to be done.
#pragma once

#include <string>

#include "base/result.h"

namespace weir::engine::postgres {

constexpr int kReloadSignal = 1;     // SIGHUP
constexpr int kFastSignal = 2;       // SIGINT
constexpr int kImmediateSignal = 3;  // SIGQUIT

// Makes `path` (no link followed) belong to `user`; empty: nothing to do. missing_package if the
// user does not exist: the server's package brings it.
Result<> give_to(const std::string& user, const std::string& path);
// Lets others pass through a folder of ours, without listing it (o+x).
Result<> open_passage(const std::string& path);
// Whether `user` can reach `path` through all its parents; names the first that he cannot enter.
Result<> check_passage(const std::string& user, const std::string& path);
// Makes everything under `path` durable at once, by its whole filesystem: initdb's and
// pg_basebackup's own way, file by file, takes seconds on a busy disk.
Result<> sync_filesystem_of(const std::string& path);
// The name of the operating system's user that we are.
std::string own_user();

}  // namespace weir::engine::postgres
