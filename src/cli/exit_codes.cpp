// Exit codes as design.md has them.
#include "cli/exit_codes.h"

namespace weir::cli {
namespace {

constexpr int kError = 1;
constexpr ExitCode kCodes[] = {
    {0, {}, "it is done"},
    {kError, {}, "an error: nothing was done, or what was done is told"},
    {2, Failure::plan_has_changes, "the plan has changes (plan --detailed-exitcode)"},
    {3, Failure::objective_breached, "measured worse than the objective"},
    {4, Failure::refused, "a guard, a promise or a rule of safety refuses this"},
    {5, Failure::held, "a lock or a claim is held by somebody else"},
    {124, Failure::timed_out, "the time was up (--timeout, or a limit of weir's own)"},
    {130, Failure::cancelled, "interrupted; the same command goes on from there"},
};

}  // namespace

std::span<const ExitCode> exit_codes() { return kCodes; }

int exit_code(Failure failure) {
  for (const ExitCode& row : kCodes) {
    if (row.failure == failure) return row.code;
  }
  return kError;
}

}  // namespace weir::cli
