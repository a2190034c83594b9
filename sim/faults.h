// The faults that a run can do to its fleet, as plain values: drawn from a seed, read from a
// scenario, shrunk.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace weir::sim {

enum class Fault {
  kill_server,    // SIGKILL of the server program; its backends live on for `lasts` (0: drawn)
  kill_host,      // power off; on again after `lasts`
  kill_agent,     // started again by the supervisor after a second, or after `lasts`
  hang_guard,     // of one server: it neither answers nor fences
  lose_data,      // the server dies and the member's folder is gone
  lose_tail,      // the server dies and what was last on its disk was never there
  pause_replay,   // for `lasts`: the startup process loads no settings
  pause_senders,  // for `lasts`: the walsenders that it has load no settings
  freeze_host,    // for `lasts`: nothing there runs, and time goes on
  freeze_agent,   // for `lasts`: as SIGSTOP
  cut_link,       // for `lasts`: nothing passes from the target to `to`
  slow_link,      // for `lasts`: what passes from the target to `to` comes late
  slow_disk,      // for `lasts`
  hang_disk,      // for `lasts`: nobody comes back from it
  fill_disk,      // for `lasts`: no space left
  step_clock,     // of a host: its wall clock alone, by `lasts`, for good
  kill_store,     // down for `lasts`
  freeze_store,   // for `lasts`: what it is asked is done at the thaw
  doubt_store,  // for `lasts`: answers to changes are lost, before the change, after, or it is late
  delay_watches,  // for `lasts`: news of the store come late
  stale_reads,    // for `lasts`: lists and watches of the store show what stood when it began
  lose_host,      // power off for good: it never comes back, nor its disk
  lose_store,     // it begins anew with nothing
  old_store,      // it goes back to a copy that was made when the load began
  rebuild_store,  // no fault: the operator's answer to the two
  set_sync,       // no fault: `weir apply` with another `sync`, the target's index
  set_mode,       // no fault: `weir apply` with another durability, `detail` is its name
  leave,          // no fault: `weir apply` of a file that no longer names the member
  archive_log,    // no fault: a leader's log so far is archived, as by a switch of its segment
  apply,          // no fault: `weir apply` with another parameter, `detail` is NAME=VALUE
};
constexpr std::size_t kFaults = 30;
const char* name_of(Fault fault);
std::optional<Fault> fault_named(const std::string& text);
// Between two ends, against one member, or against the store.
bool is_of_a_link(Fault fault);
bool is_of_the_store(Fault fault);

// Whom a fault is done to.
struct Target {
  // `clients` and `store` are ends of links only; `everyone` is every host, the clients and the
  // store but the other end.
  enum class Who { member, leader, replica, clients, store, everyone } who = Who::member;
  int index = 0;  // of the member, or which of the replicas
  bool operator==(const Target&) const = default;
};

struct FaultPlan {
  Duration at{};  // after the load began
  Fault fault = Fault::kill_server;
  Target target;
  Target to;               // of a link
  bool both_ways = false;  // of a link
  Duration lasts{};
  // At a place in an agent's code instead of at an instant: from `at` on (or from the start of the
  // run), at the first port call of any agent that is named so and whose detail contains the text,
  // or after `crossings` more. The victim of a kill is that agent, or its host for kill_host,
  // unless the fault is aimed at its target.
  std::string call;
  std::string detail;
  int crossings = 0;
  bool aimed = false;
  bool same_fiber = false;  // count only what the same activity does after that call
  bool from_start = false;
  bool operator==(const FaultPlan&) const = default;
};

// Does faults, now, and ends each after its time. Outside any fiber.
class Injector {
 public:
  explicit Injector(SimFleet& fleet) : fleet_(fleet) {}

  // What was done to whom, for people: "kill-host b".
  std::string inject(const FaultPlan& fault);
  void kill_agent(const HostName& host, Duration lasts = {});
  void kill_host(const HostName& host, Duration lasts);
  // Ends everything; hosts and agents that are down come back.
  void heal();
  // Who the target is now; a member always.
  MemberName member(const Target& target) const;

 private:
  std::vector<HostName> ends(const Target& target) const;
  void inject_member(const FaultPlan& fault, const MemberName& member);
  void inject_link(const FaultPlan& fault);
  void inject_store(const FaultPlan& fault);
  void later(Duration pause, std::function<void()> what) {
    fleet_.fibers().at(fleet_.fibers().now() + pause, std::move(what));
  }

  SimFleet& fleet_;
};

}  // namespace weir::sim
