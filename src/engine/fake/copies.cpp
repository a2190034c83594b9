// What fills a disk: initdb, copies, rewinds, the archive; and the checkpoints that a rewind goes
// by.
#include <algorithm>
#include <utility>

#include "engine/fake/cluster.h"

namespace weir::engine {
namespace {

constexpr Duration kCheckpointTakes = 3s;

std::string service_of(const std::string& id) { return id.substr(0, id.find('/')); }

}  // namespace

void FakeCluster::init(const std::string& id) {
  FakeDisk fresh;
  fresh.exists = true;
  fresh.lineage.system = std::to_string(++next_system_);
  fresh.lineage.timeline = 1;
  fresh.checkpointed = 1;
  disks_[id] = std::move(fresh);
  tell("initdb " + id);
}

void FakeCluster::begin_copy(const std::string& id) {
  if (on_overwrite && disks_[id].exists && !disks_[id].damaged) on_overwrite(id);
  disks_[id].damaged = true;
}

Result<> FakeCluster::end_copy(const std::string& id, const HostName& host, const std::string& from,
                               const HostName& from_host) {
  const FakeServer* source = reach(from, from_host, host);
  if (source == nullptr || !source->leader) {
    return fail(Failure::unreachable, "cannot copy from " + from + ": it does not lead");
  }
  FakeDisk copied = disks_[from];
  copied.damaged = false;
  disks_[id] = std::move(copied);
  tell("copied " + from + " to " + id);
  return {};
}

Result<> FakeCluster::end_rewind(const std::string& id, const HostName& host,
                                 const std::string& from, const HostName& from_host) {
  const FakeServer* source = reach(from, from_host, host);
  if (source != nullptr && source->leader && !checkpointed(from)) {
    disks_[id].damaged = false;
    tell("no rewind required of " + id);
    return {};
  }
  return end_copy(id, host, from, from_host);
}

void FakeCluster::archive(const std::string& id) {
  const FakeServer* found = server(id);
  if (found == nullptr || !found->leader) return;
  const FakeDisk& data = disks_[id];
  archive_[{service_of(id), data.lineage.timeline}] = data;
  tell("log of " + id + " is archived");
}

// The startup process asks the archive for what follows its log, on its own timeline; a signal that
// has come in is read before the next segment is asked for.
void FakeCluster::restore(FakeServer& server) {
  if (server.reload_due || server.startup_due || !server.startup_loaded.restores) return;
  FakeDisk& mine = disks_[server.id];
  const auto found = archive_.find({service_of(server.id), mine.lineage.timeline});
  if (found == archive_.end() || found->second.log.size() <= mine.log.size()) return;
  if (!std::equal(mine.log.begin(), mine.log.end(), found->second.log.begin())) return;
  if (hosts_.at(server.host).disk == DiskHealth::full || !flushes(server.host)) return;
  mine.log = found->second.log;
  tell("log of " + server.id + " is restored from the archive");
}

void FakeCluster::ask_checkpoint(const std::string& id) {
  FakeServer* found = server(id);
  if (found == nullptr || checkpointed(id)) return;
  found->checkpoint_at = std::min(found->checkpoint_at, now_ + kCheckpointTakes);
}

bool FakeCluster::checkpointed(const std::string& id) const {
  const auto found = disks_.find(id);
  return found != disks_.end() && found->second.checkpointed == found->second.lineage.timeline;
}

void FakeCluster::tick_checkpoint(FakeServer& server) {
  if (server.checkpoint_at == Instant{} || now_ < server.checkpoint_at) return;
  server.checkpoint_at = {};
  disks_[server.id].checkpointed = disks_[server.id].lineage.timeline;
}

}  // namespace weir::engine
