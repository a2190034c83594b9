// Pieces of log files: read here, or by the agent of the host that has them.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/place.h"
#include "peer/peer.h"

namespace weir::cli {

struct LogPart {
  std::string text;        // whole lines, where the file has them
  std::int64_t until = 0;  // where the next part begins
};
constexpr std::int64_t kLogPartMax = 256 * 1024;

// From byte `from` on, at most kLogPartMax; without `from`, the end of the file. A file that has
// become shorter is read from its beginning: it was replaced. not_found if there is none.
Result<LogPart> read_log(const std::string& path, std::optional<std::int64_t> from);

// Where a member's server writes, and what its host's agent and supervisor wrote for it.
std::string server_log(const Place& place, const HostName& host, const std::string& member);
std::string agent_log(const Place& place, const HostName& host);

Json to_json(const LogPart& part);
LogPart log_part_from(const Json& json);

// The agent's side of POST /log {"which": "server" | "agent", "service", "member", "from"}: only
// the operator is answered, and only of this host.
Result<Json> answer_log(const Place& place, const HostName& host, const peer::Request& request);

}  // namespace weir::cli
