#include "peer/wire.h"

#include <fmt/format.h>

namespace weir::peer {

int status_of(Failure failure) {
  switch (failure) {
    case Failure::bad_config:
    case Failure::bad_data:
      return 400;
    case Failure::denied:
    case Failure::refused:
      return 403;
    case Failure::not_found:
      return 404;
    case Failure::conflict:
      return 409;
    case Failure::held:
      return 423;
    case Failure::unsupported:
      return 501;
    case Failure::unreachable:
    case Failure::cancelled:
      return 503;
    case Failure::timed_out:
      return 504;
    case Failure::outcome_unknown:
    case Failure::missing_package:
    case Failure::io:
    case Failure::no_space:
    case Failure::drill_void:
    case Failure::objective_breached:
    case Failure::plan_has_changes:
      return 500;
  }
  return 500;
}

Result<Json> answer_from(long status, const std::string& body) {
  auto json = Json::parse(body, kBodyBytesMax);
  if (!json) {
    return fail(Failure::bad_data, fmt::format("the answer is not JSON: {}", json.error().what));
  }
  if (status == 200) return json;
  if (!(*json)["failure"].is_string()) {
    return fail(Failure::bad_data,
                fmt::format("the answer has status {} but names no failure", status));
  }
  return fail(error_from(*json));
}

}  // namespace weir::peer
