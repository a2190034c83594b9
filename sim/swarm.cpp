// A failing seed is told with all that is needed to see it again.
#include "sim/swarm.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/quantity.h"
#include "base/text.h"
#include "sim/scenario.h"
#include "sim/shrink.h"

namespace weir::sim {
namespace {

constexpr std::uint64_t kTwiceEvery = 50;
constexpr std::size_t kShrunkMost = 3;  // each costs some hundred runs

std::string told(const Report& report, bool shrunk) {
  std::string out = show(report);
  if (shrunk) {
    if (const auto small = shrink_run(drawn_plan(report.seed))) {
      out += fmt::format("  shrunk to {} of {} faults:\n{}", small->plan.faults.size(),
                         drawn_plan(report.seed).faults.size(),
                         scenario_of(small->plan, report.seed, report.violations.front()));
      out += fmt::format("  keep: ./dev sim --shrink {} tests/scenarios/NAME.txt\n", report.seed);
    }
  }
  return out + fmt::format("  replay: ./dev sim --seed {}", report.seed);
}

}  // namespace

std::string show(const Report& report) {
  std::string out = fmt::format(
      "seed {}: {} acknowledged, {} lost, {} promotions, longest gap {}\n", report.seed,
      report.acknowledged, report.lost, report.promotions, weir::show(report.longest_gap));
  for (const std::string& fault : report.faults) out += "  fault  " + fault + "\n";
  for (const std::string& what : report.violations) out += "  VIOLATION  " + what + "\n";
  return out;
}

Swarm run_swarm(std::uint64_t first, std::uint64_t last) {
  Swarm out;
  std::uint64_t acknowledged = 0;
  std::int64_t promotions = 0;
  Duration slowest{};
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Report report = run(drawn_plan(seed));
    ++out.runs;
    acknowledged += report.acknowledged;
    promotions += report.promotions;
    slowest = std::max(slowest, report.promoted_within);
    const bool good = report.violations.empty();
    if (!good) {
      out.failures.push_back(told(report, out.failures.size() < kShrunkMost));
    }
    if (good && seed % kTwiceEvery != 0) continue;
    const Report again = run(drawn_plan(seed));
    if (again.trace_hash == report.trace_hash) continue;
    out.failures.push_back(
        fmt::format("seed {}: two runs differ\n  replay: ./dev sim --seed {}", seed, seed));
  }
  out.summary = fmt::format(
      "{} seeds: {} failures, {} commits acknowledged, {} promotions, the slowest within {}",
      out.runs, out.failures.size(), acknowledged, promotions, weir::show(slowest));
  return out;
}

}  // namespace weir::sim
