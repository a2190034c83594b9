// The physical world of the fake engine: disks with their logs, servers with their processes, and
// the links between them. It models what makes Postgres dangerous: every process loads settings by
// itself and late, a receiver lives on while replay stands still, backends outlive their server.
// It knows nothing of weir; the faces (fake.h) act on it as weir acts on a real server.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace weir::engine {

using RowId = std::uint32_t;

// The truth about one row of any log, kept for the checkers.
struct FakeRow {
  LedgerRow row;
  bool client = false;             // false: written by the server or by weir itself
  std::optional<Resource> shaped;  // a database or role that this row made, or dropped
  bool dropped = false;
  std::int64_t epoch = 0;
  std::string author;                   // the server that wrote it, "SERVICE/MEMBER"
  std::optional<Instant> acknowledged;  // by the server
  std::optional<Instant> told;          // the client read it
};

// What lies on one member's disk as data. A position is kLogStart plus kRowBytes per row.
struct FakeDisk {
  bool exists = false;
  bool damaged = false;  // a copy or rewind that was cut off
  Lineage lineage;
  std::int64_t checkpointed = 0;  // the timeline of its last checkpoint, as its control file has it
  std::vector<RowId> log;
};

// The settings file of a member: what is on disk, as opposed to what each process has loaded.
struct FakeSettings {
  SyncSet set;          // no voters: a name that nobody bears
  MemberName upstream;  // whom its receiver shall stream from; empty: nobody
  HostName upstream_host;
  std::string upstream_address;
  Incarnation name;            // what the receiver calls itself: part of the connection setting
  std::int64_t key_epoch = 0;  // the key path that the connection setting names
  std::int64_t epoch = 0;      // of the leadership that it leads or follows
  bool standby = false;
  bool restores = false;  // restore_command is set: what its receiver lacks comes from the archive
  std::map<std::string, std::string> params;  // as the service declares them
  bool operator==(const FakeSettings&) const = default;
};
Json to_json(const FakeSettings& settings);
FakeSettings fake_settings_from(const Json& json);
// The parameters that a server takes only as it starts; every other follows a reload.
bool needs_restart(const std::string& param);
std::map<std::string, std::string> declared_params(const Service& service);

// Where things of one member lie on its host.
struct FakePaths {
  std::string root;  // STATE/members/SERVICE-MEMBER
  std::string data() const { return root + "/data"; }
  std::string incarnation() const { return root + "/incarnation.json"; }
  std::string promise() const { return root + "/promise.json"; }
  std::string settings() const { return root + "/settings.json"; }
  std::string rewinding() const { return root + "/rewinding"; }
  std::string key_folder(std::int64_t epoch) const;
  std::string key(std::int64_t epoch) const { return key_folder(epoch) + "/client.key"; }
  std::string key_aside() const { return root + "/receiver/aside.key"; }
};

// A walsender of a leader, for one replica.
struct FakeSender {
  Voter voter;    // from the application_name that the receiver gave
  HostName host;  // of the replica
  // Its receiver is gone and nobody told it: it keeps the replica's slot until it notices.
  bool half_open = false;
  SyncSet loaded;  // its own copy of the setting
  bool reload_due = false;
  bool counted = false;
  Position flushed;                   // as acknowledged to it
  std::optional<Position> in_flight;  // an acknowledgement on its way
};

enum class Wait { open, released, broken };

// The network between hosts as servers and their clients meet it. Without one every link is well.
class FakeNetwork {
 public:
  virtual ~FakeNetwork() = default;
  virtual bool passes(const HostName& from, const HostName& to) const = 0;
  // Whether what flows steadily gets through in a moment as short as `tick`.
  virtual bool flows(const HostName& from, const HostName& to, Duration tick) = 0;
};

// hung: nothing that is written becomes durable; full: nothing can be written.
enum class DiskHealth { well, slow, hung, full };

struct FakeServer {
  std::string id;  // "SERVICE/MEMBER"
  HostName host;
  std::int64_t pid = 0;
  Instant ready_at{};
  bool orphaned = false;  // its postmaster is dead, its backends not yet
  Instant orphans_until{};
  bool leader = false;
  FakeSettings loaded;  // by the postmaster: what new processes inherit
  bool reload_due = false;
  FakeSettings startup_loaded;  // by the startup process, which starts receivers
  bool startup_due = false;
  bool waits = false;  // the flag that makes commits wait, set late by the checkpointer
  bool checkpointer_due = false;
  bool read_only = false;
  Instant checkpoint_at{};               // when the one under way ends; zero: there is none
  std::optional<FakeSettings> receiver;  // a running receiver and what it was started with
  bool received = false;                 // it has received since its start
  Position replayed;
  std::map<std::string, FakeSender> senders;  // by the replica's id
  struct Open {
    RowId row;
    Position at;
    std::uint64_t ticket;
  };
  std::vector<Open> waiting;
};

