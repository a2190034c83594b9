// Carries a drill's steps out: looks, asks decide, acts, and measures while it waits.
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "access/access.h"
#include "base/quantity.h"
#include "drill/decide.h"
#include "drill/drill.h"
#include "drill/state.h"
#include "ledger/ledger.h"

namespace weir::drill {
namespace {

// A probe is green while rows are acknowledged at least so often, and nothing else happens.
constexpr Duration kGreenGap = 500ms;
constexpr Duration kTick = 20ms;
constexpr Duration kLookEvery = 250ms;
constexpr Duration kLeverEvery = 500ms;
constexpr Duration kFirstWriteWait = 500ms;  // also how late a cancel may be seen

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

class Running {
 public:
  Running(const DrillOrder& order, DrillPorts& ports)
      : order_(order), ports_(ports), clock_(ports.world.clock) {
    access_ = {order.database, kSchema, kRole, access::new_password(ports.world.random), order.ca};
    report_.id = order.id;
    report_.fleet = order.fleet;
    report_.service = order.service.name;
    report_.fault = order.fault;
    report_.started = clock_.wall();
    report_.evidence = order.evidence;
    report_.objective = order.service.objective;
    report_.writers = order.writers;
    view_.limits = order.limits;
  }

  Result<DrillReport> run() {
    WEIR_TRY(view_.lever, ports_.lever(step()));
    if (view_.lever.empty()) WEIR_TRY_(look_at_start());
    while (true) {
      look();
      const Decision decision = decide(view_);
      if (!decision.step) {
        clock_.sleep_for(kTick);
        continue;
      }
      if (std::holds_alternative<Refuse>(*decision.step)) {
        return fail(
            Failure::refused,
            fmt::format("could not drill {}: {}", order_.service.name.text, decision.because),
            fmt::format("weir status {}", order_.service.name.text));
      }
      if (std::holds_alternative<Finish>(*decision.step)) return finish();
      carry_out(*decision.step, decision.because);
    }
  }

 private:
  Deadline step() { return clock_.within(view_.limits.step); }

  // --- look

  Result<> look_at_start() {
    WEIR_TRY(const std::optional<State> left, read_state(ports_.world.files, order_.state_file));
    if (left && is_alive(ports_.world.files, *left)) {
      view_.ready.other_drill = left->drill;
      return {};
    }
    if (left) WEIR_TRY_(clean_up_after(order_.state_file, ports_));
    const WallTime wall = clock_.wall();
    if (const Freeze* freeze = order_.service.frozen_at(wall)) {
      view_.ready.frozen =
          fmt::format("the service is frozen until {}: {}", show(freeze->until), freeze->reason);
      return {};
    }
    WEIR_TRY(const Record record, ports_.record(order_.service.name, step()));
    const Result<Member> leader = leader_of(record, order_.service);
    if (!leader) return {};  // decide refuses, and says so
    const Sighting seen = ports_.observes.probe(*leader, step());
    view_.ready.leader_serves =
        seen.reach == Reach::serving && seen.role == Role::leader && seen.writable;
    view_.ready.replicas_healthy =
        static_cast<int>(std::ranges::count_if(seen.followers, [&record](const Follower& follower) {
          const bool waited_for = follower.counted && record.set.counts(follower.voter);
          return follower.streaming && record.counts(follower.voter.member) &&
                 (waited_for || record.mode == Durability::async);
        }));
    old_leader_ = *leader;
    report_.host = leader->host;
    report_.leader_before = leader->name;
    report_.epoch_before = record.epoch.number;
    return {};
  }

  void look() {
    const Instant now = clock_.now();
    look_at_call_off(now);
    look_at_lever(now);
    if (view_.load != Load::running) return;
    view_.load_for = now - load_began_;
    look_at_probe(now);
    if (view_.damage == Damage::none) return;
    if (!first_) look_for_first_write();
    if (first_) view_.served_for = clock_.now() - first_->read_back;
    if (view_.damage == Damage::reverted && now >= next_look_) {
      look_at_recovery();
      next_look_ = clock_.now() + kLookEvery;
    }
    const Instant since = view_.damage == Damage::standing ? fault_at_ : reverted_at_;
    view_.damage_for = clock_.now() - since;
  }

  void look_at_call_off(Instant now) {
    if (!view_.called_off.empty()) return;
    if (order_.cancelled != nullptr && order_.cancelled->load()) {
      view_.called_off = "the drill was cancelled";
    } else if (order_.lasts && now - began_ >= *order_.lasts && !view_.after.audited) {
      over_ = true;
      view_.called_off = fmt::format("the drill's time of {} was over", show(*order_.lasts));
    }
  }

  // A store that does not answer stops nothing: the fault reverts by itself all the same.
  void look_at_lever(Instant now) {
    if (now < next_lever_look_ || !view_.lever.empty()) return;
    if (const auto lever = ports_.lever(clock_.within(1s))) view_.lever = *lever;
    next_lever_look_ = clock_.now() + kLeverEvery;
  }

