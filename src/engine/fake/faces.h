// The faces of the fake engine share one body; what is durable lies in the host's files.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/fake/fake.h"

namespace weir::engine {

// promise.json: `round` 0: none is held; `last` never shrinks.
struct FakePromise {
  std::int64_t round = 0;
  std::int64_t last = 0;
  std::optional<Promise> given;
};

// incarnation.json: the id of the data, and the last epoch in which it led.
struct FakeData {
  Incarnation incarnation;
  Epoch led;  // the last epoch in which it opened for writes
};

// What all faces need.
class FakeHost {
 public:
  FakeHost(World& world, Setting setting, FakeCluster& cluster)
      : world_(world), setting_(std::move(setting)), cluster_(cluster) {}

  World& world() { return world_; }
  Clock& clock() { return world_.clock; }
  Files& files() { return world_.files; }
  FakeCluster& cluster() { return cluster_; }
  const Setting& setting() const { return setting_; }
  FakePaths paths(const Member& m) const { return cluster_.paths(fake_id(m), setting_.host); }
  ServerSpec spec(const Member& member) const;

  Result<FakePromise> read_promise(const Member& member);
  Result<> write_promise(const Member& member, const FakePromise& promise);
  Result<FakeData> read_data(const Member& member);
  Result<> write_data(const Member& member, const FakeData& data);
  Result<FakeSettings> read_settings(const Member& member);
  Result<> write_settings(const Member& member, const FakeSettings& settings);
  // SIGHUP; says nothing about who has read the file since. Success if nothing runs.
  Result<> reload(const Member& member);
  // As this host's agent meets the server: nullptr if it cannot answer.
  FakeServer* reach(const Member& member);
  // A row of weir's own; done only when it was acknowledged (`local_only`: when it was written).
  Result<> write_own(const Member& member, FakeRow row, bool local_only, Deadline deadline);

  // Held while it lives: a start and a promise of one member exclude each other (safety.md S6).
  Result<std::shared_ptr<void>> lock_start(const Member& member, Deadline deadline);

 private:
  World& world_;
  const Setting setting_;
  FakeCluster& cluster_;
  std::map<std::string, std::weak_ptr<void>> locks_;
  std::set<MemberName> promised_;  // in this life; read by a mutant only
};

class FakeObserves : public Observes {
 public:
  explicit FakeObserves(FakeHost& host) : host_(host) {}
  Sighting probe(const Member& member, Deadline deadline) override;
  Result<> probe_write(const Member& member, Deadline deadline) override;

 private:
  FakeHost& host_;
};

class FakeRuns : public Runs {
 public:
  explicit FakeRuns(FakeHost& host) : host_(host) {}
  Result<> create(const Member& member, const Incarnation& incarnation, const Service& service,
                  Deadline deadline) override;
  Result<> copy(const Member& member, const Upstream& upstream, const Incarnation& incarnation,
                const Service& service, Deadline deadline) override;
  Result<> start(const Member& member, Epoch epoch, Deadline deadline) override;
  Result<> stop(const Member& member, StopMode mode, Deadline deadline) override;
  Result<> fence(const Member& member, Deadline deadline) override;
  Result<Local> local(const Member& member) override;
  Result<std::vector<std::string>> settle(const Member& member, const Service& service,
                                          bool clients_let_in, Deadline deadline) override;
  Result<> destroy(const Member& member, const std::string& kept_as, Deadline deadline) override;

 private:
  FakeHost& host_;
};

class FakeLeads : public Leads {
 public:
  FakeLeads(FakeHost& host, FakeRuns& runs) : host_(host), runs_(runs) {}
  Result<Promise> promise(const Member& member, std::int64_t round, Deadline deadline) override;
  Result<> release(const Member& member, std::int64_t round,
                   const std::optional<Upstream>& upstream, Deadline deadline) override;
  Result<> follow(const Member& member, const Upstream& upstream, Deadline deadline) override;
  Result<> promote(const Member& member, Epoch epoch, const SyncSet& set,
                   Deadline deadline) override;
  Result<> load_set(const Member& member, const SyncSet& set, Deadline deadline) override;
  Result<> confirm(const Member& member, Epoch epoch, Deadline deadline) override;
  Result<> rejoin(const Member& member, const Upstream& upstream, Rejoin how,
                  const Incarnation& fresh, const Service& service, Deadline deadline) override;
  Result<Standing> find_standing(const Member& member, Deadline deadline) override;

 private:
  Result<> stop_receiving(const Member& member, Deadline deadline);
  Result<> receiver_gone(const Member& member, Deadline deadline);
  Result<> wait_loaded(const Member& member, const SyncSet& set, Deadline deadline);
  Result<> open(const Member& member, Epoch epoch, const SyncSet& set, Deadline deadline);
  Result<> point_at(const Member& member, const Upstream& upstream);

  FakeHost& host_;
  FakeRuns& runs_;
};

class FakeShapes : public Shapes {
 public:
  explicit FakeShapes(FakeHost& host) : host_(host) {}
  Result<std::vector<Resource>> present(const Member& member, const std::vector<Resource>& declared,
                                        Deadline deadline) override;
  Result<> apply(const Member& leader, const Difference& difference, Deadline deadline) override;
  std::vector<Attribute> attributes() const override { return {}; }

 private:
  FakeHost& host_;
};

class FakeWrites : public Writes {
 public:
  explicit FakeWrites(FakeHost& host) : host_(host) {}
  std::vector<std::string> preparation(const LedgerAccess& access) const override;
  Result<> prepare(const Member& leader, const LedgerAccess& access, Deadline deadline) override;
  Result<> clean_up(const Member& leader, const LedgerAccess& access, Deadline deadline) override;
  Result<std::unique_ptr<Session>> connect(const std::vector<Member>& members,
                                           const LedgerAccess& access, Deadline deadline) override;
  Result<std::unique_ptr<Session>> connect_one(const Member& member, const LedgerAccess& access,
                                               Deadline deadline) override;

 private:
  FakeHost& host_;
};

}  // namespace weir::engine
