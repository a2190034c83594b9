// Time and death at each port call; the effects themselves are plain containers.
#include "sim/ports.h"

#include <fmt/format.h>

#include <deque>

namespace weir::sim {
namespace {

// 2026-01-01T00:00:00Z: wall time is for showing, so any origin does, and so does any step of it.
constexpr Duration kWallOrigin = std::chrono::seconds(1'767'225'600);
constexpr Duration kSyncLeast = 100us;
constexpr Duration kSyncMost = 900us;
constexpr Duration kSlowLeast = 10ms;
constexpr Duration kSlowMost = 250ms;
constexpr Duration kStartsWithin = 4s;
constexpr Duration kHungLook = 20ms;
constexpr Duration kCallLeast = 2us;
constexpr Duration kCallMost = 20us;

tl::unexpected<Error> dead() { return fail(Failure::cancelled, "the process was killed"); }

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

std::uint64_t SimRandom::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

Duration SimRandom::between(Duration least, Duration most) {
  const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
  return least + Duration(static_cast<std::int64_t>(next() % span));
}

bool SimRandom::chance(double share) {
  return static_cast<double>(next() % 1'000'000) < share * 1'000'000;
}

WallTime SimClock::wall() {
  return WallTime(kWallOrigin + stepped_ + fibers_.now().time_since_epoch());
}

Result<std::string> SimDisk::read(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return fail(Failure::not_found, "cannot read " + path + ": not there");
  return found->second;
}

Result<> SimDisk::write(const std::string& path, std::string_view content, int) {
  folders_.insert(parent_of(path));
  files_[path] = std::string(content);
  return {};
}

Result<> SimDisk::append(const std::string& path, std::string_view content) {
  folders_.insert(parent_of(path));
  files_[path] += content;
  return {};
}

Result<> SimDisk::rename(const std::string& from, const std::string& to) {
  if (!exists(from)) return fail(Failure::not_found, "cannot rename " + from + ": not there");
  std::map<std::string, std::string> moved;
  for (auto& [path, content] : files_) {
    const bool ours = path == from || below(path, from);
    moved[ours ? to + path.substr(from.size()) : path] = std::move(content);
  }
  files_ = std::move(moved);
  std::set<std::string> folders;
  for (const std::string& folder : folders_) {
    const bool ours = folder == from || below(folder, from);
    folders.insert(ours ? to + folder.substr(from.size()) : folder);
  }
  folders_ = std::move(folders);
  return {};
}

Result<> SimDisk::remove(const std::string& path) {
  std::erase_if(files_, [&](const auto& f) { return f.first == path || below(f.first, path); });
  std::erase_if(folders_, [&](const auto& f) { return f == path || below(f, path); });
  return {};
}

Result<> SimDisk::make_folder(const std::string& path, int) {
  folders_.insert(path);
  return {};
}

Result<std::vector<std::string>> SimDisk::list(const std::string& path) {
  std::set<std::string> names;
  const auto note = [&](const std::string& there) {
    if (!below(there, path)) return;
    const std::string rest = there.substr(path.size() + 1);
    names.insert(rest.substr(0, rest.find('/')));
  };
  for (const auto& [file, content] : files_) note(file);
  for (const std::string& folder : folders_) note(folder);
  if (names.empty() && !folders_.contains(path)) {
    return fail(Failure::not_found, "cannot list " + path + ": not there");
  }
  return std::vector<std::string>(names.begin(), names.end());
}

bool SimDisk::exists(const std::string& path) {
  return files_.contains(path) || folders_.contains(path);
}

bool Passage::cross(std::string_view call, std::string_view detail, Duration least, Duration most) {
  if (fibers_.current() == 0 || fibers_.unwinding()) return false;
  fibers_.trace(call, detail);
  if (on_cross) on_cross(call, detail);
  fibers_.sleep_until(fibers_.now() + random_.between(least, most));
  return true;
}

void Passage::linger(Duration least, Duration most) {
  fibers_.sleep_until(fibers_.now() + random_.between(least, most));
}

void SimFiles::wait_for_disk() {
  if (disk_.health == engine::DiskHealth::slow) passage_.linger(kSlowLeast, kSlowMost);
  while (disk_.health == engine::DiskHealth::hung) passage_.linger(kHungLook, kHungLook);
}

Result<> SimFiles::room(const std::string& path) const {
  if (disk_.health != engine::DiskHealth::full) return {};
  return fail(Failure::no_space, "cannot write " + path + ": no space left on device");
}

Result<std::string> SimFiles::read(const std::string& path) {
  if (!passage_.cross("read", path, kCallLeast, kCallMost)) return dead();
  wait_for_disk();
  return disk_.read(path);
}

Result<> SimFiles::change(std::string_view call, const std::string& path,
                          const std::function<Result<>()>& effect) {
  if (!passage_.cross(call, path, kSyncLeast, kSyncMost)) return dead();
  wait_for_disk();
  auto done = effect();
  if (!passage_.cross("synced", path, kSyncLeast, kSyncMost)) return dead();
  return done;
}

Result<> SimFiles::write(const std::string& path, std::string_view content, int mode) {
  return change("write", path, [&]() -> Result<> {
    WEIR_TRY_(room(path));
    auto done = disk_.write(path, content, mode);
    if (on_durable) on_durable("written", path, content);
    return done;
  });
}

Result<> SimFiles::append(const std::string& path, std::string_view content) {
  try {
    const std::string told = path + " " + std::string(content);
    if (!passage_.cross("append", told, kSyncLeast, kSyncMost)) return dead();
  } catch (const Killed&) {
    if (random_.chance(0.5)) {
      const std::size_t torn = static_cast<std::size_t>(random_.next() % (content.size() + 1));
      (void)disk_.append(path, content.substr(0, torn));
    }
    throw;
  }
  wait_for_disk();
  if (auto space = room(path); !space) {
    (void)disk_.append(path, content.substr(0, content.size() / 2));
    return space;
  }
  auto done = disk_.append(path, content);
  if (on_durable) on_durable("appended", path, content);
  if (!passage_.cross("synced", path, kSyncLeast, kSyncMost)) return dead();
  return done;
}

Result<> SimFiles::rename(const std::string& from, const std::string& to) {
  return change("rename", from, [&] { return disk_.rename(from, to); });
}

Result<> SimFiles::remove(const std::string& path) {
  return change("remove", path, [&] { return disk_.remove(path); });
}

Result<> SimFiles::make_folder(const std::string& path, int mode) {
  return change("make_folder", path, [&]() -> Result<> {
    WEIR_TRY_(room(path));
    return disk_.make_folder(path, mode);
  });
}

Result<std::vector<std::string>> SimFiles::list(const std::string& path) {
  if (!passage_.cross("list", path, kCallLeast, kCallMost)) return dead();
  return disk_.list(path);
}

bool SimFiles::exists(const std::string& path) {
  if (!passage_.cross("exists", path, kCallLeast, kCallMost)) return false;
  return disk_.exists(path);
}

Result<Output> SimPrograms::run(const Command& command, Deadline) {
  return fail(Failure::missing_package, "cannot run " +
                                            (command.argv.empty() ? "nothing" : command.argv[0]) +
                                            ": simulated hosts have no programs");
}

Result<ServerState> SimServers::start(const ServerSpec& spec, Deadline deadline) {
  try {
    if (!passage_.cross("server.start", spec.name, 1ms, 5ms)) return dead();
  } catch (const Killed&) {
    if (random_.chance(0.5)) {
      inner_.order(spec);
      fibers_.at(fibers_.now() + random_.between({}, kStartsWithin),
                 [&inner = inner_, spec] { inner.arrive(spec); });
    }
    throw;
  }
  auto done = inner_.start(spec, deadline);
  if (!passage_.cross("server.started", spec.name, kCallLeast, kCallMost)) return dead();
  return done;
}

Result<ServerState> SimServers::state(const ServerSpec& spec) {
  if (!passage_.cross("server.state", spec.name, kCallLeast, kCallMost)) return dead();
  return inner_.state(spec);
}

Result<> SimServers::signal(const ServerSpec& spec, int signal) {
  if (!passage_.cross("server.signal", spec.name, kCallLeast, kCallMost)) return dead();
  auto done = inner_.signal(spec, signal);
  if (!passage_.cross("server.signalled", spec.name, kCallLeast, kCallMost)) return dead();
  return done;
}

Result<> SimServers::kill_all(const ServerSpec& spec, Deadline deadline) {
  if (!passage_.cross("server.kill_all", spec.name, 1ms, 10ms)) return dead();
  auto done = inner_.kill_all(spec, deadline);
  if (!passage_.cross("server.killed", spec.name, kCallLeast, kCallMost)) return dead();
  return done;
}

Result<bool> SimServers::any_left(const ServerSpec& spec) {
  if (!passage_.cross("server.any_left", spec.name, kCallLeast, kCallMost)) return dead();
  return inner_.any_left(spec);
}

Result<> SimServers::hold(const std::string& name, Instant deadline, Deadline limit) {
  if (!passage_.cross("server.hold", name, kCallLeast, kCallMost)) return dead();
  auto done = inner_.hold(name, deadline, limit);
  if (!passage_.cross("server.held", name, kCallLeast, kCallMost)) return dead();
  return done;
}

namespace {

class SimJob : public Job {
 public:
  explicit SimJob(Fibers& fibers) : fibers_(fibers) {}

  bool wait(Deadline deadline) override {
    while (!done && fibers_.now() < deadline.at) {
      if (fibers_.current() == 0 || fibers_.unwinding()) return true;  // its fiber is dead, too
      waiter_ = fibers_.current();
      fibers_.park_until(deadline.at);
    }
    return done;
  }
  void finish() {
    done = true;
    fibers_.unpark(waiter_);
  }

  bool done = false;

 private:
  Fibers& fibers_;
  FiberId waiter_ = 0;
};

class SimAlarm : public Alarm {
 public:
  explicit SimAlarm(Fibers& fibers) : fibers_(fibers) {}

  void ring() override {
    rung_ = true;
    if (waiter_ != 0) fibers_.unpark(waiter_);
  }
  bool wait_until(Instant instant) override {
    while (!rung_ && fibers_.now() < instant) {
      if (fibers_.current() == 0 || fibers_.unwinding()) return false;
      waiter_ = fibers_.current();
      fibers_.park_until(instant);
      waiter_ = 0;
    }
    return std::exchange(rung_, false);
  }

 private:
  Fibers& fibers_;
  bool rung_ = false;
  FiberId waiter_ = 0;
};

}  // namespace

std::shared_ptr<Job> SimWorkers::begin(std::string name, std::function<void()> work) {
  auto job = std::make_shared<SimJob>(fibers_);
  if (fibers_.unwinding()) return job;
  fibers_.begin(fibers_.current_group(), std::move(name), [job, work = std::move(work)] {
    work();
    job->finish();
  });
  return job;
}

std::unique_ptr<Alarm> SimWorkers::make_alarm() { return std::make_unique<SimAlarm>(fibers_); }

SimHost::SimHost(Fibers& fibers, SimRandom& random, engine::FakeCluster& cluster,
                 const HostName& host)
    : name(host),
      clock(fibers),
      passage(fibers, random),
      files(disk, passage, random),
      guards(cluster, host),
      servers(guards, fibers, passage, random),
      workers(fibers),
      world{clock, random, files, programs, servers, workers} {}

}  // namespace weir::sim
