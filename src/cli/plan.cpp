// weir plan -f FILE: what apply would change; works before the first agent.
#include <filesystem>

#include "cli/planning.h"
#include "cli/saved_plan.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

// The fleet as the file has it, with its references: what a password is never comes in.
Result<> save(Session& session, const Fleet& fleet, const Planned& planned) {
  const Options& options = session.options();
  const SavedPlan saved{fleet, options.targets, planned.revisions};
  const std::string path = std::filesystem::absolute(options.out);
  WEIR_TRY_(session.machine().files.write(path, to_json(saved).dump(true) + "\n", 0600));
  session.progress("saved; to do exactly this: weir apply " + options.out);
  return {};
}

Result<> plan(Session& session) {
  WEIR_TRY(const Fleet fleet, load_fleet(session));
  WEIR_TRY_(refuse_unsupported(fleet));
  WEIR_TRY(const Planned planned, make_plan(session, fleet, session.options().targets));
  print_plan(session, planned.report);
  if (!session.options().out.empty()) WEIR_TRY_(save(session, fleet, planned));
  if (session.options().detailed_exit && planned.report.has_changes()) {
    return fail(Failure::plan_has_changes, "");
  }
  return {};
}

void plan_takes(Grammar& grammar, Options& options) {
  take_file(grammar, options);
  grammar.flag("--detailed-exitcode", options.detailed_exit,
               "Exit 0 without changes, 2 with changes, 1 on errors");
  grammar.option("--out", "PLAN", &options.out, "Save the plan in a file, for `weir apply PLAN`")
      .offering(Offers::files);
  take_targets(grammar, options);
}

}  // namespace

constinit const Verb kPlan{
    "plan",
    Group::fleet,
    "Show what apply would change",
    "Changes nothing. Works before the first agent runs: it looks at the store and at the members\n"
    "themselves. What cannot be looked at is planned as unknown, never as absent.",
    "# What would change\n"
    "weir plan -f fleet.yaml\n"
    "\n"
    "# In a script: exit 2 when there are changes\n"
    "weir plan -f fleet.yaml --detailed-exitcode -o json\n"
    "\n"
    "# Read it now, apply exactly it later\n"
    "weir plan -f fleet.yaml --out monday.plan",
    kAnswers,
    plan_takes,
    plan,
};

}  // namespace weir::cli
