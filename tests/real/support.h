// A whole installation for tests of real things: hosts with addresses of their own on a free /24 of
// 127.64.0.0/10, certificates, guards, real Postgres servers. Nothing of it is left behind.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/fleet.h"
#include "world/real.h"
#include "world/world.h"

namespace weir::test {

// One life of an agent on a host: ports and an engine of its own, for a process of its own.
struct Life {
  Life(const std::string& run, const engine::Setting& setting);
  Deadline within(Duration duration) { return clock->within(duration); }

  std::unique_ptr<Clock> clock;
  std::unique_ptr<Random> random;
  std::unique_ptr<Files> files;
  std::unique_ptr<Programs> programs;
  std::unique_ptr<Servers> servers;
  std::unique_ptr<Workers> workers;
  std::unique_ptr<World> world;
  std::unique_ptr<engine::Engine> engine;
};

class Installation {
 public:
  // One host for each name, each with one member of the service `orders` on port 5432.
  explicit Installation(const std::vector<std::string>& hosts = {"a", "b", "c"});
  // Kills every server and guard that it started and removes its folders.
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  World& world() { return *world_; }
  Clock& clock() { return *clock_; }
  Deadline within(Duration duration) { return clock_->within(duration); }

  Service& service() { return service_; }
  const Member& member(const std::string& host) const;
  const engine::Setting& setting(const std::string& host) const { return settings_.at(host); }
  engine::Engine& engine(const std::string& host) { return *engines_.at(host); }
  engine::Runs& runs(const std::string& host) { return *engine(host).runs(); }
  engine::Observes& observes(const std::string& host) { return *engine(host).observes(); }
  engine::Shapes& shapes(const std::string& host) { return *engine(host).shapes(); }
  engine::Leads* leads(const std::string& host) { return engine(host).leads(); }
  // As a CLI on the first host: identity `operator`.
  engine::Engine& operator_engine() { return *operator_; }

  const std::string& folder() const { return folder_; }
  std::unique_ptr<Life> new_life(const std::string& host) const {
    return std::make_unique<Life>(run_, settings_.at(host));
  }
  // The folder of a member's files, STATE/members/SERVICE-MEMBER.
  std::string member_folder(const std::string& host) const;
  // "FLEET/HOST/SERVICE-MEMBER": the member's server, for world().servers.
  ServerSpec server(const std::string& host) const;

  // Creates and starts the leader of `epoch` on `host`, then copies and starts the others; all in
  // a row, by the faces. Test failures are reported by gtest; returns each host's incarnation.
  std::map<std::string, Incarnation> begin(const std::string& leader, Epoch epoch);
  // Runs one statement on a member as superuser by its unix socket, with psql; its output, trimmed.
  // `options` as in PGOPTIONS, e.g. "-c synchronous_commit=local".
  std::string sql(const std::string& host, const std::string& statement,
                  const std::string& database = "postgres", const std::string& options = {});

 private:
  void make_hosts(const std::vector<std::string>& hosts);

  int network_lock_ = -1;  // holds the /24 for this process
  std::string network_;    // "127.64.7"
  std::string folder_;
  std::string run_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<Servers> servers_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<World> world_;
  Service service_;
  std::map<std::string, engine::Setting> settings_;
  std::map<std::string, std::unique_ptr<engine::Engine>> engines_;
  std::unique_ptr<engine::Engine> operator_;
};

}  // namespace weir::test
