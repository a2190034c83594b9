// Disks, servers as a whole, sessions. What their processes do to each other is in processes.cpp.
#include "engine/fake/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"
#include "base/text.h"

namespace weir::engine {
namespace {

constexpr Duration kStartTakes = 120ms;
constexpr Duration kRecoveryTakesAtMost = 60ms;
constexpr Duration kRecoveryTakesLongAtMost = 3s;
constexpr Duration kOrphansLiveAtMost = 60ms;
constexpr Duration kOrphansLiveLongAtMost = 3s;
constexpr Duration kOwnCheckpointTakes = 150s;  // spread over its interval

}  // namespace

std::string shown(const SyncSet& set) {
  if (set.number <= 0) return {};
  if (set.voters.empty()) return fmt::format("ANY {} (weir_nobody)", set.number);
  std::vector<std::string> names;
  for (const Voter& voter : set.voters) {
    names.push_back(fmt::format("\"weir_{}_{}\"", voter.member.text, voter.incarnation.text));
  }
  return fmt::format("ANY {} ({})", set.number, join(names, ","));
}

Json to_json(const FakeSettings& settings) {
  Json out = Json::object();
  out.set("set", to_json(settings.set));
  out.set("upstream", settings.upstream.text);
  out.set("upstream_host", settings.upstream_host.text);
  out.set("upstream_address", settings.upstream_address);
  out.set("name", settings.name.text);
  out.set("key_epoch", settings.key_epoch);
  out.set("epoch", settings.epoch);
  out.set("standby", settings.standby);
  out.set("restores", settings.restores);
  Json params = Json::object();
  for (const auto& [name, value] : settings.params) params.set(name, value);
  out.set("params", params);
  return out;
}

FakeSettings fake_settings_from(const Json& json) {
  FakeSettings out;
  out.set = sync_set_from(json["set"]);
  out.upstream = MemberName(json["upstream"].text());
  out.upstream_host = HostName(json["upstream_host"].text());
  out.upstream_address = json["upstream_address"].text();
  out.name = Incarnation(json["name"].text());
  out.key_epoch = json["key_epoch"].integer();
  out.epoch = json["epoch"].integer();
  out.standby = json["standby"].boolean();
  out.restores = json["restores"].boolean();
  for (const auto& [name, value] : json["params"].members()) out.params[name] = value.text();
  return out;
}

bool needs_restart(const std::string& param) { return param == "max_connections"; }

std::map<std::string, std::string> declared_params(const Service& service) {
  std::map<std::string, std::string> out;
  for (const Resource& resource : service.resources) {
    if (resource.kind == "param") out[resource.name] = resource.attributes.at("value");
  }
  return out;
}

std::string FakePaths::key_folder(std::int64_t epoch) const {
  return root + "/receiver/" + std::to_string(mutant("key-under-one-path") ? 0 : epoch);
}

void FakeCluster::add_host(const HostName& host, Files& files, const std::string& state) {
  Machine& machine = hosts_[host];
  machine.files = &files;
  machine.state = state;
}

FakePaths FakeCluster::paths(const std::string& id, const HostName& host) const {
  std::string folder = id;
  std::ranges::replace(folder, '/', '-');
  return {hosts_.at(host).state + "/members/" + folder};
}

FakeSettings FakeCluster::settings_of(const std::string& id) const {
  const auto placed = placed_.find(id);
  if (placed == placed_.end()) return {};
  const auto text = hosts_.at(placed->second).files->read(paths(id, placed->second).settings());
  if (!text) return {};
  const auto json = Json::parse(*text);
  return json ? fake_settings_from(*json) : FakeSettings{};
}

Position FakeCluster::end_of(const std::string& id) {
  return {kLogStart + kRowBytes * disks_[id].log.size()};
}

// A switch at or beyond the log's end has not been taken by this log, though it is known of.
Standing FakeCluster::standing(const std::string& id) {
  Standing out{disks_[id].lineage, end_of(id)};
  while (!out.lineage.branches.empty() && out.lineage.branches.back().until >= out.at) {
    out.lineage.timeline = out.lineage.branches.back().timeline;
    out.lineage.branches.pop_back();
  }
  return out;
}

bool FakeCluster::holds(const std::string& id, RowId row) const {
  const auto found = disks_.find(id);
  if (found == disks_.end()) return false;
  return std::ranges::find(found->second.log, row) != found->second.log.end();
}

bool FakeCluster::lost_with_its_disk(const std::string& id, RowId row) const {
  const auto found = lost_.find(id);
  return found != lost_.end() && found->second.contains(row);
}

std::vector<Resource> FakeCluster::shapes_of(const std::string& id) const {
  std::map<std::pair<std::string, std::string>, Resource> found;
  for (const RowId at : shaped_) {
    if (!holds(id, at)) continue;
    const Resource& shaped = *rows_[at].shaped;
    if (rows_[at].dropped) {
      found.erase({shaped.kind, shaped.name});
    } else {
      found[{shaped.kind, shaped.name}] = shaped;
    }
  }
  std::vector<Resource> out;
  for (auto& [key, resource] : found) out.push_back(std::move(resource));
  return out;
}

void FakeCluster::isolate(const std::string& id, bool on) {
  FakeServer* found = server(id);
  if (found == nullptr) return;
  found->read_only = on;
  if (!on) return;
  if (mutant("isolation-cancels-the-wait")) return release_all(*found);
  for (const FakeServer::Open& open : found->waiting) tickets_[open.ticket].wait = Wait::broken;
  found->waiting.clear();
}

FakeServer* FakeCluster::server(const std::string& id) {
  const auto found = servers_.find(id);
  return found == servers_.end() ? nullptr : &found->second;
}

bool FakeCluster::running(const std::string& id) const {
  const auto found = servers_.find(id);
  return found != servers_.end() && !found->second.orphaned;
}

bool FakeCluster::any_left(const std::string& id) const { return servers_.contains(id); }

bool FakeCluster::silent(const HostName& host, const HostName& from) const {
  const auto machine = hosts_.find(host);
  if (machine == hosts_.end() || !machine->second.up || machine->second.frozen) return true;
  if (from == host || network_ == nullptr) return false;
  return !network_->passes(from, host) || !network_->passes(host, from);
}

FakeServer* FakeCluster::reach(const std::string& id, const HostName& host, const HostName& from) {
  if (silent(host, from) || !running(id)) return nullptr;
  FakeServer* found = server(id);
  return found->ready_at > now_ ? nullptr : found;
}

FakeServer* FakeCluster::reach_open(const std::string& id, const HostName& host, std::int64_t pid) {
  const auto machine = hosts_.find(host);
  FakeServer* found = server(id);
  if (machine == hosts_.end() || !machine->second.up || found == nullptr) return nullptr;
  return found->pid == pid ? found : nullptr;
}

void FakeCluster::launch(const std::string& id, const HostName& host) {
  placed_[id] = host;
  const FakeDisk& data = disks_[id];
  if (servers_.contains(id) || !hosts_.at(host).up) return;
  if (!data.exists || data.damaged) {
    tell("start of " + id + " ended: no whole data");
    return;
  }
  if (hosts_.at(host).disk == DiskHealth::full) {
    tell("start of " + id + " ended: no space left");
    return;
  }
  FakeServer fresh;
  fresh.id = id;
  fresh.host = host;
  fresh.pid = ++next_pid_;
  const Duration recovery = chance(15) ? kRecoveryTakesLongAtMost : kRecoveryTakesAtMost;
  fresh.ready_at =
      now_ + kStartTakes + Duration(random_.next() % static_cast<std::uint64_t>(recovery.count()));
  fresh.loaded = settings_of(id);
  fresh.startup_loaded = fresh.loaded;
  fresh.checkpointer_due = true;
  fresh.leader = !fresh.loaded.standby;
  fresh.replayed = end_of(id);
  FakeServer& server = servers_[id] = std::move(fresh);
  tell(fmt::format("start of {} as {} of epoch {}", id, server.leader ? "leader" : "replica",
                   server.loaded.epoch));
  if (!server.leader) return;
  append(server, {});  // the checkpoint at the end of its recovery
  disks_[id].checkpointed = data.lineage.timeline;
}

void FakeCluster::reload(const std::string& id) {
  if (FakeServer* found = server(id); found != nullptr && !found->orphaned) {
    found->reload_due = true;
  }
}

void FakeCluster::end(const std::string& id, bool clean) {
  FakeServer* found = server(id);
  if (found == nullptr) return;
  if (clean && found->leader && !found->orphaned && found->ready_at <= now_) {
    append(*found, {});  // the shutdown checkpoint
    disks_[id].checkpointed = disks_[id].lineage.timeline;
    drain(*found);
  }
  drop(id);
}

void FakeCluster::drop(const std::string& id) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return;
  for (const FakeServer::Open& open : found->second.waiting)
    tickets_[open.ticket].wait = Wait::broken;
  for (auto& [other, server] : servers_) hang_up(id, found->second.host, server);
  const std::string name = id;  // which may be the erased server's own
  servers_.erase(found);
  tell("end of " + name);
}

