// weir events [SERVICE]: what the agents did, and the sentence for it.
#include <fmt/format.h>

#include "cli/explain.h"
#include "cli/history.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr Duration kFollowPause = 500ms;

Listing read(Session& session, const Known& known) {
  return listing_of(filtered(read_history(session, known, session.options().service),
                             session.options(), session.machine().clock.wall()));
}

bool print(Session& session, const Listing& listing, bool with_heads) {
  if (session.wants_data()) {
    Json all = Json::array();
    for (const Row& row : listing.rows) all.add(row.data);
    return session.print_data(Json::object().set("format", 1).set("events", all));
  }
  std::string text = text_of(listing, session.options());
  if (!with_heads && session.options().output != "name") text.erase(0, text.find('\n') + 1);
  return session.show(text);
}

// A step is told twice: when it begins, and what came of it.
Result<> follow(Session& session, Listing last) {
  while (session.pause(kFollowPause)) {
    const auto known = know(session);
    if (!known) {
      session.progress("warning: " + known.error().what);
      continue;
    }
    Listing now = read(session, *known);
    const Changes news = changes(last, now);
    if (!news.changed.rows.empty() && !print(session, news.changed, false)) return {};
    last = std::move(now);
  }
  return fail(Failure::cancelled, {});
}

Result<> events(Session& session) {
  WEIR_TRY(const Known known, know(session));
  tell_if_away(session, known);
  if (!session.options().service.empty()) {
    WEIR_TRY_(the_service(known, session.options().service));
  }
  Listing first = read(session, known);
  if (!print(session, first, true) || !session.options().follow) return {};
  return follow(session, std::move(first));
}

std::vector<std::string> step_kinds() {
  std::vector<std::string> out;
  for (const Glossary& glossary : glossaries()) {
    if (!std::string(glossary.name).ends_with("-steps")) continue;
    for (const Meaning& meaning : glossary.meanings()) out.push_back(meaning.word);
  }
  return out;
}

}  // namespace

constinit const Verb kEvents{
    "events",
    Group::look,
    "What the agents did, and why",
    "Each step with the sentence that explains it and what came of it. While the store is away it\n"
    "shows what the agents that answer have in their own journals.",
    "# The latest fifty\n"
    "weir events\n"
    "\n"
    "weir events orders --since 10m --kind Promote\n"
    "\n"
    "# As they happen\n"
    "weir events -f",
    kAllAnswers,
    [](Grammar& grammar, Options& options) {
      take_service(grammar, options);
      grammar.option("--limit", "NUMBER", &options.limit, "How many of the latest events (50)")
          .within(1, 100000);
      grammar.option("--since", "TIME", &options.since, "Only of the last such time, e.g. 10m");
      grammar.option("--kind", "STEP", &options.step, "Only steps of this kind, e.g. Promote")
          .one_of(step_kinds());
      grammar.flag("-f,--follow", options.follow, "Go on, and print what happens");
    },
    events,
};

}  // namespace weir::cli
