// Sees fake servers as a client would: an answer takes time, silence takes the whole deadline.
#include <fmt/format.h>

#include "engine/fake/faces.h"

namespace weir::engine {
namespace {

constexpr Duration kAnswerTakes = 700us;

void see_leader(FakeCluster& cluster, const FakeServer& server, Sighting& out) {
  out.role = Role::leader;
  out.writable = !server.read_only;
  out.position_known = true;
  out.set_loaded = shown(server.loaded.set);
  for (const auto& [id, sender] : server.senders) {
    out.followers.push_back({sender.voter, true, sender.counted, sender.flushed});
  }
  out.written = cluster.end_of(server.id);
}

void see_replica(FakeCluster& cluster, const FakeServer& server, const Member& member,
                 Sighting& out) {
  out.role = Role::replica;
  out.position_known = server.received;
  if (server.received) out.written = cluster.end_of(server.id);
  out.replayed = server.replayed;
  if (server.receiver) {
    out.receives_from = fmt::format("{}:{}", server.receiver->upstream_address, member.port);
  }
}

}  // namespace

Sighting FakeObserves::probe(const Member& member, Deadline deadline) {
  FakeCluster& cluster = host_.cluster();
  const std::string id = fake_id(member);
  Sighting out;
  if (cluster.silent(member.host, host_.setting().host)) {
    host_.clock().sleep_until(deadline.at);
    out.at = host_.clock().now();
    out.reach = Reach::silent;
    out.detail = "no answer by the deadline";
    return out;
  }
  host_.clock().sleep_for(kAnswerTakes);
  out.at = host_.clock().now();
  if (!cluster.running(id)) {
    out.reach = Reach::refused;
    out.detail = "connection refused";
    return out;
  }
  const FakeServer* server = host_.reach(member);
  if (server == nullptr) {
    out.reach = Reach::starting;
    out.detail = "the database system is starting up";
    return out;
  }
  out.reach = Reach::serving;
  const Lineage& lineage = cluster.disk(id).lineage;
  out.system = lineage.system;
  out.timeline = lineage.timeline;
  if (server->leader) {
    see_leader(cluster, *server, out);
  } else {
    see_replica(cluster, *server, member, out);
  }
  return out;
}

Result<> FakeObserves::probe_write(const Member& member, Deadline deadline) {
  return host_.write_own(member, {}, false, deadline);
}

}  // namespace weir::engine
