// The table of verbs; which one is meant; and how it ends.
#include "cli/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr const Verb* kVerbs[] = {
    // Within a group in the order of the help.
    &kUp,
    &kInit,
    &kToken,
    &kJoin,
    &kRevoke,
    &kPlan,
    &kApply,
    &kDown,
    // To look at it.
    &kStatus,
    &kGet,
    &kDescribe,
    &kEvents,
    &kLogs,
    // To break it.
    &kDrill,
    &kStoreRebuild,
    // To learn.
    &kExplain,
    &kVersion,
    &kCompletion,
    // Processes, and what only scripts call.
    &kStore,
    &kAgent,
    &kSupervisor,
    &kComplete,
    &kDocs,
};

int finish(const Result<>& result, const Options& options) {
  if (result) return 0;
  const Error& error = result.error();
  if (!error.what.empty()) {  // changes of a plan, and a watch that was ended, are no complaint
    if (options.output == "json") {
      fmt::print(stderr, "{}\n", to_json(error).dump());  // one line, for log collectors
    } else if (options.output == "yaml") {
      fmt::print(stderr, "{}", as_data(to_json(error), options.output));
    } else {
      fmt::print(stderr, "weir: {}\n", error.what);
      if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
    }
  }
  return exit_code(error.failure);
}

// Complaints about the words themselves come before -o is read.
std::string output_asked(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string output : {"json", "yaml"}) {
      const bool next = (words[i] == "-o" || words[i] == "--output") && i + 1 < words.size() &&
                        words[i + 1] == output;
      if (next || words[i] == "-o" + output || words[i] == "--output=" + output) return output;
    }
  }
  return "table";
}

Error no_such_verb(const std::string& word) {
  std::vector<std::string> names;
  for (const Verb* verb : verbs()) {
    if (verb->group != Group::hidden) names.emplace_back(verb->name);
  }
  const std::string meant = nearest(word, names);
  return {Failure::bad_config, fmt::format("there is no verb {}", word),
          meant.empty() ? "weir --help" : "did you mean `weir " + meant + "`?"};
}

// Takes the verb, of two words where there is one of that name, out of the words.
const Verb* take_verb(std::vector<std::string>& words, std::size_t at) {
  const auto first = words.begin() + static_cast<std::ptrdiff_t>(at);
  if (at + 1 < words.size()) {
    if (const Verb* verb = find_verb(words[at] + " " + words[at + 1])) {
      words.erase(first, first + 2);
      return verb;
    }
  }
  const Verb* verb = find_verb(words[at]);
  if (verb != nullptr) words.erase(first);
  return verb;
}

bool asks(const std::vector<std::string>& words, const char* flag, const char* short_flag) {
  for (const std::string& word : words) {
    if (word == "--") return false;
    if (word == flag || word == short_flag) return true;
  }
  return false;
}

Result<> run_words(std::vector<std::string> words, Machine& machine, Options& options) {
  Grammar common;
  take_common(common, options, nullptr);
  if (!words.empty() && words[0] == "help") words[0] = "--help";
  if (words == std::vector<std::string>{"--version"}) words[0] = kVersion.name;
  const bool help = asks(words, "--help", "-h");
  const std::size_t at = first_plain_word(common, words);
  if (at == words.size()) {
    if (help) {
      print_out(show_help());
      return {};
    }
    WEIR_TRY_(read_words("VERB", common, {}, words));
    return fail(Failure::bad_config, "which verb? none was given", "weir --help");
  }
  const std::string word = words[at];
  const Verb* verb = take_verb(words, at);
  if (verb == nullptr) return fail(no_such_verb(word));
  if (help) {
    print_out(show_help(*verb));
    return {};
  }
  Grammar own, shared;
  verb->takes(own, options);
  take_common(shared, options, verb);
  WEIR_TRY_(read_words(verb->name, shared, own, words));
  Session session(machine, options);
  return session.judged(verb->run(session));
}

// terraform's users write long options with one dash: `-out FILE`, `-target=ADDRESS`.
std::vector<std::string> with_two_dashes(const std::vector<std::string>& words) {
  constexpr std::string_view kLong[] = {"-out", "-target", "-detailed-exitcode", "-destroy-data"};
  std::vector<std::string> out;
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    const bool known = std::find(std::begin(kLong), std::end(kLong), name) != std::end(kLong);
    out.push_back(known ? "-" + word : word);
  }
  return out;
}

}  // namespace

std::span<const Verb* const> verbs() { return kVerbs; }

const Verb* find_verb(const std::string& name) {
  for (const Verb* verb : kVerbs) {
    if (name == verb->name) return verb;
  }
  return nullptr;
}

void nothing_more(Grammar&, Options&) {}

void take_service(Grammar& grammar, Options& options) {
  grammar.positional("SERVICE", &options.service, "Which service; not needed where there is one")
      .offering(Offers::services);
}

void take_file(Grammar& grammar, Options& options) {
  grammar.option("-f,--file", "FILE", &options.file, "The fleet file").offering(Offers::files);
}

void take_targets(Grammar& grammar, Options& options) {
  grammar.option("--target", "ADDRESS", &options.targets,
                 "Only this address, e.g. orders/role/app; may be repeated");
}

void take_destruction(Grammar& grammar, Options& options) {
  grammar.option("--destroy-data", "NAME", &options.destroy_data,
                 "The name of what may be destroyed, for scripts; may be repeated");
  grammar.flag("--no-final-copy", options.no_final_copy,
               "Keep no copy of the data that is destroyed");
}

void take_timeout(Grammar& grammar, Options& options) {
  grammar.option("--timeout", "TIME", &options.timeout,
                 "How long to wait, e.g. 2m (5m); then exit 124, and what was begun goes on");
}

void take_common(Grammar& grammar, Options& options, const Verb* verb) {
  grammar.option("--fleet", "FLEET", &options.fleet, "Which fleet, where several are here");
  const std::string outputs = verb == nullptr ? kAllAnswers : verb->outputs;
  if (!outputs.empty()) {
    grammar.option("-o,--output", "FORMAT", &options.output, "How to answer")
        .one_of(split(outputs, ','));
  }
  grammar.option("--color", "WHEN", &options.color, "Colour on a terminal; NO_COLOR is heeded")
      .one_of({"auto", "always", "never"});
  grammar.flag("--yes", options.yes, "Answer yes to every question");
  grammar.flag("--no-input", options.no_input, "Never ask; fail naming what is missing");
  grammar.flag("-h,--help", options.help, "Show this text");
}

int run(int argc, char** argv, Machine& machine) {
  const auto words = with_two_dashes({argv + (argc > 0 ? 1 : 0), argv + argc});
  Options options;
  options.output = output_asked(words);
  Result<> result = run_words(words, machine, options);
  if (result && std::ferror(stdout) != 0)
    result = fail(Failure::io, "the answer could not be written");
  return finish(result, options);
}

}  // namespace weir::cli
