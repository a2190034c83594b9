// What a seed does to its fleet. Each seed first draws how often which kind of fault comes, so that
// some runs are all network and others all disks; then the faults themselves.
#include <algorithm>
#include <array>
#include <numeric>

#include "sim/run.h"

namespace weir::sim {
namespace {

// How often a kind comes where it comes at all.
struct Weight {
  Fault fault;
  int weight;
};
constexpr Weight kWeights[] = {
    {Fault::kill_server, 6},   {Fault::kill_host, 6},    {Fault::kill_agent, 4},
    {Fault::lose_data, 2},     {Fault::pause_replay, 2}, {Fault::freeze_host, 4},
    {Fault::freeze_agent, 3},  {Fault::cut_link, 6},     {Fault::slow_link, 2},
    {Fault::slow_disk, 1},     {Fault::hang_disk, 2},    {Fault::fill_disk, 2},
    {Fault::kill_store, 2},    {Fault::freeze_store, 2}, {Fault::doubt_store, 3},
    {Fault::delay_watches, 2}, {Fault::lose_host, 1},    {Fault::set_sync, 2},
    {Fault::hang_guard, 2},    {Fault::apply, 2},        {Fault::pause_senders, 2},
    {Fault::leave, 1},         {Fault::stale_reads, 2},  {Fault::step_clock, 1},
    {Fault::archive_log, 2},
};
// Of scenarios only: what a store lost an operator has to bring back, and of a disk that lied only
// those who hold more can tell: a leader's is drawn alone.
constexpr Fault kNeverDrawn[] = {Fault::lose_store, Fault::old_store, Fault::rebuild_store,
                                 Fault::set_mode, Fault::lose_tail};
static_assert(std::size(kWeights) + std::size(kNeverDrawn) == kFaults);
constexpr double kLargerFleet = 0.2;
constexpr double kManyWriters = 0.2;
constexpr double kNobodyWaits = 0.15;
constexpr double kShaped = 0.2;
constexpr double kDiskLies = 0.03;
constexpr double kKindIsInPlay = 0.4;
constexpr Duration kFaultsFrom = 500ms;
constexpr Duration kFaultsUntil = 10s;

// A guard holds a deadline only where nobody waits; a parameter changes only where one is declared.
bool has_a_place(const Plan& plan, Fault kind) {
  const bool nobody_waits = plan.durability == Durability::async;
  if (kind == Fault::hang_guard) return nobody_waits;
  if (kind == Fault::set_sync) return !nobody_waits;
  return kind != Fault::apply || plan.shaped;
}

std::vector<Weight> drawn_kinds(SimRandom& random, const Plan& plan) {
  std::vector<Weight> out;
  while (out.empty()) {
    for (const Weight& kind : kWeights) {
      const bool in_play = random.chance(kKindIsInPlay);
      if (in_play && has_a_place(plan, kind.fault)) out.push_back(kind);
    }
  }
  return out;
}

Fault drawn_kind(SimRandom& random, const std::vector<Weight>& kinds) {
  const int sum = std::accumulate(kinds.begin(), kinds.end(), 0,
                                  [](int all, const Weight& kind) { return all + kind.weight; });
  int left = static_cast<int>(random.next() % static_cast<std::uint64_t>(sum));
  for (const Weight& kind : kinds) {
    left -= kind.weight;
    if (left < 0) return kind.fault;
  }
  return kinds.back().fault;
}

Target drawn_target(SimRandom& random) {
  Target out;
  out.who = random.chance(0.6) ? Target::Who::leader : Target::Who::replica;
  out.index = static_cast<int>(random.next() % 4);
  return out;
}

Target drawn_end(SimRandom& random) {
  constexpr std::array kOthers{Target::Who::everyone, Target::Who::store, Target::Who::clients};
  if (random.chance(0.5)) return drawn_target(random);
  return {kOthers[random.next() % kOthers.size()], 0};
}

// At the next call of some kind in an agent's code, as real crashes come.
void draw_place(SimRandom& random, FaultPlan& fault) {
  constexpr std::array kCalls{"", "append", "store.commit", "rename", "server.start", "write"};
  fault.call = kCalls[random.next() % kCalls.size()];
  fault.crossings = static_cast<int>(random.next() % 12);
}

FaultPlan drawn_fault(SimRandom& random, Fault kind) {
  FaultPlan out;
  out.fault = kind;
  out.at = random.between(kFaultsFrom, kFaultsUntil);
  out.lasts = random.between(500ms, 8s);
  out.target = drawn_target(random);
  switch (kind) {
    case Fault::kill_server:
      out.lasts = {};  // the cluster draws how long backends live on
      break;
    case Fault::kill_agent:
      draw_place(random, out);
      break;
    case Fault::lose_data:
      out.target.who = Target::Who::replica;
      break;
    case Fault::pause_replay:
      out.target.who = Target::Who::replica;
      out.lasts = random.between(500ms, 18s);  // a replica that receives nothing is given ten
      break;
    case Fault::lose_tail:
      out.target.who = Target::Who::leader;
      break;
    case Fault::step_clock:
      out.lasts = random.between(-60s, 60s);
      break;
    case Fault::set_sync:
      out.target.index = 1 + static_cast<int>(random.next() % 2);
      break;
    case Fault::apply: {
      constexpr std::array kValues{"max_connections=200", "max_connections=50", "work_mem=8MB"};
      out.detail = kValues[random.next() % kValues.size()];
      break;
    }
    case Fault::cut_link:
    case Fault::slow_link:
      out.to = drawn_end(random);
      out.both_ways = random.chance(0.5);
      if (random.chance(0.5)) std::swap(out.target, out.to);
      break;
    default:
      break;
  }
  return out;
}

}  // namespace

Plan drawn_plan(std::uint64_t seed) {
  SimRandom random(seed * 7919 + 17);
  Plan out;
  out.seed = seed;
  if (random.chance(kLargerFleet)) {
    out.members = 4 + static_cast<int>(random.next() % 2);
    out.sync = 1 + static_cast<int>(random.next() % 2);
  }
  if (random.chance(kManyWriters)) out.writers = 20;
  if (random.chance(kNobodyWaits)) {
    out.durability = Durability::async;
    out.sync = 0;
  }
  out.shaped = random.chance(kShaped);
  // With another one down at that moment nobody could know what its disk has lost.
  if (out.durability == Durability::required && random.chance(kDiskLies)) {
    out.faults.push_back(drawn_fault(random, Fault::lose_tail));
    return out;
  }
  const std::vector<Weight> kinds = drawn_kinds(random, out);
  const bool may_need_two =
      out.sync == 2 || std::ranges::find(kinds, Fault::set_sync, &Weight::fault) != kinds.end();
  const int count = 1 + static_cast<int>(random.next() % 6);
  int disks_lost = 0;
  int hosts_lost = 0;
  for (int i = 0; i < count; ++i) {
    const Fault kind = drawn_kind(random, kinds);
    // At most `sync` disks may be lost, with their hosts or without; and with too few hosts left
    // commits would rightly wait for ever.
    const bool loses_host = kind == Fault::lose_host || kind == Fault::leave;
    const int left = out.members - hosts_lost - 2;
    if (loses_host && left < (may_need_two ? 2 : 1)) continue;
    if ((kind == Fault::lose_host || kind == Fault::lose_data) &&
        disks_lost++ >= std::max(out.sync, 1))
      continue;
    if (loses_host) ++hosts_lost;
    out.faults.push_back(drawn_fault(random, kind));
    const FaultPlan& last = out.faults.back();
    if (kind == Fault::pause_replay) out.load_for = std::max(out.load_for, last.at + last.lasts);
  }
  return out;
}

}  // namespace weir::sim
