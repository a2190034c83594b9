// The course of a run: come up, load and faults, heal, be calm, judge.
#include "sim/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/faults.h"
#include "sim/load.h"
#include "world/log.h"

namespace weir::sim {
namespace {

constexpr Duration kUpWithin = 60s;
constexpr Duration kCalmFor = 4s;
constexpr Duration kLastWords = 2s;
constexpr std::size_t kToldOfADetail = 160;

class Run {
 public:
  Run(const Plan& plan, std::function<void(const std::string&)> tell)
      : plan_(plan),
        fleet_(plan.seed, plan.members, plan.sync, plan.durability, plan.shaped),
        injector_(fleet_),
        load_(fleet_, plan.writers, plan.rate) {
    set_log_floor(tell ? Level::info : Level::error);
    if (tell) fleet_.fibers().tell_to(std::move(tell));
  }

  Report go() {
    for (const FaultPlan& fault : plan_.faults) {
      if (fault.from_start) arm(fault);
    }
    fleet_.on_cross = [this](const HostName& host, std::string_view call, std::string_view detail) {
      on_cross(host, call, detail);
    };
    fleet_.begin();
    phase_until_ = now() + kUpWithin;
    tick();
    fleet_.fibers().run_until(Instant(std::chrono::hours(1)));
    return report();
  }

 private:
  enum class Phase { coming_up, loaded, healing, calm, last_words };

  Instant now() { return fleet_.fibers().now(); }
  void later(Duration pause, std::function<void()> what) {
    fleet_.fibers().at(now() + pause, std::move(what));
  }
  void note(const std::string& what) {
    done_.push_back(fmt::format("{:.3f} s {}", since_load(), what));
    fleet_.fibers().trace("fault", what);
  }
  double since_load() { return std::chrono::duration<double>(now() - load_began_).count(); }

  void tick();
  void go_on();
  void enter(Phase phase, Duration at_most);
  void heal();
  void end(const std::string& why_not);
  void inject(const FaultPlan& fault);
  void inject_now(const FaultPlan& fault);
  void arm(const FaultPlan& fault);
  void on_cross(const HostName& host, std::string_view call, std::string_view detail);
  void watch_promotion();
  Report report();

  struct Armed {
    FaultPlan plan;
    HostName host;
    FiberId fiber = 0;
    bool counting = false;
    int left = 0;
  };
  bool reached(Armed& armed, const HostName& host, std::string_view call, std::string_view detail);

