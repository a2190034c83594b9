// The simulated fleet: hosts, their agents' lives, the store, the cluster of fake servers. It knows
// how to kill and revive; when, is the run's business.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "sim/checkers/checker.h"
#include "sim/peers.h"
#include "sim/ports.h"
#include "sim/store.h"
#include "sim/store_copies.h"
#include "store/record_io.h"

namespace weir::sim {

class SimFleet {
 public:
  // `shaped`: its file declares parameters, a database and a role, too.
  SimFleet(std::uint64_t seed, int members, int sync, Durability durability, bool shaped = false);
  ~SimFleet();
  SimFleet(const SimFleet&) = delete;
  SimFleet& operator=(const SimFleet&) = delete;

  Fibers& fibers() { return fibers_; }
  SimRandom& random() { return random_; }
  engine::FakeCluster& cluster() { return cluster_; }
  const Service& service() const { return service_; }
  SimHost& host(const HostName& name) { return *hosts_.at(name); }
  SimHost& client() { return *client_; }
  SimNet& net() { return net_; }
  StoreServer& store() { return *store_; }
  CopiedStore& store_copies() { return *copies_; }
  std::vector<std::unique_ptr<Checker>>& checkers() { return checkers_; }

  // What `weir apply` writes for a new service; then every agent is started.
  void begin();
  // What `weir apply` does when the file asks for another `sync`, or another durability.
  void apply_sync(int sync);
  void apply_durability(Durability mode);
  // What `weir store rebuild` does, once every agent that lives has answered.
  void rebuild_store();
  // The world's own clockwork: the servers' processes, the checkers.
  void tick();
  Truth truth();
  const Record& record() const { return record_; }

  // Outside any fiber. Each is a success without effect where there is nothing to do.
  void start_agent(const HostName& host);
  void kill_agent(const HostName& host);
  void kill_host(const HostName& host);  // with its agent
  void revive_host(const HostName& host);
  void freeze_agent(const HostName& host);
  void thaw_agent(const HostName& host);
  void freeze_host(const HostName& host);  // with its agent
  void thaw_host(const HostName& host);
  void set_disk(const HostName& host, engine::DiskHealth health);
  void step_clock(const HostName& host, Duration by);
  bool agent_lives(const HostName& host) const { return lives_.contains(host); }
  // `weir apply` of a changed parameter: the service's desired state in the store.
  void apply_parameter(const std::string& name, const std::string& value);
  // `weir apply` of a file that no longer names the member.
  void apply_without(const MemberName& member);
  HostName host_of(const MemberName& member) const { return HostName(member.text); }

  std::set<HostName> lost;  // these never come back
  int faults = 0;
  bool calm = false;
  // Sees each port call of an agent, before its effect.
  std::function<void(const HostName&, std::string_view, std::string_view)> on_cross;

 private:
  struct Life {
    Life(SimFleet& fleet, const HostName& host);
    Group group;
    SimStore store;
    SimCaller caller;
    bool open = false;  // it answers calls
    std::unique_ptr<agent::Agent> agent;
  };
  Doorway doorway(const std::string& host);
  void refresh_record();
  void refresh_claim();
  void write_desired();
  void listen();

  Fibers fibers_;
  SimRandom random_;
  SimNet net_;
  engine::FakeCluster cluster_;
  Service service_;
  store::Keys keys_;
  std::map<HostName, std::unique_ptr<SimHost>> hosts_;
  std::unique_ptr<SimHost> client_;
  std::unique_ptr<StoreServer> store_;
  CopiedStore* copies_ = nullptr;  // what the server keeps
  std::set<HostName> frozen_;      // hosts
  std::map<HostName, std::unique_ptr<Life>> lives_;
  Record record_;
  store::Revision record_revision_ = 0;
  std::optional<store::HeldClaim> claim_;
  std::map<HostName, std::string> because_;
  int ticks_ = 0;
  std::vector<std::unique_ptr<Checker>> checkers_;
};

}  // namespace weir::sim
