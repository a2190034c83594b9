// The faces of an engine. Callers ask for a face, never for an engine's name; what an engine
// lacks it does not return.
//
// Contract of every call, proved for each engine and for the fake by engine/conformance.h:
//  - it returns by its deadline;
//  - repeating a call whose effect already holds succeeds and changes nothing;
//  - Failure::outcome_unknown means: look again before acting again.
// An engine object belongs to one host's agent (or to a CLI, for observing). Its calls may be made
// from any thread; two calls that change the same member are never made at once by the caller.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/epoch.h"
#include "model/fleet.h"
#include "model/promise.h"
#include "model/record.h"
#include "model/sighting.h"
#include "world/world.h"

namespace weir::engine {

// Sees servers as a client would, wherever they run.
class Observes {
 public:
  virtual ~Observes() = default;
  // Never fails: an unreachable server is a sighting. Of a leader of this engine's own host it also
  // tells, within seconds, that the server can write nothing: it is sick.
  virtual Sighting probe(const Member& member, Deadline deadline) = 0;
  // Leader only: writes and reads back one row of weir's own; says whether writes work now.
  virtual Result<> probe_write(const Member& member, Deadline deadline) = 0;
};

// Whom to follow: the leader of a record.
struct Upstream {
  Member leader;
  Epoch epoch;
  bool operator==(const Upstream&) const = default;
};

// What this host durably knows of its own member, from its disk and processes.
struct Local {
  bool data = false;               // a data directory that is ours and whole is there
  bool foreign = false;            // something is there that is not ours: never touched
  std::string trouble;             // why `foreign`, or why the data is not whole
  Incarnation incarnation;         // of the data; empty without data
  std::int64_t promised = 0;       // the promise held on disk; 0: none
  std::int64_t promised_last = 0;  // the highest round ever promised
  bool half_rewound = false;       // a rewind was cut off: must not be started
  ServerState server;
  bool processes_left = false;  // server ended, but a process of it lives on
  bool as_replica = false;      // it starts, or runs, as a replica
  Epoch follows_epoch;          // the epoch whose leader it is set to follow
  Epoch led;                    // the last epoch in which it opened for writes; none: never
  std::optional<Duration> restart_estimate;  // a start in place with its crash recovery; unknown
                                             // is a value
  MemberName follows;                        // that leader
  // Its settings name that leader, and its receiver's key is there. A promise that failed half-way
  // leaves a replica that receives nothing: to be pointed at its leader anew.
  bool pointed = true;
  // Replica or stopped: the end of the valid log on its own disk, found by `find_standing` in this
  // life of its server; not looked at here.
  std::optional<Standing> standing;
};

enum class StopMode { fast, immediate };

// Starts, stops and makes members of this host.
class Runs {
 public:
  virtual ~Runs() = default;
  // Makes the first data of a service: an empty database cluster that starts as a leader of
  // `epoch`. Refuses if any data is there that has another incarnation (refused), or that is not
  // ours (bad_data; it is left untouched).
  virtual Result<> create(const Member& member, const Incarnation& incarnation,
                          const Service& service, Deadline deadline) = 0;
  // Makes a replica's data from the upstream's, under a new incarnation. Data that was there is
  // kept beside it, once.
  virtual Result<> copy(const Member& member, const Upstream& upstream,
                        const Incarnation& incarnation, const Service& service,
                        Deadline deadline) = 0;
  // Starts the server as its data says: leader, or replica. Takes the start lock and reads the
  // promise under it (safety.md S6): as leader it refuses while any promise above `epoch` is held.
  // held: a stranger has the port, named. Returns once it accepts connections of weir's own.
  virtual Result<> start(const Member& member, Epoch epoch, Deadline deadline) = 0;
  virtual Result<> stop(const Member& member, StopMode mode, Deadline deadline) = 0;
  // Stops at once: immediate, then SIGKILL of all its processes; returns once none is left.
  // May be called beside any other call.
  virtual Result<> fence(const Member& member, Deadline deadline) = 0;
  virtual Result<Local> local(const Member& member) = 0;
  // Writes the settings that a server of this host needs to run (files, certificates, parameters of
  // the service) and reloads a running one. Returns what waits for a restart, by parameter name.
  virtual Result<std::vector<std::string>> settle(const Member& member, const Service& service,
                                                  bool clients_let_in, Deadline deadline) = 0;
  // Stops the member and removes what is its own, for good. Only ever for a member that the fleet
  // file no longer has. Its data is first moved to FINALS/`kept_as`, unless that is empty.
  virtual Result<> destroy(const Member& member, const std::string& kept_as, Deadline deadline) = 0;
};

// One difference between what is declared and what is there.
struct Difference {
  Resource wanted;     // empty name: to be deleted
  Resource present;    // empty name: to be created
  std::string effect;  // "", "reload", "restart", "replace"
  std::string reason;
  bool final_copy = true;  // data that it deletes is kept under another name
  bool operator==(const Difference&) const = default;
};

// What a parameter or attribute does when it changes; one table per engine.
struct Attribute {
  std::string kind;  // "param"
  std::string name;
  std::string effect;     // "", "reload", "restart", "replace"
  std::string canonical;  // how to compare: "text", "bytes", "duration", "bool", "number", "list"
};

// What a leader does that has lost both the store and those who could acknowledge (safety.md S8).
class Isolates {
 public:
  virtual ~Isolates() = default;
  // Takes no writes any more, so that clients go on to the next address, and terminates (never
  // cancels) the sessions that wait: they end in doubt. A promotion and a start as leader undo it.
  virtual Result<> isolate(const Member& member, Deadline deadline) = 0;
  virtual Result<> take_writes(const Member& member, Deadline deadline) = 0;
};

// Databases, roles, grants, parameters.
class Shapes {
 public:
  virtual ~Shapes() = default;
  // What is there now, read from a serving member: only kinds and names that could be declared;
  // parameters only those in `declared`, and those that somebody set on the server itself.
  virtual Result<std::vector<Resource>> present(const Member& member,
                                                const std::vector<Resource>& declared,
                                                Deadline deadline) = 0;
  // Makes one difference true on the leader (parameters are settle's). In one transaction where
  // the engine can. `secret` is the password's verifier where the resource has one.
  virtual Result<> apply(const Member& leader, const Difference& difference, Deadline deadline) = 0;
  virtual std::vector<Attribute> attributes() const = 0;
};

// The one generic diff of all engines: pure.
std::vector<Difference> diff(const std::vector<Resource>& wanted,
                             const std::vector<Resource>& present,
                             const std::vector<Attribute>& attributes);

enum class Rejoin { rewind, rebuild };

// What the failover brain needs from an engine that does not elect by itself. All but `promote`,
// `load_set` and `confirm` act on a member of this host that is or becomes a replica.
class Leads {
 public:
  virtual ~Leads() = default;
  // Success only after the member was seen to receive nothing more, and its word is on disk
  // (safety.md S6). For a former leader: its server must be stopped (refused otherwise).
  // Repeating it for the same round answers the same promise. Refuses below a promise held.
  virtual Result<Promise> promise(const Member& member, std::int64_t round, Deadline deadline) = 0;
  // Gives the promise of `round` back after the record closed that round without a leader; the
  // upstream given is followed again (absent: the member stays without one).
  virtual Result<> release(const Member& member, std::int64_t round,
                           const std::optional<Upstream>& upstream, Deadline deadline) = 0;
  // Points a replica at the leader of a record, started if it is not. Refuses below the promise.
  // bad_data if its log does not descend from the leader's: it needs rejoin.
  virtual Result<> follow(const Member& member, const Upstream& upstream, Deadline deadline) = 0;
  // Opens for writes as leader of `epoch` with `set` loaded from the first moment on, and notes the
  // epoch durably (Local::led) before it opens. The caller's record names this member. A stopped
  // member, a former leader too, is first started as a replica of nobody, so that every promotion
  // begins a timeline. Ends the promise that it held.
  virtual Result<> promote(const Member& member, Epoch epoch, const SyncSet& set,
                           Deadline deadline) = 0;
  // Makes commits wait for `set.number` of `set.voters`; no voters: for nobody that exists; no
  // number: for nobody at all.
  // Success means loaded by every process that acts on it (safety.md S7), and that after it the
  // listed have confirmed a position read after the load. timed_out: written, not yet proven.
  virtual Result<> load_set(const Member& member, const SyncSet& set, Deadline deadline) = 0;
  // A commit of weir's own, returned only after a listed member had flushed it; where commits wait
  // for nobody at all, any replica.
  virtual Result<> confirm(const Member& member, Epoch epoch, Deadline deadline) = 0;
  // Brings a stopped member that left the leader's history back into it: diverged log is exported
  // and summarised first, a durable mark keeps a half-rewound directory from starting. `rewind`
  // keeps the incarnation; `rebuild` copies anew under `fresh` and keeps the old directory.
  virtual Result<> rejoin(const Member& member, const Upstream& upstream, Rejoin how,
                          const Incarnation& fresh, const Service& service, Deadline deadline) = 0;
  // The end of the valid log on this member's own disk, on its lineage; works for a stopped member
  // and for a replica that has not received since its start.
  virtual Result<Standing> find_standing(const Member& member, Deadline deadline) = 0;
};

// One session of an ordinary outside client, for the ledger.
struct LedgerRow {
  int writer = 0;
  std::int64_t sequence = 0;
  std::string before;  // hash of the row before it, hex
  std::string hash;    // hex
  bool operator==(const LedgerRow&) const = default;
};
enum class Written { acknowledged, in_doubt, refused };
struct WriteResult {
  Written written = Written::refused;
  std::string detail;
};
class Session {
 public:
  virtual ~Session() = default;
  virtual WriteResult write(const LedgerRow& row, Deadline deadline) = 0;
  virtual Result<bool> read_back(const LedgerRow& row, Deadline deadline) = 0;
  virtual Result<std::vector<LedgerRow>> read_all(Deadline deadline) = 0;
};

// Probe and ledger codec: how an outside client writes to this engine.
struct LedgerAccess {
  std::string database;  // where the ledger's schema is made
  std::string schema;    // "weir_ledger"
  std::string role;
  std::string password;
  std::string ca;  // path of the fleet's CA certificate
};
class Writes {
 public:
  virtual ~Writes() = default;
  // The statements that `prepare` runs, for showing beforehand; without the password.
  virtual std::vector<std::string> preparation(const LedgerAccess& access) const = 0;
  virtual Result<> prepare(const Member& leader, const LedgerAccess& access, Deadline deadline) = 0;
  virtual Result<> clean_up(const Member& leader, const LedgerAccess& access,
                            Deadline deadline) = 0;
  // Connects as an application would: all members listed, whoever takes writes is used.
  virtual Result<std::unique_ptr<Session>> connect(const std::vector<Member>& members,
                                                   const LedgerAccess& access,
                                                   Deadline deadline) = 0;
  // Connects to one member, leader or not, to read.
  virtual Result<std::unique_ptr<Session>> connect_one(const Member& member,
                                                       const LedgerAccess& access,
                                                       Deadline deadline) = 0;
};

// What an engine needs of the host that it runs on.
struct Setting {
  FleetName fleet;
  HostName host;
  std::string state;        // this host's state folder
  std::string run;          // $WEIR_RUN/FLEET/HOST
  std::string identity;     // folder with HOST.crt, HOST.key, ca.crt (access/)
  std::string cert_name;    // which of them to show: the host's name, or "operator"
  std::string server_user;  // whom servers run as; empty: as we are
  std::string finals;       // folder where final copies are kept
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string name() const = 0;
  virtual std::uint16_t standard_port() const = 0;
  virtual Observes* observes() { return nullptr; }
  virtual Runs* runs() { return nullptr; }
  virtual Shapes* shapes() { return nullptr; }
  virtual Leads* leads() { return nullptr; }
  virtual Isolates* isolates() { return nullptr; }
  virtual Writes* writes() { return nullptr; }
};

}  // namespace weir::engine
