// Help as kubectl and terraform have it: verbs in groups, examples with every verb.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace weir::cli {
namespace {

struct Heading {
  Group group;
  const char* text;
};
constexpr Heading kHeadings[] = {
    {Group::fleet, "Make and change a fleet"},
    {Group::look, "Look at it"},
    {Group::prove, "Break it on purpose"},
    {Group::learn, "Learn"},
    {Group::processes, "Processes, started by weir itself"},
};

std::string wide_enough(const std::string& text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

std::string spelled(const Argument& argument) {
  std::string out = argument.is_positional() ? argument.value : join(argument.names, ", ");
  if (!argument.is_positional() && !argument.is_switch()) out += " " + argument.value;
  return out;
}

}  // namespace

// A long list of them is left to completion and to the complaint.
std::string show_choices(const Argument& argument) {
  constexpr std::size_t kShown = 10;
  if (argument.choices.empty() || argument.choices.size() > kShown) return {};
  return ": " + join(argument.choices, ", ");
}

namespace {

std::string arguments_text(const char* heading, const Grammar& grammar, bool positional) {
  std::size_t width = 0;
  for (const Argument& argument : grammar.arguments()) {
    if (argument.is_positional() == positional) width = std::max(width, spelled(argument).size());
  }
  if (width == 0) return {};
  std::string out = fmt::format("\n{}:\n", heading);
  for (const Argument& argument : grammar.arguments()) {
    if (argument.is_positional() != positional) continue;
    const std::string choices =
        argument.choices.empty() ? std::string{} : ": " + join(argument.choices, ", ");
    out +=
        fmt::format("  {}  {}{}\n", wide_enough(spelled(argument), width), argument.help, choices);
  }
  return out;
}

}  // namespace

std::string show_help() {
  std::string out =
      "weir keeps data stores and message queues standing, and proves it with "
      "numbers\n";
  std::size_t width = 0;
  for (const Verb* verb : verbs()) width = std::max(width, std::string(verb->name).size());
  for (const Heading& heading : kHeadings) {
    out += fmt::format("\n{}:\n", heading.text);
    for (const Verb* verb : verbs()) {
      if (verb->group != heading.group) continue;
      out += fmt::format("  {}  {}\n", wide_enough(verb->name, width), verb->help);
    }
  }
  Options unused;
  Grammar common;
  take_common(common, unused, nullptr);
  out += "\nUsage:\n  weir VERB [WHAT] [SERVICE] [flags]\n";
  out += arguments_text("Flags of every verb", common, false);
  out += "\n`weir VERB --help` shows a verb's flags and examples; `weir explain` its words.\n";
  return out;
}

std::string show_help(const Verb& verb) {
  Options unused;
  Grammar own, common;
  verb.takes(own, unused);
  take_common(common, unused, &verb);
  std::string out = fmt::format("{}\n", verb.help);
  if (*verb.more != '\0') out += fmt::format("\n{}\n", verb.more);
  if (*verb.examples != '\0') out += "\nExamples:\n" + indented(verb.examples);
  const std::string usage = own.usage();
  out +=
      fmt::format("\nUsage:\n  weir {}{}{} [flags]\n", verb.name, usage.empty() ? "" : " ", usage);
  out += arguments_text("Arguments", own, true);
  out += arguments_text("Flags", own, false);
  out += arguments_text("Flags of every verb", common, false);
  return out;
}

}  // namespace weir::cli