  const Plan plan_;
  SimFleet fleet_;
  Injector injector_;
  Load load_;
  Phase phase_ = Phase::coming_up;
  Instant phase_until_{};
  Instant load_began_{};
  std::vector<Armed> armed_;
  std::vector<std::string> killed_at_;
  int outcomes_passed_ = 0;
  std::vector<std::string> done_;
  std::vector<std::string> own_violations_;
  Instant leader_fault_{};
  std::int64_t leader_fault_epoch_ = 0;
  Duration promoted_within_{};
};

void Run::tick() {
  fleet_.tick();
  go_on();
  if (!(phase_ == Phase::last_words && now() >= phase_until_)) {
    later(engine::FakeCluster::kTick, [this] { tick(); });
  } else {
    fleet_.fibers().stop();
  }
}

void Run::enter(Phase phase, Duration at_most) {
  phase_ = phase;
  phase_until_ = now() + at_most;
  static const char* const kNames[] = {"coming up", "loaded", "healing", "calm", "last words"};
  fleet_.fibers().trace("phase", kNames[static_cast<int>(phase)]);
}

void Run::go_on() {
  watch_promotion();
  const std::string why_not = phase_ == Phase::loaded ? "" : not_back(fleet_.truth());
  switch (phase_) {
    case Phase::coming_up:
      if (!why_not.empty()) {
        if (now() >= phase_until_) end("progress: the service did not come up: " + why_not);
        return;
      }
      enter(Phase::loaded, plan_.load_for);
      load_began_ = now();
      fleet_.store_copies().copy();
      load_.begin();
      for (const FaultPlan& fault : plan_.faults) {
        if (!fault.from_start) later(fault.at, [this, fault] { inject(fault); });
      }
      return;
    case Phase::loaded:
      if (now() < phase_until_) return;
      heal();
      enter(Phase::healing, plan_.back_within);
      return;
    case Phase::healing:
      if (why_not.empty()) {
        enter(Phase::calm, kCalmFor);
        fleet_.calm = true;
      } else if (now() >= phase_until_) {
        end("progress: not whole again after the faults stopped: " + why_not);
      }
      return;
    case Phase::calm:
      if (now() >= phase_until_) end({});
      return;
    case Phase::last_words:
      return;
  }
}

// From here on nothing fails; hosts and agents that are down come back.
void Run::heal() {
  armed_.clear();
  fleet_.on_cross = nullptr;
  injector_.heal();
}

void Run::end(const std::string& why_not) {
  if (!why_not.empty()) own_violations_.push_back(why_not);
  load_.end();
  enter(Phase::last_words, kLastWords);
}

void Run::inject(const FaultPlan& fault) {
  if (phase_ != Phase::loaded) return;
  if (!fault.call.empty()) {
    arm(fault);
    return;
  }
  inject_now(fault);
}

void Run::inject_now(const FaultPlan& fault) {
  ++fleet_.faults;
  const std::int64_t epoch = fleet_.record().epoch.number;
  const bool hits_leader = injector_.member(fault.target) == fleet_.record().leader.member &&
                           fleet_.truth().leader() != nullptr;
  note(injector_.inject(fault));
  if (hits_leader && (fault.fault == Fault::kill_server || fault.fault == Fault::kill_host)) {
    leader_fault_ = now();
    leader_fault_epoch_ = epoch;
  }
}

void Run::arm(const FaultPlan& fault) {
  Armed armed;
  armed.plan = fault;
  armed.left = fault.crossings;
  armed_.push_back(armed);
}

bool Run::reached(Armed& armed, const HostName& host, std::string_view call,
                  std::string_view detail) {
  if (armed.left < 0) return false;  // it has killed
  if (!armed.counting) {
    if (call != armed.plan.call) return false;
    if (detail.find(armed.plan.detail) == std::string_view::npos) return false;
    armed.counting = true;
    armed.host = host;
    armed.fiber = fleet_.fibers().current();
  } else if (host != armed.host) {
    return false;
  } else if (armed.plan.same_fiber && armed.fiber != fleet_.fibers().current()) {
    return false;
  }
  if (call == "append" && detail.find("\"of\":") != std::string_view::npos) ++outcomes_passed_;
  return armed.left-- == 0;
}

// The kill is queued for this very instant; the caller goes on only later, so it dies in this call.
void Run::on_cross(const HostName& host, std::string_view call, std::string_view detail) {
  for (Armed& armed : armed_) {
    if (!reached(armed, host, call, detail)) continue;
    if (armed.plan.aimed) {
      later(Duration{}, [this, plan = armed.plan] { inject_now(plan); });
      continue;
    }
    ++fleet_.faults;
    note(fmt::format("{} {} at {} {}", name_of(armed.plan.fault), host.text, call,
                     detail.substr(0, kToldOfADetail)));
    killed_at_.push_back(fmt::format("{} {}", call, detail));
    later(Duration{}, [this, host, plan = armed.plan] {
      if (plan.fault == Fault::kill_host) {
        injector_.kill_host(host, plan.lasts);
      } else {
        injector_.kill_agent(host);
      }
    });
  }
}

void Run::watch_promotion() {
  if (leader_fault_ == Instant{}) return;
  const Truth truth = fleet_.truth();
  if (truth.record.epoch.number <= leader_fault_epoch_ || !truth.record.confirmed) return;
  promoted_within_ = std::max(promoted_within_, now() - leader_fault_);
  leader_fault_ = Instant{};
}

Report Run::report() {
  const Truth truth = fleet_.truth();
  for (auto& checker : fleet_.checkers()) checker->on_end(truth);
  Report out;
  out.seed = plan_.seed;
  out.trace_hash = fleet_.fibers().trace_hash();
  out.violations = own_violations_;
  for (const auto& checker : fleet_.checkers()) {
    for (const std::string& what : checker->violations()) out.violations.push_back(what);
  }
  if (const auto& verdict = load_.verdict()) {
    for (std::string& what : misreported(truth, *verdict, load_.tally())) {
      out.violations.push_back(std::move(what));
    }
  } else if (own_violations_.empty()) {
    out.violations.push_back("reported: the ledger could not read its rows back");
  }
  const auto& log = fleet_.cluster().disk(truth.id(truth.record.leader.member)).log;
  const std::set<engine::RowId> held(log.begin(), log.end());
  for (engine::RowId row = 0; row < fleet_.cluster().row_count(); ++row) {
    const engine::FakeRow& written = fleet_.cluster().row(row);
    if (!written.client || !written.acknowledged) continue;
    ++out.acknowledged;
    if (!held.contains(row)) ++out.lost;
  }
  out.promotions =
      std::ssize(fleet_.cluster().disk(truth.id(truth.record.leader.member)).lineage.branches);
  out.promoted_within = promoted_within_;
  out.longest_gap = load_.tally().longest_gap;
  out.ended = now();
  out.faults = done_;
  out.killed_at = killed_at_;
  out.outcomes_passed = outcomes_passed_;
  return out;
}

}  // namespace

Report run(const Plan& plan, std::function<void(const std::string&)> tell) {
  return Run(plan, std::move(tell)).go();
}

}  // namespace weir::sim
