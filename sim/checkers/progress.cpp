// Progress: once faults stopped, a leader serves under the record, its own commit is confirmed, and
// every member is back in the set. The run asks each tick and bounds how long it may take.
#include <fmt/format.h>

#include <algorithm>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

std::string replica_is_not_back(const Truth& truth, const engine::FakeServer& leader,
                                const MemberName& member) {
  const std::string id = truth.id(member);
  const auto& servers = truth.cluster.servers();
  const auto found = servers.find(id);
  if (found == servers.end() || found->second.orphaned) return id + " does not run";
  if (found->second.leader) return id + " runs as a leader of its own";
  const auto sender = leader.senders.find(id);
  if (sender == leader.senders.end()) return id + " does not stream from the leader";
  const Voter* recorded = truth.record.find(member);
  if (recorded == nullptr || *recorded != sender->second.voter) return id + " is not recorded";
  if (truth.record.mode == Durability::async) return {};
  if (!truth.record.set.counts(sender->second.voter)) return id + " is not in the recorded set";
  if (!sender->second.counted) return id + " is not counted by the leader's server";
  return {};
}

// The file is what the service is to be: parameters on every server, the rest on the leader. With a
// host gone for good nobody restarts for a parameter: its value may be what took that host.
std::string is_not_as_declared(const Truth& truth) {
  const auto params = engine::declared_params(truth.service);
  const bool nobody_restarts = truth.lost != nullptr && !truth.lost->empty();
  for (const auto& [id, server] : truth.cluster.servers()) {
    for (const auto& [name, value] : params) {
      if (nobody_restarts && engine::needs_restart(name)) continue;
      const auto loaded = server.loaded.params.find(name);
      if (loaded == server.loaded.params.end() || loaded->second != value) {
        return fmt::format("{} does not run with {}={}", id, name, value);
      }
    }
  }
  const auto shapes = truth.cluster.shapes_of(truth.id(truth.record.leader.member));
  for (const Resource& wanted : truth.service.resources) {
    if (wanted.kind == "param" || std::ranges::find(shapes, wanted) != shapes.end()) continue;
    return fmt::format("{} {} is not there", wanted.kind, wanted.name);
  }
  return {};
}

}  // namespace

std::string not_back(const Truth& truth) {
  if (truth.record.epoch.none()) return "the service has no record";
  const engine::FakeServer* leader = truth.leader();
  if (leader == nullptr) {
    return fmt::format("{}, whom the record names in epoch {}, does not lead",
                       truth.record.leader.member.text, show(truth.record.epoch));
  }
  if (truth.record.round) return fmt::format("round {} is open", truth.record.round->number);
  if (!truth.record.confirmed) return "the leader has no confirmed commit of its own";
  if (!truth.record.previous.empty()) return "the record still holds previous sets";
  if (truth.record.set.number != truth.service.sync) {
    return fmt::format("each commit waits for {}, not for {}", truth.record.set.number,
                       truth.service.sync);
  }
  for (const Member& member : truth.service.members) {
    if (member.name == truth.record.leader.member) continue;
    if (truth.lost != nullptr && truth.lost->contains(member.host)) continue;
    std::string why = replica_is_not_back(truth, *leader, member.name);
    if (!why.empty()) return why;
  }
  for (const Voter& voter : truth.record.members) {
    if (truth.service.find(voter.member) == nullptr) return voter.member.text + " is to leave";
  }
  for (const auto& [id, server] : truth.cluster.servers()) {
    const bool declared = std::ranges::any_of(
        truth.service.members, [&](const Member& member) { return truth.id(member.name) == id; });
    if (!declared) return id + " is to leave, and runs";
  }
  return is_not_as_declared(truth);
}

}  // namespace weir::sim
