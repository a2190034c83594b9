// What the processes of the fake servers do to each other, one small act at a time: each tick every
// process acts or does not, as the random source says, so that every order of acts comes up.
#include <algorithm>
#include <utility>

#include "engine/fake/cluster.h"

namespace weir::engine {
namespace {

// A receiver notices a dead server by its closed connection, a dead host only by silence.
constexpr int kNoticesDeadServer = 40;
constexpr int kNoticesSilence = 1;
constexpr int kSlowDiskActs = 4;
constexpr int kActs = 60;
constexpr std::size_t kRowsAtOnce = 64;

std::string upstream_of(const std::string& id, const FakeSettings& settings) {
  return id.substr(0, id.find('/') + 1) + settings.upstream.text;
}

}  // namespace

void FakeCluster::tick(Instant now) {
  now_ = now;
  std::vector<std::string> ids;
  for (const auto& [id, server] : servers_) ids.push_back(id);
  for (const std::string& id : ids) {
    if (FakeServer* server = this->server(id)) tick_server(*server);
  }
}

void FakeCluster::tick_server(FakeServer& server) {
  if (hosts_.at(server.host).frozen) return;
  if (server.orphaned && now_ >= server.orphans_until) {
    drop(server.id);
    return;
  }
  if (!server.orphaned) tick_settings(server);
  if (server.ready_at > now_) return;
  if (server.leader) {
    if (!server.orphaned) tick_checkpoint(server);
    tick_senders(server);
  } else {
    tick_receiver(server);
  }
}

// SIGHUP reaches the postmaster first; each other process loads the file when it gets to it.
void FakeCluster::tick_settings(FakeServer& server) {
  if (server.reload_due && chance(kActs)) {
    server.reload_due = false;
    const bool standby = server.loaded.standby;
    const std::int64_t epoch = server.loaded.epoch;
    const auto started_with = std::move(server.loaded.params);
    server.loaded = settings_of(server.id);
    std::erase_if(server.loaded.params, [](const auto& p) { return needs_restart(p.first); });
    for (const auto& [name, value] : started_with) {
      if (needs_restart(name)) server.loaded.params[name] = value;
    }
    server.loaded.standby = standby;  // only a start or a promotion changes what it is
    if (server.leader) server.loaded.epoch = epoch;
    server.startup_due = true;
    server.checkpointer_due = true;
    for (auto& [id, sender] : server.senders) sender.reload_due = true;
  }
  if (server.checkpointer_due && chance(kActs)) {
    server.checkpointer_due = false;
    // weir's setting names at least a name that nobody bears; an empty one lets all waiting go.
    server.waits = server.loaded.set.number > 0;
    if (!server.waits) release_all(server);
  }
  const auto paused = replay_paused_.find(server.id);
  const bool stands_still = paused != replay_paused_.end() && now_ < paused->second;
  if (!server.leader && !stands_still) server.replayed = end_of(server.id);
  if (server.startup_due && !server.leader && !stands_still && chance(kActs)) {
    server.startup_due = false;
    const FakeSettings before = std::exchange(server.startup_loaded, settings_of(server.id));
    const FakeSettings& after = server.startup_loaded;
    if (before.upstream != after.upstream || before.key_epoch != after.key_epoch ||
        before.name != after.name) {
      drop_receiver(server);
    }
  }
  if (!server.leader && !stands_still && !server.receiver) restore(server);
}

bool FakeCluster::can_receive(const FakeServer& server, const FakeSettings& settings) {
  if (settings.upstream.empty()) return false;
  const Machine& own = hosts_.at(server.host);
  if (!own.files->exists(paths(server.id, server.host).key(settings.key_epoch))) return false;
  const std::string from = upstream_of(server.id, settings);
  const FakeServer* source = reach(from, settings.upstream_host, server.host);
  if (source == nullptr || !source->leader) return false;
  if (source->senders.contains(server.id)) return false;  // its slot is still in use
  if (contained(standing(server.id), standing(from))) return true;
  if (chance(1)) tell(server.id + " cannot follow " + from + ": its log has left that history");
  return false;
}

void FakeCluster::drop_receiver(FakeServer& server) {
  if (!server.receiver) return;
  if (FakeServer* from = this->server(upstream_of(server.id, *server.receiver))) {
    hang_up(server.id, server.host, *from);
  }
  server.receiver.reset();
  tell("end of receiver of " + server.id);
}

// The replica's end of the connection is closed; the leader's hears of it unless the network is
// silent.
void FakeCluster::hang_up(const std::string& replica, const HostName& host, FakeServer& leader) {
  const auto found = leader.senders.find(replica);
  if (found == leader.senders.end()) return;
  if (silent(host, leader.host) || hosts_.at(leader.host).frozen) {
    found->second.half_open = true;
  } else {
    leader.senders.erase(found);
  }
}

void FakeCluster::kill_receiver(const std::string& id) {
  if (FakeServer* found = server(id)) drop_receiver(*found);
}

void FakeCluster::tick_receiver(FakeServer& server) {
  if (!server.receiver) {
    if (server.orphaned || !chance(kActs / 2)) return;
    if (!can_receive(server, server.startup_loaded)) return;
    server.receiver = server.startup_loaded;
    const std::string from = upstream_of(server.id, *server.receiver);
    FakeServer& source = *this->server(from);
    disks_[server.id].lineage = disks_[from].lineage;
    FakeSender sender;
    sender.voter = {MemberName(server.id.substr(server.id.find('/') + 1)), server.receiver->name};
    sender.host = server.host;
    sender.loaded = source.loaded.set;  // inherited from the postmaster that forked it
    sender.counted = sender.loaded.counts(sender.voter);
    source.senders[server.id] = sender;
    tell("receiver of " + server.id + " streams from " + from);
    return;
  }
  const std::string from = upstream_of(server.id, *server.receiver);
  FakeServer* source = this->server(from);
  const HostName& upstream = server.receiver->upstream_host;
  const bool silent = this->silent(upstream, server.host);
  if (silent || source == nullptr || !source->senders.contains(server.id)) {
    // What the upstream sent before it fell silent may still arrive.
    if (chance(silent ? kNoticesSilence : kNoticesDeadServer)) drop_receiver(server);
  }
  if (!server.receiver || source == nullptr || !source->senders.contains(server.id)) return;
  if (hosts_.at(upstream).frozen || !flows(upstream, server.host)) return;
  if (chance(kActs)) stream(server, *source);
}

// Whether what a server on this host writes becomes durable in this moment.
bool FakeCluster::flushes(const HostName& host) {
  switch (hosts_.at(host).disk) {
    case DiskHealth::well:
    case DiskHealth::full:  // whoever writes there ends
      return true;
    case DiskHealth::slow:
      return chance(kSlowDiskActs);
    case DiskHealth::hung:
      break;
  }
  return false;
}

void FakeCluster::stream(FakeServer& to, FakeServer& from) {
  if (!flushes(to.host)) return;
  FakeDisk& mine = disks_[to.id];
  const FakeDisk& theirs = disks_[from.id];
  const std::size_t have = mine.log.size();
  const std::size_t until = std::min(theirs.log.size(), have + kRowsAtOnce);
  if (until > have && hosts_.at(to.host).disk == DiskHealth::full) {
    tell("no space left for the log of " + to.id);
    kill_server(to.id, kTick);
    return;
  }
  if (until > have) {
    mine.log.insert(mine.log.end(), theirs.log.begin() + static_cast<std::ptrdiff_t>(have),
                    theirs.log.begin() + static_cast<std::ptrdiff_t>(until));
  }
  to.received = true;
  from.senders.at(to.id).in_flight = end_of(to.id);
}

// What Postgres does before a clean end: its walsenders send all, the shutdown checkpoint, too. Who
// does not receive at that moment is left behind.
void FakeCluster::drain(FakeServer& leader) {
  for (const auto& [id, sender] : leader.senders) {
    FakeServer* to = server(id);
    const bool receives = to != nullptr && to->receiver && !sender.half_open &&
                          !silent(sender.host, leader.host) && flows(leader.host, sender.host) &&
                          hosts_.at(sender.host).disk == DiskHealth::well;
    if (!receives) continue;
    FakeDisk& theirs = disks_[id];
    const FakeDisk& mine = disks_[leader.id];
    if (theirs.log.size() >= mine.log.size()) continue;
    theirs.log.insert(theirs.log.end(),
                      mine.log.begin() + static_cast<std::ptrdiff_t>(theirs.log.size()),
                      mine.log.end());
    to->received = true;
  }
}

void FakeCluster::tick_senders(FakeServer& server) {
  std::erase_if(server.senders, [&](const auto& entry) {
    const FakeSender& sender = entry.second;
    return (sender.half_open || silent(sender.host, server.host)) && chance(kNoticesSilence);
  });
  const auto paused = senders_paused_.find(server.id);
  const bool loads = paused == senders_paused_.end() || now_ >= paused->second;
  for (auto& [id, sender] : server.senders) {
    if (sender.reload_due && loads && chance(kActs)) {
      sender.reload_due = false;
      sender.loaded = settings_of(server.id).set;
      sender.counted = sender.loaded.counts(sender.voter);
    }
    if (sender.in_flight && flows(sender.host, server.host) && chance(kActs)) {
      sender.flushed = *sender.in_flight;
      sender.in_flight.reset();
      release(server, sender);
    }
  }
}

void FakeCluster::acknowledge(const FakeServer& server, const FakeServer::Open& open) {
  tickets_[open.ticket].wait = Wait::released;
  rows_[open.row].acknowledged = now_;
  if (on_acknowledged) on_acknowledged(server, open.row);
}

void FakeCluster::release_all(FakeServer& server) {
  for (const FakeServer::Open& open : server.waiting) acknowledge(server, open);
  server.waiting.clear();
}

// As SyncRepReleaseWaiters: the walsender that got the answer judges by the number that it has
// loaded itself, among all walsenders that count themselves in.
void FakeCluster::release(FakeServer& server, const FakeSender& by) {
  if (!by.counted) return;
  std::vector<Position> flushed;
  for (const auto& [id, sender] : server.senders) {
    if (sender.counted) flushed.push_back(sender.flushed);
  }
  const auto needed = static_cast<std::size_t>(std::max(by.loaded.number, 1));
  if (flushed.size() < needed) return;
  std::ranges::sort(flushed, std::greater{});
  const Position until = flushed[needed - 1];
  std::vector<FakeServer::Open> still;
  for (const FakeServer::Open& open : server.waiting) {
    if (open.at > until) {
      still.push_back(open);
      continue;
    }
    acknowledge(server, open);
  }
  server.waiting = std::move(still);
}

}  // namespace weir::engine