class FakeCluster {
 public:
  static constexpr std::uint64_t kLogStart = 16;
  static constexpr std::uint64_t kRowBytes = 16;
  static constexpr Duration kTick = 4ms;  // how often `tick` is to be called

  explicit FakeCluster(Random& random, FakeNetwork* network = nullptr)
      : random_(random), network_(network) {}

  // `files` gives the host's files at once, without passing time. `state` is its state folder.
  void add_host(const HostName& host, Files& files, const std::string& state);
  // One step of every process, drawn from the random source.
  void tick(Instant now);
  Instant now() const { return now_; }

  // Faults. A host that is down has no process; its disk stays.
  // SIGKILL of its postmaster. Backends and walsenders live on for `orphans` (drawn, if zero), and
  // their sessions go on committing.
  void kill_server(const std::string& id, Duration orphans = {});
  void kill_host(const HostName& host);
  void revive_host(const HostName& host) { hosts_.at(host).up = true; }
  // A frozen host's servers do nothing and answer nobody, and go on at the thaw as if no time had
  // passed. Its agents are not the cluster's business.
  void freeze_host(const HostName& host) { hosts_.at(host).frozen = true; }
  void thaw_host(const HostName& host) { hosts_.at(host).frozen = false; }
  bool frozen(const HostName& host) const { return hosts_.at(host).frozen; }
  // Whoever writes to a full disk ends; a hung one keeps what is written from becoming durable.
  void set_disk(const HostName& host, DiskHealth health) { hosts_.at(host).disk = health; }
  bool disk_is_well(const HostName& host) const { return hosts_.at(host).disk == DiskHealth::well; }
  bool up(const HostName& host) const { return hosts_.contains(host) && hosts_.at(host).up; }
  void lose_data(const std::string& id);  // the member's whole folder
  // Its server dies, and what its disk said of its last `rows` was a lie.
  void lose_tail(const std::string& id, std::size_t rows);
  // A leader archives its log so far. Of itself it would archive whole segments only, which are
  // longer than what a run writes. Every host reaches the archive.
  void archive(const std::string& id);
  void pause_replay(const std::string& id, Instant until) { replay_paused_[id] = until; }
  // The walsenders that run do not come to load what was signalled; a new one has it by birth.
  void pause_senders(const std::string& id, Instant until) { senders_paused_[id] = until; }

  // Processes. `launch` is a start of the server program: it may end at once (data missing, port
  // taken by orphans), which is then seen by looking.
  void launch(const std::string& id, const HostName& host);
  void reload(const std::string& id);           // SIGHUP to its postmaster
  void end(const std::string& id, bool clean);  // returns with the server ended
  void kill_receiver(const std::string& id);
  // Takes no writes of clients and breaks the sessions that wait, or takes writes again.
  void isolate(const std::string& id, bool on);
  FakeServer* server(const std::string& id);
  bool running(const std::string& id) const;  // its postmaster lives
  bool any_left(const std::string& id) const;
  // As a client on host `from`: nullptr if nobody there can answer.
  FakeServer* reach(const std::string& id, const HostName& host, const HostName& from);
  // As a session that is open already: also a server whose postmaster is dead answers it.
  FakeServer* reach_open(const std::string& id, const HostName& host, std::int64_t pid);
  // Whoever asks there from `from` gets no answer at all, not even a refusal.
  bool silent(const HostName& host, const HostName& from) const;
  FakeDisk& disk(const std::string& id) { return disks_[id]; }
  const std::map<std::string, FakeServer>& servers() const { return servers_; }
  FakeSettings settings_of(const std::string& id) const;
  FakePaths paths(const std::string& id, const HostName& host) const;

