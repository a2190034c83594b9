// Three hosts with fake engines for unit tests: one thread, a clock that ticks the cluster while
// somebody sleeps. The simulator has ports of its own; these never fail and never die.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/fake/fake.h"

namespace weir::engine {

class TickingClock : public Clock {
 public:
  explicit TickingClock(FakeCluster& cluster) : cluster_(cluster) {}
  Instant now() override { return now_; }
  WallTime wall() override { return WallTime(now_.time_since_epoch()); }
  void sleep_until(Instant when) override {
    while (now_ < when) {
      now_ = std::min(when, now_ + FakeCluster::kTick);
      cluster_.tick(now_);
    }
  }

 private:
  FakeCluster& cluster_;
  Instant now_{};
};

class CountingRandom : public Random {
 public:
  explicit CountingRandom(std::uint64_t seed = 1) : state_(seed) {}
  std::uint64_t next() override {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return state_ >> 33;
  }

 private:
  std::uint64_t state_;
};

class PlainFiles : public Files {
 public:
  Result<std::string> read(const std::string& path) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return fail(Failure::not_found, "cannot read " + path);
    return found->second;
  }
  Result<> write(const std::string& path, std::string_view content, int) override {
    files_[path] = std::string(content);
    return {};
  }
  Result<> append(const std::string& path, std::string_view content) override {
    files_[path] += content;
    return {};
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    std::map<std::string, std::string> moved;
    for (const auto& [path, content] : files_) {
      const bool ours = path == from || path.starts_with(from + "/");
      moved[ours ? to + path.substr(from.size()) : path] = content;
    }
    files_ = std::move(moved);
    return {};
  }
  Result<> remove(const std::string& path) override {
    std::erase_if(files_, [&](const auto& file) {
      return file.first == path || file.first.starts_with(path + "/");
    });
    return {};
  }
  Result<> make_folder(const std::string&, int) override { return {}; }
  Result<std::vector<std::string>> list(const std::string& path) override {
    std::set<std::string> names;
    for (const auto& [file, content] : files_) {
      if (!file.starts_with(path + "/")) continue;
      const std::string rest = file.substr(path.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }
  bool exists(const std::string& path) override {
    const auto at = files_.lower_bound(path);
    return at != files_.end() && (at->first == path || at->first.starts_with(path + "/"));
  }

 private:
  std::map<std::string, std::string> files_;
};

class NoPrograms : public Programs {
 public:
  Result<Output> run(const Command&, Deadline) override {
    return fail(Failure::missing_package, "cannot run programs here");
  }
};

// Runs each job at once, on the caller.
class InlineWorkers : public Workers {
 public:
  std::shared_ptr<Job> begin(std::string, std::function<void()> work) override {
    struct Ended : Job {
      bool wait(Deadline) override { return true; }
    };
    work();
    return std::make_shared<Ended>();
  }
  std::unique_ptr<Alarm> make_alarm() override {
    struct Never : Alarm {
      void ring() override {}
      bool wait_until(Instant) override { return false; }
    };
    return std::make_unique<Never>();
  }
};

class FakeBench {
 public:
  explicit FakeBench(std::uint64_t seed = 1) : random_(seed), cluster(random_), clock_(cluster) {
    service_.name = ServiceName("orders");
    service_.engine = "fake";
    service_.sync = 1;
    for (const std::string host : {"a", "b", "c"}) {
      service_.members.push_back({service_.name, MemberName(host), HostName(host),
                                  "127.0.10." + std::to_string(service_.members.size() + 1), 5432});
    }
    for (const Member& member : service_.members) add(member);
  }

  Deadline within(Duration duration) { return clock_.within(duration); }
  Clock& clock() { return clock_; }
  const Service& service() const { return service_; }
  const Member& member(const std::string& host) const { return *service_.find(MemberName(host)); }
  Engine& engine(const std::string& host) { return *hosts_.at(host)->engine; }
  World& world(const std::string& host) { return hosts_.at(host)->world; }
  std::string id(const std::string& host) const { return fake_id(member(host)); }
  void kill(const std::string& host) { cluster.kill_server(id(host)); }
  FakeServers& servers(const std::string& host) { return hosts_.at(host)->servers; }

 private:
  struct OneHost {
    PlainFiles files;
    FakeServers servers;
    World world;
    std::unique_ptr<Engine> engine;
    OneHost(FakeBench& bench, const HostName& host)
        : servers(bench.cluster, host),
          world{bench.clock_, bench.random_, files, bench.programs_, servers, bench.workers_} {}
  };
  void add(const Member& member) {
    auto host = std::make_unique<OneHost>(*this, member.host);
    cluster.add_host(member.host, host->files, "/state");
    Setting setting;
    setting.fleet = FleetName("bench");
    setting.host = member.host;
    setting.state = "/state";
    host->engine = make_fake(host->world, setting, cluster);
    hosts_[member.host.text] = std::move(host);
  }

  CountingRandom random_;

 public:
  FakeCluster cluster;

 private:
  TickingClock clock_;
  NoPrograms programs_;
  InlineWorkers workers_;
  Service service_;
  std::map<std::string, std::unique_ptr<OneHost>> hosts_;
};

}  // namespace weir::engine
