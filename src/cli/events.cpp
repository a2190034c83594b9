// weir events [SERVICE]: what the agents did, and the sentence for it.
#include <fmt/format.h>

#include "base/quantity.h"
#include "cli/history.h"
#include "cli/verbs.h"

namespace weir::cli {

Result<> events(Session& session) {
  WEIR_TRY_(session.open());
  WEIR_TRY_(session.wake_store());
  WEIR_TRY(std::vector<Told> history, read_history(session, session.options().service));
  const auto most = static_cast<std::size_t>(session.options().limit);
  if (history.size() > most) {
    history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(most));
  }
  if (session.wants_json()) {
    Json all = Json::array();
    for (const Told& told : history) {
      all.add(journal::to_json(told.entry).set("host", told.host.text));
    }
    session.print_json(Json::object().set("format", 1).set("events", all));
    return {};
  }
  std::string text = fmt::format("{:<24} {:<8} {:<5} {:<16} {:<8} {:<8} {}\n", "AT", "SERVICE",
                                 "HOST", "STEP", "OUTCOME", "TOOK", "BECAUSE");
  for (const Told& told : history) {
    const journal::Entry& entry = told.entry;
    text +=
        fmt::format("{:<24} {:<8} {:<5} {:<16} {:<8} {:<8} {}{}\n", show(entry.at), entry.service,
                    told.host.text, entry.kind, name_of(entry.outcome), show(entry.took),
                    entry.because, entry.detail.empty() ? "" : " (" + entry.detail + ")");
  }
  session.print(text);
  return {};
}

}  // namespace weir::cli
