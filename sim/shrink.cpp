// Candidates come in the order of how much they take away. The seed draws the timings of the whole
// world, so that without a fault everything after it falls otherwise: a candidate with fewer faults
// is also tried under a few other seeds.
#include "sim/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/scenario.h"

namespace weir::sim {
namespace {

constexpr std::uint64_t kOtherSeeds = 4;
constexpr Duration kAfterLastFault = 4s;

void without_a_fault(const Plan& plan, std::vector<Plan>& out) {
  for (std::uint64_t other = 0; other <= kOtherSeeds; ++other) {
    for (std::size_t i = plan.faults.size(); i-- > 0;) {
      Plan next = plan;
      next.faults.erase(next.faults.begin() + static_cast<std::ptrdiff_t>(i));
      next.seed += other * 1000;
      out.push_back(std::move(next));
    }
  }
}

// The value rounded down to what a person would write, if that says less.
std::optional<Duration> rounder(Duration value) {
  for (const Duration unit : {Duration(1s), Duration(100ms), Duration(1ms)}) {
    const Duration rounded = value / unit * unit;
    if (rounded != value && rounded > Duration{}) return rounded;
  }
  return std::nullopt;
}

void shorter(const Plan& plan, std::vector<Plan>& out) {
  Duration last{};
  for (const FaultPlan& fault : plan.faults) last = std::max(last, fault.at + fault.lasts);
  const Duration enough = (last + kAfterLastFault) / Duration(1s) * Duration(1s);
  if (enough < plan.load_for) {
    Plan next = plan;
    next.load_for = enough;
    out.push_back(std::move(next));
  }
  if (plan.writers > 1) {
    Plan next = plan;
    next.writers = 1;
    out.push_back(std::move(next));
  }
}

// One fault told in fewer words.
std::vector<FaultPlan> simpler_faults(const FaultPlan& fault) {
  std::vector<FaultPlan> out;
  const auto with = [&](const std::function<void(FaultPlan&)>& change) {
    FaultPlan next = fault;
    change(next);
    if (!(next == fault)) out.push_back(std::move(next));
  };
  if (fault.crossings > 0) {
    with([](FaultPlan& f) { f.crossings = 0; });
    with([](FaultPlan& f) { f.crossings /= 2; });
  }
  if (fault.target.index > 1) with([](FaultPlan& f) { f.target.index %= 2; });
  if (!fault.call.empty() && fault.lasts != Duration{} && fault.fault == Fault::kill_agent) {
    with([](FaultPlan& f) { f.lasts = {}; });  // a killed agent is back after a second, always
  }
  if (const auto at = rounder(fault.at)) with([&](FaultPlan& f) { f.at = *at; });
  if (const auto lasts = rounder(fault.lasts)) with([&](FaultPlan& f) { f.lasts = *lasts; });
  if (fault.lasts > 2s) with([](FaultPlan& f) { f.lasts = f.lasts / 2 / 1s * Duration(1s); });
  return out;
}

std::vector<Plan> candidates(const Plan& plan) {
  std::vector<Plan> out;
  without_a_fault(plan, out);
  shorter(plan, out);
  for (std::size_t i = 0; i < plan.faults.size(); ++i) {
    for (const FaultPlan& fault : simpler_faults(plan.faults[i])) {
      Plan next = plan;
      next.faults[i] = fault;
      out.push_back(std::move(next));
    }
  }
  return out;
}

bool violates(const Report& report, const std::string& kind) {
  return std::ranges::any_of(report.violations,
                             [&](const std::string& what) { return kind_of(what) == kind; });
}

}  // namespace

std::string kind_of(const std::string& violation) {
  return violation.substr(0, std::min(violation.find(" at "), violation.find(':')));
}

Shrunk shrink(const Plan& plan, const std::function<bool(const Plan&)>& fails, int tries_max) {
  Shrunk out{plan, 0};
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (Plan& candidate : candidates(out.plan)) {
      if (out.tried >= tries_max) return out;
      ++out.tried;
      if (!fails(candidate)) continue;
      out.plan = std::move(candidate);
      smaller = true;
      break;
    }
  }
  return out;
}

std::optional<Shrunk> shrink_run(const Plan& plan) {
  const Report first = run(plan);
  if (first.violations.empty()) return std::nullopt;
  const std::string kind = kind_of(first.violations.front());
  return shrink(plan, [&](const Plan& next) { return violates(run(next), kind); });
}

std::string scenario_of(const Plan& plan, std::uint64_t found_by, const std::string& violation) {
  // Where nobody waits, what a leader took until its lease was over may go with it.
  const auto at_most = static_cast<int>(plan.rate) * 8;
  return fmt::format(
      "# Seed {}, shrunk. It violated: {}\n{}expect  lost {}\n", found_by, violation, to_text(plan),
      plan.durability == Durability::async ? fmt::format("at most {}", at_most) : "0");
}

}  // namespace weir::sim
