// Passwords that nobody sees, and references to those that the operator keeps elsewhere.
#include <cstdlib>
#include <string_view>

#include "access/access.h"
#include "base/text.h"

#include <fmt/format.h>

namespace weir::access {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kPasswordLength = 24;

Result<std::string> from_environment(const std::string& reference, const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    return fail(Failure::not_found,
                fmt::format("cannot resolve {}: the variable is not set on this host", reference),
                fmt::format("export {}=...", name));
  }
  return std::string(value);
}

Result<std::string> from_file(Files& files, const std::string& reference, const std::string& path) {
  if (!starts_with(path, "/")) {
    return fail(Failure::bad_config,
                fmt::format("cannot resolve {}: the path must be absolute", reference));
  }
  auto value = files.read(path);
  if (!value) {
    return fail(value.error().failure,
                fmt::format("cannot resolve {}: {}", reference, value.error().what),
                value.error().hint);
  }
  // Editors end a file with a newline that is no part of the secret.
  if (value->ends_with('\n')) value->pop_back();
  if (value->ends_with('\r')) value->pop_back();
  if (value->empty()) {
    return fail(Failure::not_found, fmt::format("cannot resolve {}: the file is empty", reference));
  }
  return std::move(*value);
}

}  // namespace

std::string new_password(Random& random) {
  std::string password;
  while (password.size() < kPasswordLength) {
    std::uint64_t word = random.next();
    for (int i = 0; i < 10 && password.size() < kPasswordLength; ++i, word >>= 6) {
      // 62 and 63 are thrown away, so that every character stays equally likely.
      const std::size_t at = word & 63;
      if (at < kAlphabet.size()) password += kAlphabet[at];
    }
  }
  return password;
}

Result<std::string> resolve(Files& files, const std::string& reference) {
  if (starts_with(reference, "env:") && reference.size() > 4) {
    return from_environment(reference, reference.substr(4));
  }
  if (starts_with(reference, "file:") && reference.size() > 5) {
    return from_file(files, reference, reference.substr(5));
  }
  // The text is not repeated: somebody may have written the secret itself.
  return fail(Failure::bad_config,
              "cannot resolve a reference: it is neither env:NAME nor file:PATH");
}

}  // namespace weir::access
