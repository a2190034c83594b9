// Errors as values: everything that the world may do to us comes back as a Result.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "base/here.h"

namespace weir {

// A name exists only where some caller reacts to it differently.
enum class Failure {
  bad_config,          // the operator's text is wrong; nothing was done
  not_found,           // the thing named does not exist
  unreachable,         // the other side refused or could not be reached; nothing was done
  timed_out,           // the deadline passed before an effect could have begun
  outcome_unknown,     // it may or may not have happened: look again before acting again
  conflict,            // a compare-and-set lost: read again
  refused,             // a guard, a promise or a rule refuses this (exit code 4)
  held,                // a lock or claim is held by somebody else (exit code 5)
  denied,              // identity: certificate, password or file permission
  bad_data,            // what we read is damaged, of another version, or not ours
  missing_package,     // a program that we need is not installed
  io,                  // the disk or the operating system failed
  no_space,            // the disk is full: only space helps, and trying another way does not
  cancelled,           // the user or a stop asked us to end
  drill_void,          // a drill that proves nothing
  objective_breached,  // measured worse than the objective (exit code 3)
  plan_has_changes,    // not an error: exit code 2 was asked for
  unsupported,         // the file asks for what this version does not do
};

const char* name_of(Failure failure);
// The failure named by `text`; Failure::bad_data for a name that this version does not know.
Failure failure_named(const std::string& text);

struct Error {
  Failure failure = Failure::io;
  std::string what;  // lower case, no full stop: what could not be done, then why; never a secret
  std::string hint;  // the next command to type, or empty
  Here where = {};
};

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(Failure failure, std::string what, std::string hint = {},
                                  Here where = Here::now()) {
  return tl::unexpected<Error>(Error{failure, std::move(what), std::move(hint), where});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace weir

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)

// WEIR_TRY(const X x, call()) names the value; WEIR_TRY_(call()) is for a Result<> without one.
// Either returns the error to our caller. Not usable inside a lambda that deduces another type.
#define WEIR_TRY(declaration, ...)                                         \
  auto WEIR_CONCAT(tried_, __LINE__) = (__VA_ARGS__);                      \
  if (!WEIR_CONCAT(tried_, __LINE__))                                      \
    return ::weir::fail(std::move(WEIR_CONCAT(tried_, __LINE__)).error()); \
  declaration = std::move(*WEIR_CONCAT(tried_, __LINE__))

#define WEIR_TRY_(...)                                                                     \
  do {                                                                                     \
    if (auto tried = (__VA_ARGS__); !tried) return ::weir::fail(std::move(tried).error()); \
  } while (false)