  // What initdb, pg_basebackup and pg_rewind do to a disk.
  void init(const std::string& id);
  void begin_copy(const std::string& id);
  Result<> end_copy(const std::string& id, const HostName& host, const std::string& from,
                    const HostName& from_host);
  // As pg_rewind it goes by the control file of `from`: that of a promoted server names the old
  // timeline until its first checkpoint has ended, and then there is nothing to rewind.
  Result<> end_rewind(const std::string& id, const HostName& host, const std::string& from,
                      const HostName& from_host);
  // A promoted server makes its checkpoint by itself in minutes; asked for one, in seconds.
  void ask_checkpoint(const std::string& id);
  bool checkpointed(const std::string& id) const;  // since it changed its timeline

  // Turns a standby into a leader now, on a new timeline that no earlier epoch can have used.
  void open_for_writes(const std::string& id, std::int64_t epoch);
  Position end_of(const std::string& id);
  Standing standing(const std::string& id);

  // Sessions. The ticket of a commit that waits; ask `outcome` for it until it is not open.
  Result<std::uint64_t> commit(const std::string& id, FakeRow row, bool local_only = false);
  Wait outcome(std::uint64_t ticket) const;
  // The client has read that this commit was acknowledged.
  void tell_client(std::uint64_t ticket);
  const FakeRow& row(RowId id) const { return rows_[id]; }
  std::size_t row_count() const { return rows_.size(); }
  bool holds(const std::string& id, RowId row) const;
  // Whether it lay on the member's disk until that disk was lost: what it confirmed by then counts
  // as its confirmation, which may arrive later.
  bool lost_with_its_disk(const std::string& id, RowId row) const;
  const std::vector<RowId>& shaped_rows() const { return shaped_; }
  // The databases and roles that a member's log amounts to.
  std::vector<Resource> shapes_of(const std::string& id) const;
  Files& files(const HostName& host) { return *hosts_.at(host).files; }  // passes no time

  // Called at each acknowledgement, also of weir's own commits, for the checkers.
  std::function<void(const FakeServer&, RowId)> on_acknowledged;
  std::function<void(const std::string& id)> on_overwrite;  // before a log is replaced
  std::function<void(const std::string&)> on_event;         // for the trace

 private:
  struct Machine {
    bool up = true;
    bool frozen = false;
    DiskHealth disk = DiskHealth::well;
    Files* files = nullptr;
    std::string state;
  };
  bool chance(int percent) { return static_cast<int>(random_.next() % 100) < percent; }
  bool flows(const HostName& from, const HostName& to) {
    return from == to || network_ == nullptr || network_->flows(from, to, kTick);
  }
  bool flushes(const HostName& host);
  void tick_server(FakeServer& server);
  void tick_settings(FakeServer& server);
  void tick_checkpoint(FakeServer& server);
  void tick_receiver(FakeServer& server);
  void restore(FakeServer& server);
  void tick_senders(FakeServer& server);
  void stream(FakeServer& to, FakeServer& from);
  void drain(FakeServer& leader);
  bool can_receive(const FakeServer& server, const FakeSettings& settings);
  void release(FakeServer& server, const FakeSender& by);
  void release_all(FakeServer& server);
  void acknowledge(const FakeServer& server, const FakeServer::Open& open);
  void drop_receiver(FakeServer& server);
  void hang_up(const std::string& replica, const HostName& host, FakeServer& leader);
  void drop(const std::string& id);
  RowId append(FakeServer& server, FakeRow row);
  void tell(const std::string& what) {
    if (on_event) on_event(what);
  }

  Random& random_;
  FakeNetwork* const network_;
  Instant now_{};
  std::map<HostName, Machine> hosts_;
  std::map<std::string, HostName> placed_;
  std::map<std::string, FakeDisk> disks_;
  std::map<std::string, std::set<RowId>> lost_;  // what lay on disks that were lost
  std::map<std::pair<std::string, std::int64_t>, FakeDisk> archive_;  // by service and timeline
  std::map<std::string, FakeServer> servers_;
  std::map<std::string, Instant> replay_paused_;
  std::map<std::string, Instant> senders_paused_;
  std::vector<FakeRow> rows_;
  std::vector<RowId> shaped_;
  struct Ticket {
    Wait wait = Wait::open;
    RowId row = 0;
  };
  std::map<std::uint64_t, Ticket> tickets_;
  std::uint64_t next_ticket_ = 0;
  std::int64_t next_pid_ = 1000;
  std::uint64_t next_system_ = 7000000;
};

// "ANY 1 (\"weir_b_x\",\"weir_c_y\")", as a session shows it.
std::string shown(const SyncSet& set);

}  // namespace weir::engine
