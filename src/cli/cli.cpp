// The table of verbs, and exit codes.
#include "cli/cli.h"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/program.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr const char* kVersion = "0.1.0";

int exit_code(Failure failure) {
  switch (failure) {
    case Failure::plan_has_changes:
      return 2;
    case Failure::objective_breached:
      return 3;
    case Failure::refused:
      return 4;
    case Failure::held:
      return 5;
    case Failure::timed_out:
      return 124;
    case Failure::cancelled:
      return 130;
    default:
      return 1;
  }
}

int finish(const Result<>& result, const Options& options) {
  if (result) return 0;
  const Error& error = result.error();
  if (error.failure != Failure::plan_has_changes) {
    if (options.output == "json") {
      fmt::print(stderr, "{}\n", to_json(error).dump());
    } else {
      fmt::print(stderr, "weir: {}\n", error.what);
      if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
    }
  }
  return exit_code(error.failure);
}

struct Verb {
  const char* name;
  const char* help;
  Result<> (*run)(Session&);
  bool file;     // takes -f
  bool service;  // takes a SERVICE
  bool hidden;   // started by weir itself
};

constexpr Verb kVerbs[] = {
    {"up", "Make the fleet of a file run on this machine, from nothing or from where it stands", up,
     true, false, false},
    {"init", "Make this machine the first of a fleet of several: its CA and store are here", init,
     true, false, false},
    {"token", "Print a token with which another machine joins: once, within 15 minutes", token,
     false, false, false},
    {"join", "Make this machine a host of a fleet, by a token of weir token", join, false, false,
     false},
    {"down", "Stop servers and agents of the fleet here; all data is kept", down, false, false,
     false},
    {"plan", "Show what apply would change", plan, true, false, false},
    {"apply", "Write the desired fleet and wait until it is so", apply, true, false, false},
    {"status", "Who leads, how far behind, and whether a failover is possible", status, false, true,
     false},
    {"events", "What the agents did, and why", events, false, true, false},
    {"store", "Refill a store that lost what it had: store rebuild; alone: run the store", store,
     false, false, true},
    {"agent", "Run the agent of one host", serve_agent, false, false, true},
    {"supervisor", "Run the supervisor of the fleet here", serve_supervisor, false, false, true},
};

void add_identity_options(CLI::App& sub, const std::string& name, Options& options) {
  if (name == "init" || name == "agent") {
    sub.add_option("--host", options.host, "Which host this machine is; where it is not plain");
  }
  if (name == "token" || name == "join") {
    sub.add_option("--host", options.host, "Which host is to join")->required();
  }
  if (name == "join") {
    sub.add_option("token", options.token, "What weir token printed; - reads it from stdin")
        ->required();
  }
  if (name == "init") {
    sub.add_option("--store", options.store,
                   "Where the store is to listen, ADDRESS[:PORT]; an address of this machine");
    sub.add_option("--certificate-life", options.certificate_life,
                   "How long certificates live (90d); they are renewed at two thirds of it");
  }
  if (name == "join") {
    sub.add_option("--store", options.store, "Where the store listens, ADDRESS[:PORT]")->required();
  }
}

void add_verb(CLI::App& app, const Verb& verb, Options& options, const Verb** chosen) {
  CLI::App* sub = app.add_subcommand(verb.name, verb.help);
  if (verb.hidden) sub->group("Processes");
  if (verb.file) sub->add_option("-f,--file", options.file, "The fleet file");
  if (verb.service) sub->add_option("service", options.service, "The service");
  const std::string name = verb.name;
  if (name == "up") {
    sub->add_option("--store", options.store,
                    "Where the store listens, ADDRESS[:PORT] (127.0.10.250:7400)");
  }
  if (name == "plan") {
    sub->add_flag("--detailed-exitcode", options.detailed_exit,
                  "Exit 0 without changes, 2 with changes, 1 on errors");
    sub->add_option("--out", options.out, "Save the plan in a file, for `weir apply FILE`");
  }
  if (name == "apply") {
    sub->add_option("plan,--plan", options.plan_file, "A plan that was saved by `weir plan --out`");
  }
  if (name == "plan" || name == "apply") {
    sub->add_option("--target", options.targets,
                    "Only this address, e.g. orders/role/app; may be repeated")
        ->allow_extra_args(false);
  }
  if (name == "apply" || name == "down") {
    sub->add_option("--destroy-data", options.destroy_data,
                    "The name of what may be destroyed, for scripts; may be repeated")
        ->allow_extra_args(false);
    sub->add_flag("--no-final-copy", options.no_final_copy,
                  "Keep no copy of the data that is destroyed");
  }
  if (name == "down") {
    sub->add_flag("--destroy", options.destroy, "Remove all data; asks for the fleet's name");
  }
  if (name == "events") {
    sub->add_option("--limit", options.limit, "How many of the latest events (50)")
        ->check(CLI::Range(1, 100000));
  }
  add_identity_options(*sub, name, options);
  if (name == "store") {
    sub->add_option("action", options.action, "rebuild: refill it from what the members remember")
        ->check(CLI::IsMember({"rebuild"}));
    sub->add_option("--while", options.while_pid, "End when this process has ended");
  }
  sub->callback([chosen, &verb] { *chosen = &verb; });
}

