// weir __docs: docs/cli.md, from the table of verbs. A test compares the two.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

std::string arguments_page(const Grammar& grammar) {
  std::string out;
  for (const Argument& argument : grammar.arguments()) {
    std::string name = argument.is_positional() ? argument.value : join(argument.names, ", ");
    if (!argument.is_positional() && !argument.is_switch()) name += " " + argument.value;
    out += fmt::format("- `{}` {}{}\n", name, argument.help, show_choices(argument));
  }
  return out;
}

std::string verb_page(const Verb& verb) {
  Options unused;
  Grammar own;
  verb.takes(own, unused);
  const std::string usage = own.usage();
  std::string out = fmt::format("\n## weir {}{}{}\n\n{}.\n", verb.name, usage.empty() ? "" : " ",
                                usage, verb.help);
  if (*verb.more != '\0') out += fmt::format("\n{}\n", verb.more);
  if (*verb.examples != '\0') out += fmt::format("\n```\n{}\n```\n", verb.examples);
  const std::string arguments = arguments_page(own);
  if (!arguments.empty()) out += "\n" + arguments;
  if (*verb.outputs != '\0') out += fmt::format("\nAnswers: `-o {}`\n", verb.outputs);
  return out;
}

Result<> docs(Session& session) {
  std::string out =
      "# The command line\n\nMade by `weir __docs` from the table of verbs; a test compares them."
      "\n\nData goes to stdout, progress and complaints to stderr. With `-o json` or `-o yaml` a\n"
      "complaint is `{failure, what, hint}` in that format. What is not known is shown as "
      "`unknown`,\nnever as healthy and never as zero.\n";
  Options unused;
  Grammar common;
  take_common(common, unused, nullptr);
  out += "\n## Flags of every verb\n\n" + arguments_page(common);
  out += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const ExitCode& code : exit_codes()) {
    out += fmt::format("| {} | {} |\n", code.code, code.meaning);
  }
  for (const Verb* verb : verbs()) {
    if (verb->group != Group::hidden && verb->group != Group::processes) out += verb_page(*verb);
  }
  session.print(out);
  return {};
}

}  // namespace

constinit const Verb kDocs{
    "__docs", Group::hidden, "Print docs/cli.md", "", "", "", nothing_more, docs,
};

}  // namespace weir::cli
