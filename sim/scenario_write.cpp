// A plan as the text of a scenario file; parse_scenario reads every line of it back.
#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "sim/scenario.h"

namespace weir::sim {
namespace {

// Exact, in the largest unit that is whole.
std::string exact(Duration duration) {
  static constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}, {1, "ns"}};
  for (const auto& [ns, name] : kUnits) {
    if (duration.count() % ns == 0) return fmt::format("{}{}", duration.count() / ns, name);
  }
  return {};
}

std::string target_text(const Target& target) {
  switch (target.who) {
    case Target::Who::leader:
      return "leader";
    case Target::Who::replica:
      return fmt::format("replica {}", target.index + 1);
    case Target::Who::member:
      return std::string(1, static_cast<char>('a' + target.index));
    case Target::Who::clients:
      return "clients";
    case Target::Who::store:
      return "store";
    case Target::Who::everyone:
      return "everyone";
  }
  return {};
}

// What comes after the fault's own word: whom or what it is done to.
std::string victims_text(const FaultPlan& fault) {
  if (is_of_the_store(fault.fault)) return {};
  if (fault.fault == Fault::apply || fault.fault == Fault::set_mode) return " " + fault.detail;
  if (fault.fault == Fault::set_sync) return fmt::format(" {}", fault.target.index);
  if (!is_of_a_link(fault.fault)) return " " + target_text(fault.target);
  return fmt::format(" {} {} {}", target_text(fault.target), fault.both_ways ? "<->" : "->",
                     target_text(fault.to));
}

std::string fault_line(const FaultPlan& fault) {
  std::string out = fmt::format("at {:<5} {}", fault.from_start ? "start" : exact(fault.at),
                                name_of(fault.fault));
  const bool in_code = !fault.call.empty();
  if (!in_code || fault.aimed) out += victims_text(fault);
  if (in_code) {
    out += fmt::format(" after {} {}", fault.call, fault.detail.empty() ? "*" : fault.detail);
    if (fault.crossings > 0) out += fmt::format(" +{}", fault.crossings);
    if (fault.same_fiber) out += " same-activity";
  }
  const char* const how = fault.fault == Fault::step_clock ? "by" : "for";
  return out + fmt::format(" {} {}\n", how, exact(fault.lasts));
}

}  // namespace

std::string to_text(const Plan& plan) {
  const Plan plain;
  const std::string mode = plan.durability == Durability::async
                               ? "durability=async"
                               : fmt::format("sync={} durability=required", plan.sync);
  std::string out = fmt::format("service orders postgres members={} {}{}\nseed    {}\n",
                                plan.members, mode, plan.shaped ? " shaped=1" : "", plan.seed);
  out += fmt::format("load    {} writes/s", plan.rate);
  if (plan.writers != plain.writers) out += fmt::format(" by {}", plan.writers);
  out += fmt::format(" for {}\n", exact(plan.load_for));
  for (const FaultPlan& fault : plan.faults) out += fault_line(fault);
  if (plan.back_within != plain.back_within) {
    out += fmt::format("expect  back within {}\n", exact(plan.back_within));
  }
  return out;
}

}  // namespace weir::sim
