// Journals read back, and a recovery's phases read out of them.
#include "cli/history.h"

#include <algorithm>

#include "base/quantity.h"
#include "base/text.h"

namespace weir::cli {

namespace {

constexpr Duration kStoreLimit = 5s;
constexpr Duration kAgentLimit = 2s;
constexpr int kJournalMost = 500;

void take(std::vector<Told>& out, const HostName& host, const Json& json,
          const std::string& service) {
  auto read = journal::entry_from(json);
  if (!read) return;  // of a newer format: not ours to show
  if (!service.empty() && read->service != service) return;
  out.push_back({host, std::move(*read)});
}

void sort(std::vector<Told>& history) {
  std::ranges::stable_sort(history, {}, [](const Told& told) { return told.entry.at; });
}

}  // namespace

Result<std::vector<Told>> read_history(Session& session, const std::string& service) {
  const std::string prefix = session.keys().journals();
  WEIR_TRY(const auto entries, session.store().list(prefix, session.within(kStoreLimit)));
  std::vector<Told> out;
  for (const store::Entry& entry : entries) {
    const std::string rest = entry.key.substr(prefix.size());
    const auto json = Json::parse(entry.value);
    if (json) take(out, HostName(rest.substr(0, rest.find('/'))), *json, service);
  }
  sort(out);
  return out;
}

std::vector<Told> read_history(Session& session, const Known& known, const std::string& service) {
  if (known.store_away.empty()) {
    if (auto read = read_history(session, service)) return std::move(*read);
  }
  std::vector<Told> out;
  for (const auto& [host, told] :
       ask_agents(session, session.facts().hosts, "/journal",
                  Json::object().set("count", kJournalMost), kAgentLimit)) {
    for (const Json& entry : told["entries"].items()) take(out, host, entry, service);
  }
  sort(out);
  return out;
}

std::vector<Told> filtered(std::vector<Told> history, const Options& options, WallTime now) {
  std::erase_if(history, [&](const Told& told) {
    const bool old = options.since && told.entry.at < now - *options.since;
    return old || (!options.step.empty() && told.entry.kind != options.step);
  });
  const auto most = static_cast<std::size_t>(options.limit);
  if (history.size() > most) {
    history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(most));
  }
  return history;
}

Listing listing_of(const std::vector<Told>& history) {
  Listing out{"event",
              {"AT", "SERVICE", "HOST", "STEP", "OUTCOME", "TOOK", "BECAUSE"},
              {"CAPABILITY", "NUMBER"},
              {}};
  for (const Told& told : history) {
    const journal::Entry& entry = told.entry;
    const bool open = entry.outcome == journal::Outcome::open;
    out.rows.push_back({told.host.text + "/" + std::to_string(entry.number),
                        {show(entry.at), entry.service, told.host.text, entry.kind,
                         name_of(entry.outcome), open ? "unknown" : show(entry.took),
                         entry.because + (entry.detail.empty() ? "" : " (" + entry.detail + ")")},
                        {entry.capability, std::to_string(entry.number)},
                        journal::to_json(entry).set("host", told.host.text)});
  }
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
