// weir_sim: runs seeds and scenarios from the command line, as `./dev sim` calls it.
//   weir_sim --seeds 1..200 | --seed N | --scenario FILE [--seeds 1..200]
// As weir_sim_mutants, before any of these: --mutant NAME, as often as wanted.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutant.h"
#include "sim/scenario.h"
#include "sim/swarm.h"

namespace {

using weir::sim::Report;

std::uint64_t number(std::string_view text) {
  std::uint64_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
    fmt::print(stderr, "weir_sim: expected a number, got '{}'\n", text);
    std::exit(1);
  }
  return out;
}

int tell(const Report& report) {
  fmt::print("{}", weir::sim::show(report));
  return report.violations.empty() ? 0 : 1;
}

int run_seeds(std::uint64_t first, std::uint64_t last) {
  const weir::sim::Swarm swarm = weir::sim::run_swarm(first, last);
  for (const std::string& failure : swarm.failures) fmt::print(stderr, "{}\n", failure);
  fmt::print("{}\n", swarm.summary);
  return swarm.failures.empty() ? 0 : 1;
}

// The same story with other dice.
int run_scenario_seeds(const std::string& path, std::uint64_t first, std::uint64_t last) {
  const auto read = weir::sim::read_scenario(path);
  if (!read) {
    fmt::print(stderr, "weir_sim: {}\n", read.error().what);
    return 1;
  }
  weir::sim::Scenario scenario = *read;
  int failed = 0;
  for (scenario.plan.seed = first; scenario.plan.seed <= last; ++scenario.plan.seed) {
    if (tell(weir::sim::run(scenario)) != 0) ++failed;
  }
  fmt::print("{} of {} seeds fail\n", failed, last - first + 1);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> args(argv + 1, argv + argc);
#ifdef WEIR_MUTANTS
  while (args.size() > 2 && args[0] == "--mutant") {
    weir::mutants_on().insert(std::string(args[1]));
    args.erase(args.begin(), args.begin() + 2);
  }
#endif
  const auto line = [](const std::string& text) { fmt::print("{}\n", text); };
  if (args.size() == 2 && args[0] == "--seed") {
    return tell(weir::sim::run(weir::sim::drawn_plan(number(args[1])), line));
  }
  if (args.size() == 2 && args[0] == "--seeds") {
    const std::size_t dots = args[1].find("..");
    if (dots != std::string_view::npos) {
      return run_seeds(number(args[1].substr(0, dots)), number(args[1].substr(dots + 2)));
    }
  }
  if (args.size() == 4 && args[0] == "--scenario" && args[2] == "--seeds") {
    const std::size_t dots = args[3].find("..");
    if (dots != std::string_view::npos) {
      return run_scenario_seeds(std::string(args[1]), number(args[3].substr(0, dots)),
                                number(args[3].substr(dots + 2)));
    }
  }
  if (args.size() == 2 && args[0] == "--scenario") {
    const auto outcome = weir::sim::run_scenario(std::string(args[1]), line);
    if (outcome) return tell(*outcome);
    fmt::print(stderr, "weir_sim: {}\n", outcome.error().what);
    return 1;
  }
  fmt::print(stderr, "usage: weir_sim --seed N | --seeds FIRST..LAST | --scenario FILE\n");
  return 1;
}