  void look_at_probe(Instant now) {
    if (view_.damage != Damage::none) return;
    const ledger::Tally tally = ledger_->tally();
    const bool green = now - tally.last_acknowledged < kGreenGap &&
                       tally.in_doubt + tally.refused == troubled_rows_;
    if (!green) green_since_ = now;
    troubled_rows_ = tally.in_doubt + tally.refused;
    view_.green_for = now - green_since_;
  }

  void look_for_first_write() {
    const Result<ledger::FirstWrite> first = ledger_->first_after(clock_.within(kFirstWriteWait));
    if (!first) {
      if (first.error().failure != Failure::timed_out) give_up(first.error());
      return;
    }
    first_ = *first;
    ports_.say(fmt::format("writes are served again, {} after the fault",
                           show(Duration(first_->read_back - fault_at_))));
  }

  void look_at_recovery() {
    if (!view_.after.fault_gone) {
      const Result<bool> gone = ports_.injector.reverted(order_.id, step());
      view_.after.fault_gone = gone.value_or(false);
    }
    if (view_.after.old_leader_follows) return;
    const Result<Record> record = ports_.record(order_.service.name, step());
    const Result<Member> leader =
        record ? leader_of(*record, order_.service) : fail(record.error());
    if (!leader) return;
    const Sighting seen = ports_.observes.probe(*leader, clock_.within(1s));
    if (seen.reach != Reach::serving) return;
    // A leader that was started again in place leads on: it needs nobody to follow.
    const bool leads_on = leader->name == old_leader_.name && seen.writable;
    const bool alone = record->mode == Durability::async;
    const bool follows = std::ranges::any_of(seen.followers, [&](const Follower& follower) {
      return follower.voter.member == old_leader_.name && follower.streaming &&
             (alone || follower.counted);
    });
    if (!leads_on && !follows) return;
    view_.after.old_leader_follows = true;
    report_.old_leader_back = clock_.now() - fault_at_;
  }

  // --- act

  void carry_out(const Step& decided, const std::string& because) {
    const auto nothing = [] {};
    std::visit(
        Overloaded{[&](const Refuse&) { nothing(); }, [&](const Finish&) { nothing(); },
                   [&](const Prepare&) { prepare(); }, [&](const StartLoad&) { start_load(); },
                   [&](const Inject&) { inject(); }, [&](const Revert&) { revert(because); },
                   [&](const EndLoad&) { end_load(because); }, [&](const Audit&) { audit(); },
                   [&](const CleanUp&) { clean_up(); }},
        decided);
  }

  void give_up(const Error& error) {
    if (!trouble_) trouble_ = error;
    view_.trouble = trouble_->what;
  }

  void prepare() {
    view_.prepared = true;  // from here on something may be there
    const State state{order_.id,    life_of(ports_.world.files, "self"),
                      order_.fault, order_.database,
                      order_.ca,    order_.service};
    if (Result<> kept = ports_.world.files.write(order_.state_file, to_json(state).dump(true));
        !kept) {
      return give_up(kept.error());
    }
    ports_.say(fmt::format("on {}, in database {}, for the ledger alone:", order_.service.name.text,
                           order_.database));
    for (const std::string& statement : ports_.writes.preparation(access_)) {
      ports_.say("  " + statement);
    }
    // What an earlier life of this schema left would be taken for rows of ours.
    Result<> done = ports_.writes.clean_up(old_leader_, access_, step());
    if (done) done = ports_.writes.prepare(old_leader_, access_, step());
    if (!done) give_up(done.error());
  }

  void start_load() {
    ledger::Plan plan;
    plan.id = order_.id;
    plan.members = order_.service.members;
    plan.access = access_;
    plan.writers = order_.writers;
    plan.rate = order_.rate;
    plan.file = order_.log_file;
    ports_.say(
        fmt::format("{} writers commit, {:g} rows a second at most", order_.writers, order_.rate));
    ledger_.emplace(ports_.world, ports_.writes, plan);
    load_began_ = green_since_ = clock_.now();
    if (Result<> started = ledger_->start(step()); !started) return give_up(started.error());
    view_.load = Load::running;
  }

  void inject() {
    measured_.was_green = true;
    if (Result<> may = ports_.may_break(); !may) return give_up(may.error());
    FaultOrder fault;
    fault.kind = order_.fault;
    fault.host = old_leader_.host;
    fault.member = old_leader_.name;
    fault.service = order_.service.name;
    fault.drill = order_.id;
    fault.revert_by = view_.limits.writes_within + view_.limits.served_for + 60s;
    ports_.say(fmt::format("{}: {}", order_.fault, old_leader_.host.text));
    const Result<Instant> at = ports_.injector.inject(fault, step());
    view_.damage = Damage::standing;  // also after an error: it may have begun
    fault_at_ = at.value_or(clock_.now());
    ledger_->mark(fault_at_);
    if (!at) return give_up(at.error());
    measured_.injected = true;
  }

