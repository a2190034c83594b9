// Each fault ends by itself; `heal` ends what is left at once, and ends that come later change
// nothing any more.
#include "sim/faults.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir::sim {
namespace {

constexpr Duration kAgentRestart = 1s;
constexpr Duration kSlowLink = 400ms;
constexpr Duration kWatchDelay = 2s;
constexpr double kDoubt = 0.3;
constexpr std::size_t kTailRows = 20;

struct Row {
  Fault fault;
  const char* name;
};
constexpr std::array<Row, kFaults> kRows{
    {{Fault::kill_server, "kill-server"},   {Fault::kill_host, "kill-host"},
     {Fault::kill_agent, "kill-agent"},     {Fault::lose_data, "lose-data"},
     {Fault::pause_replay, "pause-replay"}, {Fault::pause_senders, "pause-senders"},
     {Fault::lose_tail, "lose-tail"},       {Fault::freeze_host, "freeze-host"},
     {Fault::freeze_agent, "freeze-agent"}, {Fault::cut_link, "cut-link"},
     {Fault::slow_link, "slow-link"},       {Fault::slow_disk, "slow-disk"},
     {Fault::hang_disk, "hang-disk"},       {Fault::fill_disk, "fill-disk"},
     {Fault::kill_store, "kill-store"},     {Fault::freeze_store, "freeze-store"},
     {Fault::doubt_store, "doubt-store"},   {Fault::delay_watches, "delay-watches"},
     {Fault::lose_host, "lose-host"},       {Fault::lose_store, "lose-store"},
     {Fault::old_store, "old-store"},       {Fault::rebuild_store, "rebuild-store"},
     {Fault::set_sync, "set-sync"},         {Fault::apply, "apply"},
     {Fault::hang_guard, "hang-guard"},     {Fault::step_clock, "step-clock"},
     {Fault::stale_reads, "stale-reads"},   {Fault::set_mode, "set-mode"},
     {Fault::archive_log, "archive-log"},   {Fault::leave, "leave"}}};

std::string names(const std::vector<HostName>& hosts) {
  std::string out;
  for (const HostName& host : hosts) out += (out.empty() ? "" : ",") + host.text;
  return out;
}

}  // namespace

const char* name_of(Fault fault) { return std::ranges::find(kRows, fault, &Row::fault)->name; }

std::optional<Fault> fault_named(const std::string& text) {
  const auto found = std::ranges::find(kRows, text, &Row::name);
  if (found == kRows.end()) return std::nullopt;
  return found->fault;
}

bool is_of_a_link(Fault fault) { return fault == Fault::cut_link || fault == Fault::slow_link; }

bool is_of_the_store(Fault fault) {
  return fault == Fault::kill_store || fault == Fault::freeze_store ||
         fault == Fault::doubt_store || fault == Fault::delay_watches ||
         fault == Fault::stale_reads || fault == Fault::lose_store || fault == Fault::old_store ||
         fault == Fault::rebuild_store;
}

MemberName Injector::member(const Target& target) const {
  const auto& members = fleet_.service().members;
  const MemberName leader = fleet_.record().leader.member;
  if (target.who == Target::Who::leader) return leader;
  std::vector<MemberName> names;
  for (const Member& member : members) {
    const bool fits = target.who != Target::Who::replica || member.name != leader;
    if (fits) names.push_back(member.name);
  }
  return names[static_cast<std::size_t>(target.index) % names.size()];
}

std::vector<HostName> Injector::ends(const Target& target) const {
  switch (target.who) {
    case Target::Who::clients:
      return {kClients};
    case Target::Who::store:
      return {kStore};
    case Target::Who::everyone: {
      std::vector<HostName> out{kClients, kStore};
      for (const Member& member : fleet_.service().members) out.push_back(member.host);
      return out;
    }
    case Target::Who::member:
    case Target::Who::leader:
    case Target::Who::replica:
      break;
  }
  return {fleet_.host_of(member(target))};
}

std::string Injector::inject(const FaultPlan& fault) {
  if (is_of_the_store(fault.fault)) {
    inject_store(fault);
    return name_of(fault.fault);
  }
  if (fault.fault == Fault::set_sync) {
    fleet_.apply_sync(fault.target.index);
    return fmt::format("{} {}", name_of(fault.fault), fault.target.index);
  }
  if (fault.fault == Fault::set_mode) {
    fleet_.apply_durability(*durability_named(fault.detail));
    return fmt::format("{} {}", name_of(fault.fault), fault.detail);
  }
  if (fault.fault == Fault::leave) {
    const MemberName leaving = member(fault.target);
    fleet_.apply_without(leaving);
    return fmt::format("{} {}", name_of(fault.fault), leaving.text);
  }
  if (fault.fault == Fault::apply) {
    const std::vector<std::string> pair = split(fault.detail, '=');
    fleet_.apply_parameter(pair.front(), pair.back());
    return fmt::format("{} {}", name_of(fault.fault), fault.detail);
  }
  if (is_of_a_link(fault.fault)) {
    inject_link(fault);
    return fmt::format("{} {}{}{}", name_of(fault.fault), names(ends(fault.target)),
                       fault.both_ways ? "<->" : "->", names(ends(fault.to)));
  }
  const MemberName victim = member(fault.target);
  if (fault.fault == Fault::archive_log) {
    fleet_.cluster().archive(fleet_.truth().id(victim));
  } else {
    inject_member(fault, victim);
  }
  return fmt::format("{} {}", name_of(fault.fault), victim.text);
}

