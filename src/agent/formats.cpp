#include "agent/formats.h"

#include <algorithm>

#include "journal/journal.h"

namespace weir::agent {

Json Formats::own() { return Json::object().set("journal", journal::kFormat); }

void Formats::learn(const HostName& host, const Json& told, Instant now) {
  const Json& reads = told["reads"]["journal"];
  const std::int64_t format = reads.is_integer() ? reads.integer() : journal::kFormatBefore;
  // A newer one reads ours too; of what it reads besides we know nothing.
  readers_[host] = {
      static_cast<int>(std::clamp<std::int64_t>(format, journal::kFormatBefore, journal::kFormat)),
      now};
}

int Formats::journal(Instant now) const {
  int lowest = journal::kFormat;
  bool heard = false;
  for (const auto& [host, reader] : readers_) {
    if (now - reader.heard > kAgentLives) continue;
    heard = true;
    lowest = std::min(lowest, reader.journal);
  }
  return heard ? lowest : journal::kFormatBefore;
}

}  // namespace weir::agent