void FakeCluster::kill_server(const std::string& id, Duration orphans) {
  FakeServer* found = server(id);
  if (found == nullptr || found->orphaned) return;
  if (orphans == Duration{}) {
    const Duration most = chance(30) ? kOrphansLiveLongAtMost : kOrphansLiveAtMost;
    orphans = Duration(random_.next() % static_cast<std::uint64_t>(most.count()));
  }
  found->orphaned = true;
  found->orphans_until = now_ + orphans;
  tell("kill of " + id);
}

void FakeCluster::kill_host(const HostName& host) {
  hosts_.at(host).up = false;
  hosts_.at(host).frozen = false;
  std::vector<std::string> there;
  for (const auto& [id, server] : servers_) {
    if (server.host == host) there.push_back(id);
  }
  for (const std::string& id : there) drop(id);
  tell("kill of host " + host.text);
}

void FakeCluster::lose_data(const std::string& id) {
  const HostName host = placed_.at(id);
  drop(id);
  lost_[id].insert(disks_[id].log.begin(), disks_[id].log.end());
  disks_[id] = {};
  WEIR_ASSERT(hosts_.at(host).files->remove(paths(id, host).root).has_value());
  tell("data lost of " + id);
}

void FakeCluster::lose_tail(const std::string& id, std::size_t rows) {
  drop(id);
  std::vector<RowId>& log = disks_[id].log;
  const std::size_t kept = log.size() - std::min(rows, log.size());
  lost_[id].insert(log.begin() + static_cast<std::ptrdiff_t>(kept), log.end());
  log.resize(kept);
  tell("tail lost of " + id);
}

