// One value per verb, each in its own file, and what verbs share.
#pragma once

#include <functional>

#include "cli/known.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace weir::cli {

extern const Verb kUp;            // init if needed, supervisor, apply, wait until healthy
extern const Verb kInit;          // this machine holds the CA of a fleet of several machines
extern const Verb kToken;         // one word that lets one host join
extern const Verb kRevoke;        // a host's certificates count no more
extern const Verb kJoin;          // this machine becomes a host of a fleet
extern const Verb kDown;          // replicas first, then leaders, then our own processes
extern const Verb kApply;         // writes the desired fleet and waits until it is so
extern const Verb kPlan;          // what apply would change
extern const Verb kStatus;        // one screen
extern const Verb kDrill;         // break it, measure it, mend it
extern const Verb kGet;           // lists of things
extern const Verb kDescribe;      // all about one thing
extern const Verb kLogs;          // what a member's server and agent wrote
extern const Verb kEvents;        // what the agents did, and why
extern const Verb kExplain;       // what words mean
extern const Verb kVersion;       // which weir this is
extern const Verb kCompletion;    // a script for the shell
extern const Verb kComplete;      // what that script asks
extern const Verb kDocs;          // docs/cli.md
extern const Verb kStoreRebuild;  // refill a store that lost what it had
extern const Verb kStore;         // the processes that `up` leaves behind
extern const Verb kAgent;
extern const Verb kSupervisor;

// Shared by up, apply and plan.
Result<Fleet> load_fleet(Session& session);
Result<> refuse_unsupported(const Fleet& fleet);
// What every fleet's store has, services or not: made where it is absent.
Result<> write_frame(Session& session, const std::vector<Host>& hosts);
// refused where a member that answers remembers a record of this service: the store has lost it.
Result<> refuse_if_remembered(Session& session, const Service& service);
// Waits until each of `services` is led, confirmed and complete and has nobody who leaves, and
// until those of `gone` have left, telling what is waited for. A store that is away is waited for
// too. `keep` is called about once a second; its failure ends the wait.
Result<> await_applied(Session& session, const std::vector<ServiceName>& services,
                       const std::vector<ServiceName>& gone, Deadline deadline,
                       const std::function<Result<>()>& keep);
// Upgrade: what runs from another build of weir is replaced by ours. The supervisor is only ended,
// its children go on; agents go one by one, and no further than the first that does not come back.
Result<> end_other_supervisor(Session& session);
Result<> replace_other_store(Session& session);
Result<> replace_other_agents(Session& session);

// A declared password that is a reference is resolved on the leader's host and not here: whatever
// is there is taken for it.
void take_present_passwords(std::vector<Resource>& declared, const std::vector<Resource>& present);
// What differs between what is declared and what the leader has; nullopt when it cannot be asked.
std::optional<std::vector<engine::Difference>> undone(Session& session, engine::Engine& engine,
                                                      const Look& look);
// What the leader has of what could be declared; nullopt when it cannot be asked.
std::optional<std::vector<Resource>> present_at(Session& session, engine::Engine& engine,
                                                const Look& look,
                                                const std::vector<Resource>& declared);

}  // namespace weir::cli
