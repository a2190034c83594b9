// Reading is polled, so that an interrupt ends the question and not only the line.
#include "cli/ask.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "base/text.h"

namespace weir::cli {

bool can_ask(const Session& session) {
  return !session.options().no_input && isatty(STDIN_FILENO) == 1;
}

Result<std::string> ask(Session& session, const std::string& question) {
  fmt::print(stderr, "{} ", question);
  std::fflush(stderr);
  std::string line;
  while (!session.cancelled()) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 100) <= 0) continue;
    char c = 0;
    if (read(STDIN_FILENO, &c, 1) != 1) break;
    if (c == '\n') return trim(line);
    line += c;
  }
  return fail(Failure::cancelled, "nothing was answered; nothing was changed");
}

Result<> confirm_destruction(Session& session, const std::vector<std::string>& names,
                             const std::string& command) {
  if (names.empty()) return {};
  if (!can_ask(session)) {
    std::string flags;
    for (const std::string& name : names) flags += " --destroy-data " + name;
    return fail(Failure::refused,
                fmt::format("destroying the data of {} asks for {}, and nobody can be asked here",
                            join(names, ", "), names.size() == 1 ? "its name" : "their names"),
                command + flags);
  }
  for (const std::string& name : names) {
    WEIR_TRY(const std::string typed,
             ask(session, fmt::format("{} will be destroyed; type its name to go on:", name)));
    if (typed != name) {
      return fail(Failure::refused, fmt::format("that is not {}; nothing was changed", name));
    }
  }
  return {};
}

void take_destruction(Grammar& grammar, Options& options) {
  grammar.option("--destroy-data", "NAME", &options.destroy_data,
                 "What may be destroyed unasked, for scripts; may be repeated");
  grammar.flag("--no-final-copy", options.no_final_copy,
               "Keep no copy of the data that is destroyed");
}

}  // namespace weir::cli
