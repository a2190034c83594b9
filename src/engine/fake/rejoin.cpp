// The way back of a member that left the leader's history, as engine/postgres/rejoin.cpp has it.
#include <fmt/format.h>

#include "base/mutant.h"
#include "engine/fake/faces.h"

namespace weir::engine {
namespace {

constexpr Duration kRewindTakes = 300ms;
constexpr Duration kPause = 20ms;

std::string cannot_rewind(const Member& member, std::string_view why) {
  return fmt::format("cannot rewind {}: {}", fake_id(member), why);
}

// A rewind believes the leader's control file. The leader has asked for the checkpoint; where its
// agent died before that, we do.
Result<> wait_for_checkpoint(FakeHost& host, const Member& member, const Upstream& upstream,
                             Deadline deadline) {
  const std::string from = fake_id(upstream.leader);
  FakeCluster& cluster = host.cluster();
  if (host.reach(upstream.leader) != nullptr) cluster.ask_checkpoint(from);
  bool gone = false;
  const bool there = poll_until(host.clock(), deadline, kPause, [&] {
    gone = host.reach(upstream.leader) == nullptr;
    return gone || cluster.checkpointed(from);
  });
  if (gone) return fail(Failure::unreachable, cannot_rewind(member, "no leader answers"));
  if (there) return {};
  return fail(Failure::timed_out,
              cannot_rewind(member, "its leader has made no checkpoint since its promotion"));
}

Result<> export_diverged(FakeHost& host, const Member& member, Epoch led) {
  const std::string folder = host.paths(member).root + "/exports";
  WEIR_TRY_(host.files().make_folder(folder));
  return host.files().write(fmt::format("{}/{}.json", folder, led.number),
                            to_json(host.cluster().standing(fake_id(member))).dump());
}

}  // namespace

Result<> FakeLeads::rejoin(const Member& member, const Upstream& upstream, Rejoin how,
                           const Incarnation& fresh, const Service& service, Deadline deadline) {
  if (how == Rejoin::rebuild) return runs_.copy(member, upstream, fresh, service, deadline);
  WEIR_TRY(const FakePromise held, host_.read_promise(member));
  WEIR_TRY(const Local now, runs_.local(member));
  const bool higher = held.round <= upstream.epoch.number && now.led < upstream.epoch;
  if (!higher && !mutant("rejoin-towards-a-lower-epoch")) {
    return fail(Failure::refused, cannot_rewind(member, "only a higher epoch may do that"));
  }
  if (now.server.life == ServerLife::running || now.processes_left) {
    return fail(Failure::refused, cannot_rewind(member, "its server runs"));
  }
  if (!now.data) return fail(Failure::not_found, cannot_rewind(member, "it has no data"));
  if (!now.half_rewound && !mutant("rewind-without-export")) {
    WEIR_TRY_(export_diverged(host_, member, now.led));
  }
  if (!mutant("rejoin-before-the-checkpoint")) {
    WEIR_TRY_(wait_for_checkpoint(host_, member, upstream, deadline));
  }
  const FakePaths paths = host_.paths(member);
  const std::string id = fake_id(member);
  if (!now.half_rewound) WEIR_TRY_(host_.files().write(paths.rewinding(), "1"));
  host_.cluster().begin_copy(id);
  host_.clock().sleep_for(kRewindTakes);
  WEIR_TRY_(
      host_.cluster().end_rewind(id, member.host, fake_id(upstream.leader), upstream.leader.host));
  WEIR_TRY_(point_at(member, upstream));
  if (held.round != 0) WEIR_TRY_(host_.write_promise(member, {0, held.last, {}}));
  return host_.files().remove(paths.rewinding());
}

}  // namespace weir::engine
