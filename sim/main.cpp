// weir_sim: runs seeds and scenarios from the command line, as `./dev sim` calls it.
//   weir_sim --seeds 1..200 [--every-probe] | --seed N | --shrink N [FILE]
//   weir_sim --scenario FILE [--seeds 1..200]
// As weir_sim_mutants, before any of these: --mutant NAME, as often as wanted.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutant.h"
#include "base/probe.h"
#include "base/text.h"
#include "sim/probes.h"
#include "sim/scenario.h"
#include "sim/shrink.h"
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

// Rare branches that this whole run never came by: told always, an error where all are asked for.
int tell_probes(bool all_wanted) {
  const auto wanted = weir::sim::probes_of_seeds();
  const auto missing = weir::sim::never_reached(wanted, weir::probes_passed());
  fmt::print("{} of {} probes reached{}{}\n", wanted.size() - missing.size(), wanted.size(),
             missing.empty() ? "" : "; never: ", weir::join(missing, ", "));
  return missing.empty() || !all_wanted ? 0 : 1;
}

int run_seeds(std::uint64_t first, std::uint64_t last, bool all_probes_wanted) {
  const weir::sim::Swarm swarm = weir::sim::run_swarm(first, last);
  for (const std::string& failure : swarm.failures) fmt::print(stderr, "{}\n", failure);
  fmt::print("{}\n", swarm.summary);
  const int probes = tell_probes(all_probes_wanted);
  return swarm.failures.empty() ? probes : 1;
}

// Writes the seed's plan, as small as it still fails, as a scenario.
int shrink_seed(std::uint64_t seed, const std::string& path) {
  const Report report = weir::sim::run(weir::sim::drawn_plan(seed));
  const auto small = weir::sim::shrink_run(weir::sim::drawn_plan(seed));
  if (!small) {
    fmt::print(stderr, "weir_sim: cannot shrink seed {}: it holds\n", seed);
    return 1;
  }
  const std::string text = weir::sim::scenario_of(small->plan, seed, report.violations.front());
  if (path.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  std::ofstream out(path);
  out << text;
  out.close();
  if (out.fail()) {
    fmt::print(stderr, "weir_sim: cannot write {}\n", path);
    return 1;
  }
  fmt::print("./dev sim --scenario {}\n", path);
  return 0;
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
  const bool every_probe = args.size() == 3 && args[2] == "--every-probe";
  if ((args.size() == 2 || every_probe) && args[0] == "--seeds") {
    const std::size_t dots = args[1].find("..");
    if (dots != std::string_view::npos) {
      return run_seeds(number(args[1].substr(0, dots)), number(args[1].substr(dots + 2)),
                       every_probe);
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
  if ((args.size() == 2 || args.size() == 3) && args[0] == "--shrink") {
    return shrink_seed(number(args[1]), args.size() == 3 ? std::string(args[2]) : std::string());
  }
  fmt::print(stderr,
             "usage: weir_sim --seed N | --seeds FIRST..LAST [--every-probe] |\n"
             "                --scenario FILE | --shrink N [FILE]\n");
  return 1;
}
