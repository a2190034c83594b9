// How weir ends: one table for the process, `weir explain exit-codes` and docs/cli.md.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"

namespace weir::cli {

struct ExitCode {
  int code;
  std::optional<Failure> failure;  // which failure ends so; none: 0, and 1 for all others
  const char* meaning;
};
std::span<const ExitCode> exit_codes();
int exit_code(Failure failure);

}  // namespace weir::cli
