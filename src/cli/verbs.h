// One function per verb; each returns what the exit code is made of.
#pragma once

#include <functional>

#include "cli/session.h"

namespace weir::cli {

Result<> up(Session& session);      // init if needed, supervisor, apply, wait until healthy
Result<> down(Session& session);    // replicas first, then leaders, then our own processes
Result<> apply(Session& session);   // writes the desired fleet and waits until it is so
Result<> plan(Session& session);    // what apply would change
Result<> status(Session& session);  // one screen
Result<> init(Session& session);    // this machine holds the CA of a fleet of several machines
Result<> token(Session& session);   // one word that lets one host join
Result<> join(Session& session);    // this machine becomes a host of a fleet
Result<> drill(Session& session);   // break it, measure it, mend it
Result<> events(Session& session);  // what the agents did, and why
Result<> store(Session& session);   // serve it, or rebuild it
Result<> rebuild_store(Session& session);  // refill a store that lost what it had

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

// What an outside look at one service finds.
struct Look {
  store::HeldService desired;
  std::optional<store::Held> held;
  std::vector<std::pair<Member, Sighting>> members;
  // Healthy: led, a commit confirmed, every other member counted, applied as desired.
  bool healthy = false;
  std::string waiting_for;  // why not
};
Result<Look> look_at(Session& session, const store::HeldService& desired);
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
