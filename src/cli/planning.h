// What `plan` shows and `apply` does: one look at the store and the servers, one report.
#pragma once

#include <map>

#include "cli/grammar.h"
#include "cli/session.h"
#include "model/report.h"

namespace weir::cli {

struct Planned {
  Fleet wanted;                   // what applying would write
  std::vector<ServiceName> gone;  // what the store has and the file has not
  PlanReport report;
  // Of each service in it, where its desired state stands in the store; 0: nowhere yet.
  std::map<ServiceName, store::Revision> revisions;
};

// Compares the file with what was last applied and with what is there. Where no fleet was made yet
// everything is new; a store that does not answer is a failure, never an empty one.
// `targets` are addresses to look at and leave the rest as it is; none: everything.
Result<Planned> make_plan(Session& session, const Fleet& file,
                          const std::vector<std::string>& targets);

// --target.
void take_targets(Grammar& grammar, Options& options);

void print_plan(const Session& session, const PlanReport& report);

}  // namespace weir::cli
