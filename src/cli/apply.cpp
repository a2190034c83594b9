// weir apply -f FILE: shows the plan, asks, writes the desired fleet to the store, and waits while
// the agents converge. Cut off at any time it is resumed by the next.
#include <fmt/format.h>

#include <algorithm>

#include "cli/ask.h"
#include "cli/desire.h"
#include "cli/held_claim.h"
#include "cli/planning.h"
#include "cli/saved_plan.h"
#include "cli/verbs.h"
#include "provision/provision.h"

namespace weir::cli {
namespace {

constexpr Duration kApplyLimit = 300s;
constexpr Duration kClaimLasts = 30min;  // the question waits for a person

std::string command(const Session& session) {
  const Options& options = session.options();
  return options.plan_file.empty() ? "weir apply -f " + options.file
                                   : "weir apply " + options.plan_file;
}

// A saved plan was read and decided on before; only destroying asks again.
Result<> confirm(Session& session, const Planned& planned) {
  const Options& options = session.options();
  if (!options.yes && options.plan_file.empty()) {
    if (!can_ask(session)) {
      return fail(Failure::refused, "applying asks for a yes, and nobody can be asked here",
                  command(session) + " --yes");
    }
    WEIR_TRY(const std::string typed, ask(session, "apply this? Only `yes` is a yes:"));
    if (typed != "yes") return fail(Failure::cancelled, "nothing was changed");
  }
  return confirm_destruction(
      session,
      provision::not_allowed(provision::destroyed_by(planned.report), options.destroy_data),
      command(session) + " --yes");
}

// The claims of all services that this apply is about, from before it looks until it is done
// (safety.md S11): every agent acts under them on its own members. A second apply is told who holds
// them, since when and for how long.
class Claims {
 public:
  explicit Claims(Session& session) : session_(session) {}

  Result<> take(const std::vector<Service>& services) {
    for (const Service& service : services) {
      WEIR_TRY(auto held, HeldClaim::take(session_, order(service)));
      held_.emplace_back(service, std::move(held));
    }
    return {};
  }

  // A failover comes first, also one that a leaving leader asks for; after it the claim is taken
  // anew. An agent that is away gives it back to another of the same name by itself.
  Result<> keep() {
    for (auto& [service, held] : held_) {
      const auto checked = held->check();
      if (checked || checked.error().failure != Failure::refused) continue;
      held.reset();
      WEIR_TRY(held, HeldClaim::take(session_, order(service)));
    }
    return {};
  }

 private:
  static ClaimOrder order(const Service& service) {
    ClaimOrder out;
    out.service = service;
    out.capability = Capability::provision;
    out.verb = "weir apply";
    out.lasts = kClaimLasts;
    out.for_all = true;
    return out;
  }

  Session& session_;
  std::vector<std::pair<Service, std::unique_ptr<HeldClaim>>> held_;
};

struct Asked {
  Fleet file;
  std::vector<std::string> targets;
  std::optional<SavedPlan> saved;
};

Result<Asked> asked_for(Session& session) {
  Asked out;
  const Options& options = session.options();
  if (options.plan_file.empty()) {
    WEIR_TRY(out.file, load_fleet(session));
    out.targets = options.targets;
    return out;
  }
  if (!options.file.empty() || !options.targets.empty()) {
    return fail(Failure::bad_config, "a saved plan has its file and its targets in it already",
                "weir apply " + options.plan_file);
  }
  const auto text = session.machine().files.read(options.plan_file);
  if (!text) {
    return fail(text.error().failure,
                fmt::format("cannot read the plan {}: {}", options.plan_file, text.error().what));
  }
  const auto json = Json::parse(*text);
  if (!json) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the plan {}: it is no JSON", options.plan_file),
                "weir plan -f FILE --out " + options.plan_file);
  }
  WEIR_TRY(out.saved, saved_plan_from(*json));
  out.file = out.saved->fleet;
  out.targets = out.saved->targets;
  return out;
}

// What the store has already: whoever is first to write a new service is told by its revision, and
// its hosts may have no agent yet who could hold a claim.
Result<std::vector<Service>> concerned(Session& session, const Asked& asked) {
  WEIR_TRY(const auto known,
           store::list_desired(session.store(), session.keys(), session.within(5s)));
  std::vector<Service> out;
  for (const auto& held : known) {
    const bool asked_for =
        asked.targets.empty() || std::ranges::any_of(asked.targets, [&](const std::string& target) {
          return target.substr(0, target.find('/')) == held.service.name.text;
        });
    if (asked_for) out.push_back(held.service);
  }
  return out;
}

Result<> apply(Session& session) {
  WEIR_TRY(const Asked asked, asked_for(session));
  WEIR_TRY_(refuse_unsupported(asked.file));
  WEIR_TRY_(session.open());
  if (session.facts().name != asked.file.name) {
    return fail(Failure::bad_config, fmt::format("the file declares fleet {}, and fleet {} is here",
                                                 asked.file.name.text, session.facts().name.text));
  }
  WEIR_TRY_(session.wake_store());
  if (session.store_is_ours()) {
    return fail(Failure::unreachable, "the fleet does not run here",
                "weir up -f " + session.options().file);
  }
  Claims claims(session);
  WEIR_TRY(const std::vector<Service> services, concerned(session, asked));
  WEIR_TRY_(claims.take(services));
  WEIR_TRY(const Planned planned, make_plan(session, asked.file, asked.targets));
  if (asked.saved) WEIR_TRY_(check_unmoved(*asked.saved, planned.revisions));
  print_plan(session, planned.report);
  if (!planned.report.has_changes()) return {};
  WEIR_TRY_(check_possible(planned));
  WEIR_TRY_(confirm(session, planned));
  WEIR_TRY_(reach_desired(session, planned, kApplyLimit, [&claims] { return claims.keep(); }));
  const PlanReport& done = planned.report;
  const std::string told =
      fmt::format("Applied: {} added, {} changed, {} replaced, {} destroyed.",
                  done.count("create") + done.count("adopt"), done.count("update"),
                  done.count("replace"), done.count("delete"));
  if (session.wants_data()) {
    session.progress(told);
  } else {
    session.print(told);
  }
  return {};
}

void apply_takes(Grammar& grammar, Options& options) {
  take_file(grammar, options);
  take_targets(grammar, options);
  take_destruction(grammar, options);
  take_timeout(grammar, options);
  grammar.positional("PLAN", &options.plan_file, "A plan that was saved by `weir plan --out`")
      .offering(Offers::files);
}

}  // namespace

constinit const Verb kApply{
    "apply",
    Group::fleet,
    "Write the desired fleet and wait until it is so",
    "Shows the plan, asks, writes the file to the store, one key per service, and waits while the\n"
    "agents make it so. Interrupted, the same command goes on from there. Data is destroyed only "
    "by\n"
    "its name, and a final copy is kept.",
    "weir apply -f fleet.yaml\n"
    "\n"
    "# In a script\n"
    "weir apply -f fleet.yaml --yes\n"
    "\n"
    "# Exactly what `weir plan --out week.plan` showed\n"
    "weir apply week.plan",
    kAnswers,
    apply_takes,
    apply,
};

}  // namespace weir::cli