  void revert(const std::string& because) {
    ports_.say(fmt::format("reverting the fault: {}", because));
    Result<> ended = end_fault(ports_, order_.id, clock_.within(3 * view_.limits.step));
    view_.damage = Damage::reverted;
    reverted_at_ = clock_.now();
    if (!ended) left_behind_ = ended.error();
  }

  void end_load(const std::string& because) {
    ports_.say("ending the load: " + because);
    ledger_->stop();
    view_.load = Load::ended;
    if (first_) report_.outage = ledger_->tally().longest_gap;
  }

  // Also after a drill in which nothing was broken: what was written is to be found.
  void audit() {
    const auto once = [this]() -> Result<LossReport> {
      WEIR_TRY(const Record record, ports_.record(order_.service.name, step()));
      WEIR_TRY(const Member leader, leader_of(record, order_.service));
      report_.leader_after = leader.name;
      report_.epoch_after = record.epoch.number;
      return ledger_->audit(leader, step());
    };
    Result<LossReport> loss = fail(Failure::timed_out, "could not audit: no answer");
    (void)poll_until(clock_, clock_.within(view_.limits.writes_within), 50ms, [&] {
      loss = once();
      // Damage of the log does not pass with time.
      return loss.has_value() || loss.error().failure == Failure::bad_data;
    });
    if (!loss) return give_up(loss.error());
    report_.loss = *loss;
    measured_.audited = true;
    view_.after.audited = true;
    ports_.say(fmt::format("{} acknowledged commits compared, {} lost", loss->acknowledged,
                           loss->lost_commits));
  }

  void clean_up() {
    ledger_.reset();
    Result<> dropped =
        drop_ledger(ports_, order_.service, access_, clock_.within(view_.limits.writes_within));
    view_.prepared = false;
    if (!dropped) {
      left_behind_ = dropped.error();
    } else if (!left_behind_) {
      dropped = ports_.world.files.remove(order_.state_file);
      if (!dropped) left_behind_ = dropped.error();
    }
  }

  // --- measure

  // Nothing is judged; what is said is what may still be there.
  Result<DrillReport> ended_early(Failure failure, const std::string& why) {
    const std::string rest = left_behind_                   ? "; " + left_behind_->what
                             : view_.damage == Damage::none ? "; nothing of it is left"
                                                            : "; its fault was reverted, and "
                                                              "nothing of it is left";
    return fail(failure, why + rest, left_behind_ ? left_behind_->hint : "");
  }

  Result<DrillReport> finish() {
    if (!view_.called_off.empty()) {
      return ended_early(over_ ? Failure::timed_out : Failure::cancelled, view_.called_off);
    }
    if (!view_.lever.empty()) {
      return ended_early(Failure::refused, "the drill was stopped: " + view_.lever);
    }
    // Before the load nothing was measured: the caller gets the reason itself.
    if (trouble_ && view_.load == Load::none) return fail(*trouble_);
    if (measured_.injected && first_) report_.rto = first_->read_back - fault_at_;
    if (report_.rto) {
      const Instant until = first_->read_back;
      report_.phases = complete(
          ports_.phases ? ports_.phases(fault_at_, until) : std::vector<Phase>{}, *report_.rto);
    }
    report_.fault_gone = view_.after.fault_gone;
    report_.old_leader_follows = view_.after.old_leader_follows;
    measured_.acknowledged_min = view_.limits.acknowledged_min;
    if (trouble_) measured_.trouble = trouble_->what;
    if (left_behind_) measured_.left_behind = left_behind_->what;
    const Judgement judgement = judge(report_, measured_);
    report_.verdict = judgement.verdict;
    report_.because = judgement.because;
    return report_;
  }

  const DrillOrder& order_;
  DrillPorts& ports_;
  Clock& clock_;
  engine::LedgerAccess access_;
  View view_;
  DrillReport report_;
  Measured measured_;
  Member old_leader_;
  std::optional<ledger::Ledger> ledger_;
  std::optional<ledger::FirstWrite> first_;
  std::optional<Error> trouble_;      // an effect failed for good
  std::optional<Error> left_behind_;  // fault, schema or role may still be there
  const Instant began_ = clock_.now();
  bool over_ = false;  // its time
  Instant load_began_{}, green_since_{}, fault_at_{}, reverted_at_{}, next_look_{},
      next_lever_look_{};
  std::uint64_t troubled_rows_ = 0;
};

}  // namespace

Result<DrillReport> run(const DrillOrder& order, DrillPorts& ports) {
  return Running(order, ports).run();
}

}  // namespace weir::drill
