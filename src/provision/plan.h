// What a fleet file would change, and what is written to the store for it, one state at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/fleet.h"
#include "model/report.h"

namespace weir::provision {

// What a fleet file would change. `known` is what was last applied, absent for a service that the
// store does not have; `present` is what a probe found, absent when nobody could be asked (then
// `unknown` is said).
struct FoundMember {
  MemberName name;
  Reach reach = Reach::unknown;
  std::optional<Incarnation> data;  // of ours, seen on a disk of this machine
};
struct Found {
  const Service* known = nullptr;
  std::optional<std::vector<Resource>> present;
  std::vector<FoundMember> members;
};
void plan_service(const Service& wanted, const Found& found,
                  const std::vector<engine::Attribute>& attributes, PlanReport& report);
// A service that the file no longer names.
void plan_gone(const Service& known, PlanReport& report);

// Every address of a service that a plan may name: "orders", "orders/member/a", "orders/param/x".
std::vector<std::string> addresses_of(const Service& service);
// `known` with only what `targets` name taken from `wanted`, and what that cannot be without: a
// grant its role and database, a database its owner. The service's own address means all of it.
Service targeted(const Service& wanted, const Service& known,
                 const std::vector<std::string>& targets);

// The next state to write on the way from `known` (absent: nothing) to `wanted`. A member that
// goes, or whose address changes, first leaves; whose address changes one at a time, `leader` last,
// and each joins anew only once it has left. Repeated until it answers what is written already.
Service next_desired(const Service& wanted, const Service* known, const MemberName& leader,
                     bool final_copies);
// The same for a service that the file no longer names: all of its members leave.
Service all_leaving(const Service& known, bool final_copies);

// The addresses whose data a plan destroys, outermost only: a service, a member, a database.
std::vector<std::string> destroyed_by(const PlanReport& report);
// Those of them that no name in `allowed` covers; a service's name covers all that is in it.
std::vector<std::string> not_allowed(const std::vector<std::string>& destroyed,
                                     const std::vector<std::string>& allowed);

}  // namespace weir::provision