void Injector::kill_agent(const HostName& host, Duration lasts) {
  fleet_.kill_agent(host);
  later(std::max(lasts, kAgentRestart), [this, host] { fleet_.start_agent(host); });
}

void Injector::kill_host(const HostName& host, Duration lasts) {
  fleet_.kill_host(host);
  later(lasts, [this, host] { fleet_.revive_host(host); });
}

void Injector::inject_member(const FaultPlan& fault, const MemberName& member) {
  const HostName host = fleet_.host_of(member);
  const std::string id = fleet_.truth().id(member);
  const auto disk = [&](engine::DiskHealth health) {
    fleet_.set_disk(host, health);
    later(fault.lasts, [this, host] { fleet_.set_disk(host, engine::DiskHealth::well); });
  };
  switch (fault.fault) {
    case Fault::kill_server:
      fleet_.cluster().kill_server(id, fault.lasts);
      break;
    case Fault::kill_host:
      kill_host(host, fault.lasts);
      break;
    case Fault::kill_agent:
      kill_agent(host, fault.lasts);
      break;
    case Fault::hang_guard:
      fleet_.host(host).guards.hang_guard(id);
      break;
    case Fault::lose_data:
      fleet_.cluster().lose_data(id);
      break;
    case Fault::lose_tail:
      fleet_.cluster().lose_tail(id, kTailRows);
      break;
    case Fault::lose_host:
      fleet_.kill_host(host);
      fleet_.lost.insert(host);
      break;
    case Fault::pause_replay:
      fleet_.cluster().pause_replay(id, fleet_.fibers().now() + fault.lasts);
      break;
    case Fault::pause_senders:
      fleet_.cluster().pause_senders(id, fleet_.fibers().now() + fault.lasts);
      break;
    case Fault::freeze_host:
      fleet_.freeze_host(host);
      later(fault.lasts, [this, host] { fleet_.thaw_host(host); });
      break;
    case Fault::freeze_agent:
      fleet_.freeze_agent(host);
      later(fault.lasts, [this, host] { fleet_.thaw_agent(host); });
      break;
    case Fault::step_clock:
      fleet_.step_clock(host, fault.lasts);
      break;
    case Fault::slow_disk:
      disk(engine::DiskHealth::slow);
      break;
    case Fault::hang_disk:
      disk(engine::DiskHealth::hung);
      break;
    default:
      disk(engine::DiskHealth::full);
      break;
  }
}

void Injector::inject_link(const FaultPlan& fault) {
  for (const HostName& from : ends(fault.target)) {
    for (const HostName& to : ends(fault.to)) {
      if (from == to) continue;
      const auto one = [&](const HostName& a, const HostName& b) {
        if (fault.fault == Fault::cut_link) {
          fleet_.net().cut(a, b);
        } else {
          fleet_.net().slow(a, b, kSlowLink);
        }
        later(fault.lasts, [this, a, b] { fleet_.net().mend(a, b); });
      };
      one(from, to);
      if (fault.both_ways) one(to, from);
    }
  }
}

void Injector::inject_store(const FaultPlan& fault) {
  StoreServer& store = fleet_.store();
  switch (fault.fault) {
    case Fault::kill_store:
      store.set_down(true);
      break;
    case Fault::freeze_store:
      store.freeze(fleet_.fibers().now());
      break;
    case Fault::doubt_store:
      store.doubt(kDoubt);
      break;
    case Fault::stale_reads:
      store.fall_behind();
      break;
    case Fault::lose_store:
      return fleet_.store_copies().lose();
    case Fault::old_store:
      return fleet_.store_copies().go_back();
    case Fault::rebuild_store:
      return fleet_.rebuild_store();
    default:
      store.delay_watches(kWatchDelay);
      break;
  }
  later(fault.lasts, [this, &store] { store.heal(fleet_.fibers().now()); });
}

void Injector::heal() {
  fleet_.net().mend_all();
  fleet_.store().heal(fleet_.fibers().now());
  for (const Member& member : fleet_.service().all()) {
    fleet_.set_disk(member.host, engine::DiskHealth::well);
    fleet_.thaw_host(member.host);
    fleet_.thaw_agent(member.host);
    fleet_.revive_host(member.host);
    later(kAgentRestart, [this, host = member.host] { fleet_.start_agent(host); });
    fleet_.cluster().pause_replay(fleet_.truth().id(member.name), fleet_.fibers().now());
    fleet_.cluster().pause_senders(fleet_.truth().id(member.name), fleet_.fibers().now());
  }
}

}  // namespace weir::sim
