// What fills a disk: initdb, copies, rewinds; and the checkpoints that a rewind goes by.
#include <algorithm>
#include <utility>

#include "engine/fake/cluster.h"

namespace weir::engine {
namespace {

constexpr Duration kCheckpointTakes = 3s;

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