constexpr Verb kDrill{
    "drill", "Break a service on purpose and measure its recovery", drill, false, true, false};

void add_drill(CLI::App& app, Options& options, const Verb** chosen) {
  CLI::App* sub = app.add_subcommand(kDrill.name, kDrill.help);
  sub->add_option("fault", options.fault, "What to break: kill-server, kill-host")
      ->check(CLI::IsMember({"kill-server", "kill-host"}));
  sub->add_option("service", options.service, "Whom to break it for");
  sub->add_option("--rate", options.rate, "Commits a second, all writers together (400)")
      ->check(CLI::Range(1.0, 100000.0));
  sub->add_option("--writers", options.writers, "Concurrent writers (4)")->check(CLI::Range(1, 64));
  sub->add_flag("--stop-all", options.stop_all,
                "Pull the safety lever: running drills end, and none begins");
  sub->add_option("--reason", options.reason, "With --stop-all: why, for whoever is refused");
  sub->add_flag("--release", options.release, "Release the safety lever");
  sub->callback([chosen] { *chosen = &kDrill; });
}

// The library's own words, in our grammar; of an unknown verb it says only that one is missing.
Error complaint(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> rest = app.remaining();
  if (app.get_subcommands().empty() && !rest.empty() && !starts_with(rest.front(), "-")) {
    std::vector<std::string> verbs{kDrill.name};
    for (const Verb& verb : kVerbs) verbs.emplace_back(verb.name);
    const std::string meant = nearest(rest.front(), verbs);
    return {Failure::bad_config, fmt::format("there is no verb {}", rest.front()),
            meant.empty() ? "weir --help" : "did you mean `weir " + meant + "`?"};
  }
  std::string what = error.what();
  if (!what.empty() && what[0] >= 'A' && what[0] <= 'Z')
    what[0] = static_cast<char>(what[0] + ('a' - 'A'));
  return {Failure::bad_config, what, "weir --help"};
}

// terraform's users write long options with one dash: `-out FILE`, `-target=ADDRESS`.
std::vector<std::string> with_two_dashes(int argc, char** argv) {
  constexpr std::string_view kLong[] = {"-out", "-target", "-detailed-exitcode", "-destroy-data"};
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) {  // in reverse, as the parser takes them
    const std::string word = argv[i];
    const std::string name = word.substr(0, word.find('='));
    const bool known = std::find(std::begin(kLong), std::end(kLong), name) != std::end(kLong);
    words.push_back(known ? "-" + word : word);
  }
  return words;
}

}  // namespace

int run(int argc, char** argv, Machine& machine) {
  Options options;
  const Verb* chosen = nullptr;
  CLI::App app{"weir keeps data stores and message queues standing, and proves it with numbers"};
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--fleet", options.fleet, "Which fleet, where several are here");
  app.add_option("-o,--output", options.output, "How to answer: table or json")
      ->check(CLI::IsMember({"table", "json"}));
  app.add_flag("--yes", options.yes, "Answer yes to every question");
  app.add_flag("--no-input", options.no_input, "Never ask; fail naming what is missing");
  for (const Verb& verb : kVerbs) add_verb(app, verb, options, &chosen);
  add_drill(app, options, &chosen);
  try {
    app.name(argv[0]);
    app.parse(with_two_dashes(argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return finish(fail(complaint(app, error)), options);
  }
  Session session(machine, options);
  return finish(chosen->run(session), options);
}

}  // namespace weir::cli
