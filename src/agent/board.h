// What one agent knows of one service: the only state that its loops share. Every method takes the
// lock for itself and holds it over no port call.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "failover/failover.h"
#include "provision/provision.h"
#include "store/record_io.h"

namespace weir::agent {

// A voice as it travels in heartbeats, with the promise of the open round.
struct Spoken {
  failover::Voice voice;
  std::optional<Promise> promise;
};
Json to_json(const Spoken& spoken);
const char* name_of(ServerLife life);  // "running", "ended", "absent"
Spoken spoken_from(const Json& json, Instant heard);

class Board {
 public:
  // `remembered`: what an earlier life of this agent kept of the record; absent: nothing.
  Board(Member self, HostName host, AgentLife life, Instant began,
        std::optional<Remembered> remembered);

  // From the store. Answers whether anything that decisions rest on has changed.
  bool learn_service(const store::HeldService& held);
  // A record that is older than one read before is not learned: the store may have lost it, which
  // only a read of its own can tell (`doubts`).
  bool learn_record(const store::Held& held, Instant now);
  // From a linearizable read that began when `known` was the highest reading; absent: no record.
  // Answers whether anything has changed. S12: a store that has lost the record is seen here. What
  // was overtaken by a newer record says nothing, and the store is to be read again.
  bool learn_read(const std::optional<store::Held>& held, const Reading& known, Instant now);
  void doubt();  // the store may have lost what it had: it is to be read
  bool doubts() const;
  Reading known() const;
  bool store_lost() const;
  // What is not durably remembered yet, and that it now is.
  std::optional<Remembered> unsaved(const FleetName& fleet) const;
  void learn_saved(const Remembered& remembered);
  // A host's renewal; `read`: by a read that began then, not by the watch (safety.md S2).
  void learn_renewal(const HostName& host, const Json& renewal, Instant now,
                     std::optional<Instant> read = {});
  // While the store is away: this member granted the host of the leader its lease, which counts as
  // a renewal; and our own lease was extended, by all of these.
  void learn_grant(const HostName& host, Instant now);
  void learn_extended(const std::vector<MemberName>& by, Instant asked);
  void learn_store_heard(Instant now);     // the store has answered
  void learn_life(const AgentLife& life);  // our lease was lost: a new one began

  // From the probers and the other agents; both answer whether it is news worth a decision.
  bool learn_sighting(const MemberName& member, const Sighting& sighting, const Timings& timings);
  bool learn_voice(const MemberName& member, const Spoken& spoken);
  void learn_refusal(const HostName& host, Instant at);

  // From our own steps and host.
  // Answers whether the others should hear of it at once: our server came up or went down.
  bool learn_local(const engine::Local& local, Instant now);
  void learn_standing(const Standing& standing);  // our own position, in this life of the server
  // `followed`: the step pointed our replica at the leader, and succeeded. Answers whether the
  // step wrote a record that is newer than the one known.
  bool learn_done(const failover::Done& done, bool followed, Instant now);
  // A set is about to be loaded: whatever was proven before says nothing from here on, also if the
  // loading fails half-way.
  void forget_proof();
  void learn_rejoin();
  void learn_answers(failover::Answers answers);
  void learn_settled(provision::Settled settled);
  void forget_settled();  // what lies on disk for our server has changed
  void learn_differences(std::optional<std::vector<engine::Difference>> differences, Instant now);
  // After a gap in our own running: forget what others said and were seen to do (safety.md S2).
  void forget(Instant now);
  void conclude(std::string because);

  // Snapshots.
  std::optional<Service> service() const;
  std::optional<store::Held> held() const;
  std::int64_t desired_revision() const;
  bool position_known() const;
  Duration probe_pace(const MemberName& member, const Timings& timings) const;
  failover::View view(Instant now, const Timings& timings, const Incarnation& fresh,
                      Duration jitter) const;
  provision::View provision_view(Instant now, const Incarnation& fresh) const;
  Spoken speak(Instant now, const Timings& timings) const;
  Sighting seen(const MemberName& member) const;
  std::string because() const;

 private:
  Reading known_locked() const;
  std::string why_lost(const StoreAnswer& answer, const Reading& known) const;
  bool take_record(const store::Held& held, Instant now);
  failover::View view_locked(Instant now, const Timings& timings, const Incarnation& fresh,
                             Duration jitter) const;
  failover::Policy policy(const Timings& timings) const;
  bool position_known_locked() const;
  std::string server_life() const;  // names the present life of our server or its stopped data

  const Member self_;
  const HostName host_;

  mutable std::mutex mutex_;
  AgentLife life_;
  std::map<HostName, std::string> renewals_;  // the last one seen of each host, as text
  std::optional<Service> service_;
  std::int64_t desired_revision_ = 0;
  std::optional<store::Held> held_;
  std::optional<Remembered> remembered_;  // durably; of this life or an earlier one
  bool doubts_ = false;
  engine::Local own_;
  failover::Memory memory_;
  failover::Answers answers_;
  std::map<MemberName, failover::Other> others_;
  std::map<MemberName, Promise> promises_;
  Sighting own_seen_;
  std::optional<Standing> standing_;
  std::string standing_life_;  // the server life in which it was found
  std::optional<provision::Settled> settled_;
  std::optional<provision::Compared> differences_;
  std::string because_;
};

}  // namespace weir::agent
