// What both sides of the peer port agree on: limits, and how an Error travels.
#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace weir::peer {

constexpr std::size_t kBodyBytesMax = 16u << 20;

// The HTTP status under which an Error answers; never 200. Only people and proxies read it: weir
// itself reads the failure's name from the body.
int status_of(Failure failure);

// The result of a call from the other side's answer. bad_data if it is not what a peer says.
Result<Json> answer_from(long status, const std::string& body);

}  // namespace weir::peer
