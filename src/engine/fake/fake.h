// The engine `fake`: all faces of a replicated store over a model of its world (cluster.h). The
// simulator and the unit tests of capabilities drive weir with it; it is trusted because it passes
// the same suite (engine/conformance.h) as the real Postgres.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "engine/engine.h"
#include "engine/fake/cluster.h"

namespace weir::engine {

// Borrows both for its life. Every effect goes through the ports of `world`, so that each is a
// point at which the caller may die.
std::unique_ptr<Engine> make_fake(World& world, Setting setting, FakeCluster& cluster);

// "SERVICE/MEMBER": how the cluster names a member's server and disk.
std::string fake_id(const Member& member);

// The Servers port of one host: its guards, over the cluster. Passes no time.
class FakeServers : public Servers {
 public:
  FakeServers(FakeCluster& cluster, HostName host) : cluster_(cluster), host_(std::move(host)) {}

  Result<ServerState> start(const ServerSpec& spec, Deadline deadline) override;
  Result<ServerState> state(const ServerSpec& spec) override;
  Result<> signal(const ServerSpec& spec, int signal) override;
  Result<> kill_all(const ServerSpec& spec, Deadline deadline) override;
  Result<bool> any_left(const ServerSpec& spec) override;
  Result<> hold(const std::string& name, Instant deadline, Deadline limit) override;
  // What the guards do by themselves, whoever else lives; to be called at each tick.
  void tick(Instant now);
  // One guard hangs from now on: it is there, and neither answers nor fences.
  void hang_guard(const std::string& id) { guards_[id].hangs = true; }
  // The host's wall clock was stepped, which no guard looks at.
  void step_clock(Duration by) { stepped_ += by; }
  // The host went down: what its guards knew is gone.
  void forget() {
    guards_.clear();
    under_way_.clear();
  }
  // A start whose caller died while it was ordered: its guard goes on alone. It is under way until
  // it arrives, unless `kill_all` ends it first.
  void order(const ServerSpec& spec);
  void arrive(const ServerSpec& spec);

 private:
  struct Guard {
    bool started = false;
    bool hangs = false;
    Instant deadline{};
    Instant fencing{};  // the deadline that has passed; zero: none has
  };
  void fence(const std::string& id, Guard& guard, Instant now);

  FakeCluster& cluster_;
  const HostName host_;
  Duration stepped_{};  // read by a mutant only
  std::set<std::string> under_way_;
  std::map<std::string, Guard> guards_;  // by id
};

}  // namespace weir::engine
