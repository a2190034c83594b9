// Journals read back, and a recovery's phases read out of them.
#include "cli/history.h"

#include <algorithm>

#include "base/text.h"

namespace weir::cli {

Result<std::vector<Told>> read_history(Session& session, const std::string& service) {
  const std::string prefix = session.keys().journals();
  WEIR_TRY(const auto entries, session.store().list(prefix, session.within(5s)));
  std::vector<Told> out;
  for (const store::Entry& entry : entries) {
    const std::string rest = entry.key.substr(prefix.size());
    const auto json = Json::parse(entry.value);
    if (!json) continue;
    auto read = journal::entry_from(*json);
    if (!read) continue;  // of a newer format: not ours to show
    if (!service.empty() && read->service != service) continue;
    out.push_back({HostName(rest.substr(0, rest.find('/'))), std::move(*read)});
  }
  std::ranges::stable_sort(out, {}, [](const Told& told) { return told.entry.at; });
  return out;
}

namespace {

const Told* first(const std::vector<Told>& history, const std::string& kind, WallTime from,
                  WallTime until, const HostName* host = nullptr) {
  for (const Told& told : history) {
    const bool fits = told.entry.kind == kind && told.entry.at >= from && told.entry.at <= until &&
                      told.entry.outcome == journal::Outcome::done;
    if (fits && (host == nullptr || *host == told.host)) return &told;
  }
  return nullptr;
}

}  // namespace

std::vector<Phase> phases_of(const std::vector<Told>& history, WallTime fault, WallTime until) {
  std::vector<Phase> out;
  WallTime at = fault;
  // A step may go on after the first write was served, and the clocks of two hosts differ.
  const auto mark = [&](const char* name, WallTime end) {
    end = std::min(end, until);
    if (end <= at) return;
    out.push_back({name, end - at});
    at = end;
  };
  const auto over = [](const Told& told) { return told.entry.at + told.entry.took; };
  if (const Told* restart = first(history, "Restart", fault, until)) {
    mark("detect", restart->entry.at);
    mark("restart", over(*restart));
    return out;
  }
  const Told* take = first(history, "Take", fault, until);
  if (take == nullptr) return out;
  if (const Told* round = first(history, "OpenRound", fault, until)) {
    mark("detect", round->entry.at);
    mark("round", over(*round));
  }
  mark("promise", take->entry.at);
  mark("take", over(*take));
  if (const Told* promote = first(history, "Promote", fault, until, &take->host)) {
    mark("promote", over(*promote));
  }
  mark("first write", until);
  return out;
}

}  // namespace weir::cli
