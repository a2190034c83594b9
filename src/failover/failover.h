// Failover: who leads a service, decided by nobody in particular and carried out by the member
// chosen (safety.md S1, S3 to S7, S9, S10). Each voter's agent asks `decide` about its own member.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "failover/grant.h"
#include "failover/step.h"
#include "failover/view.h"
#include "store/keys.h"
#include "store/record_io.h"
#include "store/store.h"
#include "world/world.h"

namespace weir::failover {

// Pure, total: no clock, no I/O, no randomness. Rules run in order; the first that applies
// answers. The decision is about the view's own member, and about the record on its behalf.
Decision decide(const View& view);

// Whether this member's agent suspects the leader of the view's record (S3), and the sentence.
struct Suspicion {
  bool suspects = false;
  std::string because;
  bool operator==(const Suspicion&) const = default;
};
Suspicion suspicion(const View& view);

// Whether the step is journaled before its effect: all are but fencing, which must not wait for a
// disk, and asking, which has no effect.
bool needs_intent(const Step& step);
// Whether the step, done, leaves a replica that follows the record's leader.
bool points_at_leader(const Step& step);
// Whether the step is the start of a server that is down: settings may change before it is retried.
bool is_a_start(const Step& step);
// Whether our server leads by the record and takes no writes: isolated, now or by an earlier agent.
bool is_isolated(const View& view);
// Whether the step was a try to come back that tells something of that way: one that found no space
// does not, and another way would need more.
bool is_a_rejoin(const Step& step, const Result<>& outcome);
// Whether the record is worth reading from the store itself before this decision.
bool wants_fresh_record(const View& view);
// Whether this member leads and another one's server runs that does not yet stream and count: that
// is about to change, and the next heartbeat's turn is long.
bool expects_follower(const View& view);
// How long until a member is probed again: at each heartbeat where decisions wait for it.
Duration probe_pace(const Record& record, const MemberName& self, const MemberName& member,
                    const Policy& policy);
// Whether this member's own position is to be found on its disk now (S6: at its start, not in the
// round).
bool wants_standing(const View& view, bool known);

// Whether this member's server runs only under a deadline of its guard (S8): the record names it,
// in a mode that lets it acknowledge alone. And whether a replica's guard still holds an old one.
bool needs_deadline(const View& view);
bool keeps_old_deadline(const View& view);
// Whether the lease under which the record names this member is good for nothing but to be waited
// for: then its agent goes on in a new life.
bool gives_up_lease(const View& view);
// Whether the leader's lease may be over, which only a read of the store itself tells (S2).
bool wants_lease_read(const View& view);

// Whether the record names this member and its server is being brought up for that: promoted, or
// restarted in place. Others do not suspect it meanwhile, for a bounded time.
bool rising(const View& view);

// Whether this member may soon be wanted for a round: steps of other capabilities on it are to end.
bool comes_first(const View& view);

// Whether the promises of these voters intersect every set by which a commit may have been
// acknowledged: the set in force and every previous one (S5).
bool promises_suffice(const Record& record, const std::vector<Voter>& promised);
// Whether the voter's promise counts towards any of the record's sets.
bool is_voter(const Record& record, const Voter& voter);
// The promise to promote: the highest epoch's log, then the highest position, then one that does
// not leave, then the smallest name. Null if there is none, or if two of that epoch contradict.
const weir::Promise* freshest(const std::vector<weir::Promise>& promises,
                              const std::vector<MemberName>& leaving = {});

// What facts mean for later decisions. Each answers whether it is news worth deciding on at once.
bool learn_sighting(Other& other, const Sighting& sighting, const Policy& policy);
bool learn_own_sighting(Memory& memory, std::map<MemberName, Other>& others, Sighting& own,
                        const Sighting& sighting);
// Whether a member knows where its log ends: it leads, it receives, or its disk was read (S6).
bool knows_position(const Sighting& own, bool found_on_disk);
// Whether this member's agent reports it as sick: its writes do not move, or the record has named
// it for longer than a promotion may take and it does not lead.
bool is_sick(const View& view);

// For people: what would happen if the leader died now.
struct Readiness {
  bool possible = false;
  std::string because;
};
Readiness readiness(const View& view);

// What carrying out needs; borrowed.
struct Hands {
  World& world;
  store::Store& store;
  const store::Keys& keys;
  engine::Leads& leads;
  engine::Runs& runs;
  engine::Isolates* isolates;  // null: the engine has no such face
  const Member& self;
  const Service& service;
  store::Revision revision = 0;  // of the record that the decision was made from
};

// What came of a step; facts that the next view needs come along.
struct Done {
  Result<> outcome;
  std::optional<store::Held> written;  // the record that we wrote, as it stands in the store
  std::optional<weir::Promise> promise;
  std::optional<SyncSet> proven;
  std::optional<bool> writable;  // whether our leader takes writes from now on
  bool diverged = false;
  bool write_in_doubt = false;  // a write of the record whose outcome is unknown
};
// Effects of one step, by its deadline. AskOthers is the agent's own (it talks to agents) and
// asserted away here.
Done carry_out(const Step& step, const Hands& hands);

}  // namespace weir::failover