void FakeCluster::open_for_writes(const std::string& id, std::int64_t epoch) {
  FakeServer* found = server(id);
  WEIR_ASSERT(found != nullptr);
  if (found->leader) return;
  drop_receiver(*found);
  FakeDisk& data = disks_[id];
  data.checkpointed = data.lineage.timeline;
  data.lineage.branches.push_back({data.lineage.timeline, end_of(id)});
  data.lineage.timeline = std::max(data.lineage.timeline + 1, epoch);
  FakeSettings settings = settings_of(id);
  settings.standby = false;
  settings.restores = false;
  settings.upstream = {};
  settings.epoch = epoch;
  const HostName host = placed_.at(id);
  WEIR_ASSERT(hosts_.at(host)
                  .files->write(paths(id, host).settings(), to_json(settings).dump())
                  .has_value());
  found->leader = true;
  found->read_only = false;
  found->checkpoint_at = now_ + kOwnCheckpointTakes;
  found->loaded.standby = false;
  found->loaded.epoch = epoch;
  found->startup_loaded = found->loaded;
  tell(fmt::format("promotion of {} to epoch {} at {}", id, epoch, show(end_of(id))));
  append(*found, {});
}

RowId FakeCluster::append(FakeServer& server, FakeRow row) {
  const RowId id = static_cast<RowId>(rows_.size());
  row.epoch = server.loaded.epoch;
  row.author = server.id;
  if (row.shaped) shaped_.push_back(id);
  rows_.push_back(std::move(row));
  disks_[server.id].log.push_back(id);
  server.replayed = end_of(server.id);
  return id;
}

Result<std::uint64_t> FakeCluster::commit(const std::string& id, FakeRow row, bool local_only) {
  FakeServer* found = server(id);
  if (found == nullptr || found->ready_at > now_) {
    return fail(Failure::unreachable, "cannot write to " + id + ": nothing listens there");
  }
  if (!found->leader) return fail(Failure::refused, "cannot write to " + id + ": it is a replica");
  if (found->read_only && row.client) {
    return fail(Failure::refused, "cannot write to " + id + ": it takes no writes");
  }
  if (hosts_.at(found->host).disk == DiskHealth::full) {
    tell("no space left for the log of " + id);
    kill_server(id, kTick);
    return fail(Failure::unreachable, "cannot write to " + id + ": no space left on its disk");
  }
  if (hosts_.at(found->host).disk == DiskHealth::hung) {
    const std::uint64_t stuck = ++next_ticket_;  // nothing reaches the log, and nobody is answered
    tickets_[stuck] = {};
    return stuck;
  }
  const RowId written = append(*found, std::move(row));
  const std::uint64_t ticket = ++next_ticket_;
  if (found->waits && !local_only) {
    tickets_[ticket] = {Wait::open, written};
    found->waiting.push_back({written, end_of(id), ticket});
    return ticket;
  }
  tickets_[ticket] = {Wait::released, written};
  if (!local_only) {
    rows_[written].acknowledged = now_;
    if (on_acknowledged) on_acknowledged(*found, written);
  }
  return ticket;
}

Wait FakeCluster::outcome(std::uint64_t ticket) const {
  const auto found = tickets_.find(ticket);
  return found == tickets_.end() ? Wait::broken : found->second.wait;
}

void FakeCluster::tell_client(std::uint64_t ticket) {
  const auto found = tickets_.find(ticket);
  WEIR_ASSERT(found != tickets_.end() && found->second.wait == Wait::released);
  rows_[found->second.row].told = now_;
}

}  // namespace weir::engine
