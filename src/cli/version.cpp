// weir version: which weir this is, what it can read, and what it was built with.
#include <fmt/format.h>

#include "agent/agent.h"
#include "base/text.h"
#include "cli/build_info.h"
#include "cli/verbs.h"
#include "journal/journal.h"

namespace weir::cli {
namespace {

struct Format {
  const char* what;
  int number;  // the highest that this weir reads; it reads the one before too
};
constexpr Format kFormats[] = {
    {"record", kRecordFormat}, {"desired", kDesiredFormat},    {"journal", journal::kFormat},
    {"facts", kFactsFormat},   {"agents", agent::kWireFormat},
};

Result<> version(Session& session) {
  Json formats = Json::object();
  Json libraries = Json::object();
  std::string text = fmt::format("weir {} (commit {}, {} by {})\n", kBuildInfo.version,
                                 kBuildInfo.commit, kBuildInfo.build, kBuildInfo.compiler);
  std::vector<std::string> words;
  for (const Format& format : kFormats) {
    formats.set(format.what, format.number);
    words.push_back(fmt::format("{} {}", format.what, format.number));
  }
  text += fmt::format("formats: {}\n", join(words, ", "));
  words.clear();
  for (const std::string& library : split(kBuildInfo.libraries, '|')) {
    const auto parts = split(library, ' ');
    libraries.set(parts.front(), parts.back());
    words.push_back(library);
  }
  text += fmt::format("built with: {}\n", join(words, ", "));
  if (session.wants_data()) {
    session.print_data(Json::object()
                           .set("format", 1)
                           .set("version", kBuildInfo.version)
                           .set("commit", kBuildInfo.commit)
                           .set("build", kBuildInfo.build)
                           .set("compiler", kBuildInfo.compiler)
                           .set("formats", formats)
                           .set("libraries", libraries));
  } else {
    session.print(text);
  }
  return {};
}

}  // namespace

constinit const Verb kVersion{
    "version",
    Group::learn,
    "Which weir this is, what it can read, what it was built with",
    "The formats are the highest that this weir reads; a record or line of a higher one is "
    "refused\n"
    "with a sentence, never guessed at.",
    "weir version\nweir version -o json",
    kAnswers,
    nothing_more,
    version,
};

}  // namespace weir::cli
