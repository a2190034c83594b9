// The ports of world/ for one simulated host. Every call is a yield point: time passes before and
// after its effect, and the process may be killed at either.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "engine/fake/fake.h"
#include "sim/fibers.h"
#include "world/world.h"

namespace weir::sim {

// One seed, one stream; splitmix64.
class SimRandom : public Random {
 public:
  explicit SimRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;
  Duration between(Duration least, Duration most);
  bool chance(double share);

 private:
  std::uint64_t state_;
};

class SimClock : public Clock {
 public:
  explicit SimClock(Fibers& fibers) : fibers_(fibers) {}
  Instant now() override { return fibers_.now(); }
  WallTime wall() override;
  void step(Duration by) { stepped_ += by; }  // the wall clock alone
  void sleep_until(Instant when) override { fibers_.sleep_until(when); }

 private:
  Fibers& fibers_;
  Duration stepped_{};
};

// The durable content of one host's disk; survives every crash. Passes no time.
class SimDisk : public Files {
 public:
  Result<std::string> read(const std::string& path) override;
  Result<> write(const std::string& path, std::string_view content, int mode = 0600) override;
  Result<> append(const std::string& path, std::string_view content) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_folder(const std::string& path, int mode) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;

  // How it is for those who pass time on it (SimFiles).
  engine::DiskHealth health = engine::DiskHealth::well;

 private:
  std::map<std::string, std::string> files_;
  std::set<std::string> folders_;
};

// Called at each port call, before its effect and again (under another name) after it.
using Crossing = std::function<void(std::string_view call, std::string_view detail)>;

// Passes a little time in the running fiber and leaves a mark in the trace. False when the caller
// is dead: then the call has no effect and fails.
class Passage {
 public:
  Passage(Fibers& fibers, SimRandom& random) : fibers_(fibers), random_(random) {}
  bool cross(std::string_view call, std::string_view detail, Duration least, Duration most);
  // Waits without a mark, while a disk or a network makes the caller wait.
  void linger(Duration least, Duration most);
  Crossing on_cross;

 private:
  Fibers& fibers_;
  SimRandom& random_;
};

// What processes of a host see of its disk: durable calls that take time. An append that is cut off
// by a kill or a full disk may leave a torn piece. While the disk hangs, nobody comes back from it.
class SimFiles : public Files {
 public:
  SimFiles(SimDisk& disk, Passage& passage, SimRandom& random)
      : disk_(disk), passage_(passage), random_(random) {}
  Result<std::string> read(const std::string& path) override;
  Result<> write(const std::string& path, std::string_view content, int mode = 0600) override;
  Result<> append(const std::string& path, std::string_view content) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_folder(const std::string& path, int mode) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  // What is durable now, as "appended" or "written".
  std::function<void(std::string_view how, const std::string& path, std::string_view content)>
      on_durable;

 private:
  Result<> change(std::string_view call, const std::string& path,
                  const std::function<Result<>()>& effect);
  void wait_for_disk();
  Result<> room(const std::string& path) const;
  SimDisk& disk_;
  Passage& passage_;
  SimRandom& random_;
};

// No program of the simulated hosts is real.
class SimPrograms : public Programs {
 public:
  Result<Output> run(const Command& command, Deadline deadline) override;
};

// An agent that is killed while it orders a start may have ordered it.
class SimServers : public Servers {
 public:
  SimServers(engine::FakeServers& inner, Fibers& fibers, Passage& passage, SimRandom& random)
      : inner_(inner), fibers_(fibers), passage_(passage), random_(random) {}
  Result<ServerState> start(const ServerSpec& spec, Deadline deadline) override;
  Result<ServerState> state(const ServerSpec& spec) override;
  Result<> signal(const ServerSpec& spec, int signal) override;
  Result<> kill_all(const ServerSpec& spec, Deadline deadline) override;
  Result<bool> any_left(const ServerSpec& spec) override;
  Result<> hold(const std::string& name, Instant deadline, Deadline limit) override;

 private:
  engine::FakeServers& inner_;
  Fibers& fibers_;
  Passage& passage_;
  SimRandom& random_;
};

// Jobs are fibers of the process that begins them.
class SimWorkers : public Workers {
 public:
  explicit SimWorkers(Fibers& fibers) : fibers_(fibers) {}
  std::shared_ptr<Job> begin(std::string name, std::function<void()> work) override;
  std::unique_ptr<Alarm> make_alarm() override;

 private:
  Fibers& fibers_;
};

// All ports of one host.
struct SimHost {
  SimHost(Fibers& fibers, SimRandom& random, engine::FakeCluster& cluster, const HostName& name);

  const HostName name;
  SimDisk disk;
  SimClock clock;
  Passage passage;
  SimFiles files;
  SimPrograms programs;
  engine::FakeServers guards;
  SimServers servers;
  SimWorkers workers;
  World world;
};

}  // namespace weir::sim
