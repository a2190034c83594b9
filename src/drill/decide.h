// What a drill does next, and what came of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "drill/limits.h"
#include "model/report.h"

namespace weir::drill {

enum class Load { none, running, ended };
enum class Damage { none, standing, reverted };

// What must hold before anything is touched.
struct Readiness {
  std::string other_drill;  // id of one that runs on this fleet; empty: none
  bool leader_serves = false;
  int replicas_healthy = 0;  // in the set, streaming, counted
  std::string frozen;        // the window that it is in, and its reason; empty: in none
  bool operator==(const Readiness&) const = default;
};

struct View {
  Limits limits;
  std::string called_off;  // by the user, or its time is over: why; empty: it goes on
  std::string lever;       // the safety lever is pulled: by whom, and why; empty: it is not
  std::string trouble;     // an effect failed for good; empty: none
  Readiness ready;
  bool prepared = false;  // schema, role and state file may exist
  Load load = Load::none;
  Duration load_for{};  // since it began
  Duration green_for{};
  Damage damage = Damage::none;
  Duration damage_for{};               // since T0, or since the revert once that was ordered
  std::optional<Duration> served_for;  // since the first write after T0 was read back
  // After the revert: verified as gone and the old leader follows. And the audit's end.
  struct After {
    bool fault_gone = false;
    bool old_leader_follows = false;
    bool audited = false;
  } after;
};

struct Refuse {
  bool operator==(const Refuse&) const = default;
};
struct Prepare {
  bool operator==(const Prepare&) const = default;
};
struct StartLoad {
  bool operator==(const StartLoad&) const = default;
};
struct Inject {
  bool operator==(const Inject&) const = default;
};
struct Revert {
  bool operator==(const Revert&) const = default;
};
struct EndLoad {
  bool operator==(const EndLoad&) const = default;
};
struct Audit {
  bool operator==(const Audit&) const = default;
};
struct CleanUp {
  bool operator==(const CleanUp&) const = default;
};
struct Finish {
  bool operator==(const Finish&) const = default;
};
using Step =
    std::variant<Refuse, Prepare, StartLoad, Inject, Revert, EndLoad, Audit, CleanUp, Finish>;

// At most one step; none: look again soon.
struct Decision {
  std::optional<Step> step;
  std::string because;
  bool operator==(const Decision&) const = default;
};
Decision decide(const View& view);

// What was measured, for the verdict.
struct Measured {
  bool was_green = false;
  bool injected = false;
  bool audited = false;
  std::string trouble;      // why something was not measured
  std::string left_behind;  // why fault, schema or role may still be there; empty: they are gone
  std::uint64_t acknowledged_min = 0;
};
struct Judgement {
  Verdict verdict = Verdict::void_run;
  std::string because;
  bool operator==(const Judgement&) const = default;
};
// Reads rto, loss, objective, fault_gone and old_leader_follows of the report.
Judgement judge(const DrillReport& report, const Measured& measured);

// Cuts what the deciding agent saw so that it fits the RTO, and adds `unattributed`: they sum.
std::vector<Phase> complete(std::vector<Phase> phases, Duration rto);

}  // namespace weir::drill
