// The system's own words, in our grammar.
#include "world/system_failure.h"

#include <cctype>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

Failure failure_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Failure::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Failure::denied;
    case ECONNREFUSED:
      return Failure::unreachable;
    case ENOSPC:
    case EDQUOT:
      return Failure::no_space;
    default:
      return Failure::io;
  }
}

std::string hint_for(int error_number) {
  if (error_number == ENOSPC || error_number == EDQUOT) return "df -h";
  return {};
}

}  // namespace

tl::unexpected<Error> system_failure(int error_number, const std::string& what, Here where) {
  // strerrordesc_np, unlike strerror, is safe on every thread and never translated.
  const char* words = strerrordesc_np(error_number);
  std::string reason = words != nullptr ? words : "error " + std::to_string(error_number);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  if (error_number == EDQUOT) reason = "no space left in the quota";
  return fail(failure_of(error_number), what + ": " + reason, hint_for(error_number), where);
}

}  // namespace weir
