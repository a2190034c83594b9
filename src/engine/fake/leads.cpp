// What failover needs, step by step as on a real server (safety.md S6 and S7): each port call in
// here is a point at which the agent may die, so the order of effects is the order that counts.
#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "engine/fake/faces.h"

namespace weir::engine {
namespace {

constexpr Duration kReadLogTakes = 4ms;
constexpr Duration kPromoteTakes = 60ms;
constexpr Duration kPatience = 100ms;  // with a receiver, before it is sent SIGTERM

std::string cannot(const char* verb, const Member& member, std::string_view why) {
  return fmt::format("cannot {} {}: {}", verb, fake_id(member), why);
}

}  // namespace

Result<Promise> FakeLeads::promise(const Member& member, std::int64_t round, Deadline deadline) {
  WEIR_TRY(const auto lock, host_.lock_start(member, deadline));
  WEIR_TRY(const FakePromise held, host_.read_promise(member));
  WEIR_TRY(Local now, runs_.local(member));
  const bool at_rest = now.data && now.server.life != ServerLife::running;
  if (at_rest && !mutant("start-in-flight-at-a-promise")) {
    // An earlier life of the agent may have ordered a start that is still under way.
    WEIR_TRY_(runs_.fence(member, deadline));
    WEIR_TRY(now, runs_.local(member));
  }
  const Voter voter{member.name, now.incarnation};
  if (held.round == round && held.given && held.given->voter == voter) return *held.given;
  if (held.round > round) {
    return fail(Failure::refused, cannot("promise for", member, "it has promised a higher round"));
  }
  if (held.round != round && round <= std::max(now.led, now.follows_epoch).number) {
    return fail(Failure::refused, cannot("promise for", member, "it is in that epoch already"));
  }
  if (!now.data || now.half_rewound) {
    return fail(Failure::bad_data, cannot("promise for", member, "its data is not whole"));
  }
  const bool runs = now.server.life == ServerLife::running;
  if ((runs && !now.as_replica) || now.processes_left) {
    return fail(Failure::refused, cannot("promise for", member, "it leads and is not stopped"));
  }
  if (now.as_replica) WEIR_TRY_(stop_receiving(member, deadline));
  WEIR_TRY(const Standing first, find_standing(member, deadline));
  WEIR_TRY(const Standing second, find_standing(member, deadline));
  if (first != second && !mutant("answer-after-the-reload")) {
    return fail(Failure::timed_out, cannot("promise for", member, "its log still grows"));
  }
  Promise out;
  out.voter = voter;
  out.round = round;
  out.of = {0, second.lineage.timeline};  // every epoch has a timeline of its own number
  out.standing = second;
  WEIR_TRY_(host_.write_promise(member, {round, std::max(round, held.last), out}));
  return out;
}

Result<> FakeLeads::stop_receiving(const Member& member, Deadline deadline) {
  WEIR_TRY(FakeSettings settings, host_.read_settings(member));
  const FakePaths paths = host_.paths(member);
  const std::string key = paths.key(settings.key_epoch);
  const bool kept = mutant("keep-the-client-key");
  if (!kept && host_.files().exists(key)) WEIR_TRY_(host_.files().rename(key, paths.key_aside()));
  if (!settings.upstream.empty()) {
    settings.restores = mutant("keep-restore-command");
    settings.upstream = {};
    settings.upstream_host = {};
    settings.upstream_address.clear();
    WEIR_TRY_(host_.write_settings(member, settings));
  }
  WEIR_TRY_(host_.reload(member));
  if (mutant("answer-after-the-reload")) return {};
  return receiver_gone(member, deadline);
}

// Settings that read empty prove nothing: the process itself must be gone, and stay gone.
Result<> FakeLeads::receiver_gone(const Member& member, Deadline deadline) {
  const std::string id = fake_id(member);
  const auto gone = [&] {
    const FakeServer* server = host_.cluster().server(id);
    if (mutant("answer-from-show") && server != nullptr) return server->loaded.upstream.empty();
    return server == nullptr || !server->receiver;
  };
  const Deadline patience = sooner(deadline, host_.clock().within(kPatience));
  if (!poll_until(host_.clock(), patience, 5ms, gone)) {
    host_.cluster().kill_receiver(id);
    host_.clock().sleep_for(1ms);
  }
  host_.clock().sleep_for(10ms);
  if (gone()) return {};
  return fail(Failure::timed_out, cannot("promise for", member, "its receiver comes back"));
}

Result<Standing> FakeLeads::find_standing(const Member& member, Deadline) {
  host_.clock().sleep_for(kReadLogTakes);
  const FakeDisk& disk = host_.cluster().disk(fake_id(member));
  if (!disk.exists || disk.damaged) {
    return fail(Failure::bad_data, cannot("read the log of", member, "its data is not whole"));
  }
  const FakeServer* server = host_.cluster().server(fake_id(member));
  if (mutant("receive-position-after-a-restart") && server != nullptr && !server->received) {
    return Standing{disk.lineage, {FakeCluster::kLogStart}};
  }
  return host_.cluster().standing(fake_id(member));
}

// The key first and under the path of this epoch: whoever still holds an older setting finds none.
Result<> FakeLeads::point_at(const Member& member, const Upstream& upstream) {
  const FakePaths paths = host_.paths(member);
  WEIR_TRY(const FakeData data, host_.read_data(member));
  WEIR_TRY(FakeSettings settings, host_.read_settings(member));
  WEIR_TRY_(host_.files().make_folder(paths.key_folder(upstream.epoch.number)));
  WEIR_TRY_(host_.files().write(paths.key(upstream.epoch.number), "key"));
  settings.standby = true;
  settings.restores = true;
  settings.upstream = upstream.leader.name;
  settings.upstream_host = upstream.leader.host;
  settings.upstream_address = upstream.leader.address;
  settings.name = data.incarnation;
  settings.key_epoch = upstream.epoch.number;
  settings.epoch = upstream.epoch.number;
  WEIR_TRY_(host_.write_settings(member, settings));
  return host_.reload(member);
}

Result<> FakeLeads::release(const Member& member, std::int64_t round,
                            const std::optional<Upstream>& upstream, Deadline) {
  WEIR_TRY(const FakePromise held, host_.read_promise(member));
  if (held.round > round) {
    return fail(Failure::refused, cannot("release", member, "it has promised a higher round"));
  }
  if (held.round == round) WEIR_TRY_(host_.write_promise(member, {0, held.last, {}}));
  WEIR_TRY(const FakeSettings settings, host_.read_settings(member));
  if (!upstream || !settings.standby) return {};
  return point_at(member, *upstream);
}

Result<> FakeLeads::follow(const Member& member, const Upstream& upstream, Deadline deadline) {
  WEIR_TRY(const FakePromise held, host_.read_promise(member));
  if (held.round > upstream.epoch.number && !mutant("healing-a-promised-voter")) {
    return fail(Failure::refused, cannot("follow with", member, "it has promised a higher round"));
  }
  WEIR_TRY(const Local now, runs_.local(member));
  const bool runs = now.server.life == ServerLife::running;
  if (!now.data || now.half_rewound) {
    return fail(Failure::bad_data, cannot("follow with", member, "its data is not whole"));
  }
  if (runs && !now.as_replica) {
    return fail(Failure::refused, cannot("follow with", member, "it leads and is not stopped"));
  }
  const bool pointed =
      now.follows == upstream.leader.name && now.follows_epoch.number == upstream.epoch.number;
  if (runs && pointed && held.round == 0) return {};
  host_.clock().sleep_for(1ms);
  const std::string from = fake_id(upstream.leader);
  const FakeServer* leader = host_.reach(upstream.leader);
  if (leader == nullptr || !leader->leader) {
    return fail(Failure::unreachable, cannot("follow with", member, "no leader answers"));
  }
  if (!contained(host_.cluster().standing(fake_id(member)), host_.cluster().standing(from))) {
    return fail(Failure::bad_data,
                cannot("follow with", member, "its log does not descend from the leader's"));
  }
  if (held.round != 0) WEIR_TRY_(host_.write_promise(member, {0, held.last, {}}));
  WEIR_TRY_(point_at(member, upstream));
  return runs ? Result<>{} : runs_.start(member, upstream.epoch, deadline);
}

Result<> FakeLeads::promote(const Member& member, Epoch epoch, const SyncSet& set,
                            Deadline deadline) {
  const std::string id = fake_id(member);
  WEIR_TRY(const FakePromise held, host_.read_promise(member));
  if (held.round > epoch.number) {
    return fail(Failure::refused, cannot("promote", member, "it has promised a higher round"));
  }
  WEIR_TRY(const Local now, runs_.local(member));
  const bool runs = now.server.life == ServerLife::running;
  WEIR_TRY(FakeSettings settings, host_.read_settings(member));
  if (std::max(now.led, now.follows_epoch) > epoch) {
    return fail(Failure::refused, cannot("promote", member, "it knows a higher epoch"));
  }
  const bool begun = host_.cluster().disk(id).lineage.timeline == epoch.number && !now.as_replica;
  if (runs && !now.as_replica && !begun) {
    return fail(Failure::refused, cannot("promote", member, "it leads an older epoch"));
  }
  WEIR_TRY(FakeData data, host_.read_data(member));
  if (data.led != epoch) {
    data.led = epoch;
    WEIR_TRY_(host_.write_data(member, data));
  }
  if (!runs || !begun) {
    settings.set = mutant("promote-with-the-set-off") ? SyncSet{{}, 0} : set;
    settings.upstream = {};
    settings.restores = false;
    settings.standby = !begun;  // also a former leader begins its new epoch out of recovery
    WEIR_TRY_(host_.write_settings(member, settings));
    WEIR_TRY_(runs ? host_.reload(member) : runs_.start(member, epoch, deadline));
  }
  if (!begun) WEIR_TRY_(open(member, epoch, set, deadline));
  host_.cluster().ask_checkpoint(id);  // nobody waits for it here
  if (held.round != 0) WEIR_TRY_(host_.write_promise(member, {0, held.last, {}}));
  return {};
}

Result<> FakeLeads::open(const Member& member, Epoch epoch, const SyncSet& set, Deadline deadline) {
  if (!mutant("promote-with-the-set-off")) WEIR_TRY_(wait_loaded(member, set, deadline));
  host_.clock().sleep_for(kPromoteTakes);
  if (host_.reach(member) == nullptr) {
    return fail(Failure::unreachable, cannot("promote", member, "its server ended"));
  }
  host_.cluster().open_for_writes(fake_id(member), epoch.number);
  host_.clock().sleep_for(1ms);
  return {};
}

// What acts is not what is written: what new sessions inherit, the flag that makes commits wait, no
// walsender that counts a member that is not listed, and none that goes by another number.
Result<> FakeLeads::wait_loaded(const Member& member, const SyncSet& set, Deadline deadline) {
  const auto acts_by_it = [&set](const auto& entry) {
    const FakeSender& sender = entry.second;
    return sender.loaded.number == set.number && (!sender.counted || set.counts(sender.voter));
  };
  const bool loaded = poll_until(host_.clock(), deadline, 5ms, [&] {
    const FakeServer* server = host_.reach(member);
    if (server == nullptr) return false;
    const bool inherited = server->loaded.set == set || mutant("seen-in-an-old-session");
    const bool acting =
        server->waits == (set.number > 0) && std::ranges::all_of(server->senders, acts_by_it);
    return inherited && (acting || mutant("loaded-as-shown"));
  });
  if (loaded) return {};
  return fail(Failure::timed_out, cannot("load the set of", member, "not every process has it"));
}

Result<> FakeLeads::load_set(const Member& member, const SyncSet& set, Deadline deadline) {
  WEIR_TRY(FakeSettings settings, host_.read_settings(member));
  if (settings.standby) {
    return fail(Failure::refused, cannot("load the set of", member, "it is a replica"));
  }
  if (settings.set != set) {
    settings.set = set;
    WEIR_TRY_(host_.write_settings(member, settings));
  }
  WEIR_TRY_(host_.reload(member));
  WEIR_TRY_(wait_loaded(member, set, deadline));
  if (set.voters.empty() || mutant("removal-before-the-rest-has-confirmed")) return {};
  const Position after = host_.cluster().end_of(fake_id(member));
  const bool confirmed = poll_until(host_.clock(), deadline, 5ms, [&] {
    const FakeServer* server = host_.reach(member);
    if (server == nullptr) return false;
    return std::ranges::count_if(server->senders, [&](const auto& sender) {
             return sender.second.counted && sender.second.flushed >= after;
           }) >= set.number;
  });
  if (confirmed) return {};
  return fail(Failure::timed_out,
              cannot("prove the set of", member, "its replicas have not confirmed in time"));
}

Result<> FakeLeads::confirm(const Member& member, Epoch epoch, Deadline deadline) {
  const FakeServer* server = host_.reach(member);
  if (server == nullptr) {
    return fail(Failure::unreachable, cannot("confirm", member, "its server does not answer"));
  }
  if (!server->leader || host_.cluster().disk(fake_id(member)).lineage.timeline != epoch.number) {
    return fail(Failure::refused, cannot("confirm", member, "it does not lead that epoch"));
  }
  const bool alone = server->loaded.set.number <= 0;
  WEIR_TRY_(host_.write_own(member, {}, false, deadline));
  if (!alone) return {};
  // Nobody had to flush it for the answer, so somebody is waited for here.
  const Position at = host_.cluster().end_of(fake_id(member));
  const bool flushed = poll_until(host_.clock(), deadline, 5ms, [&] {
    const FakeServer* now = host_.reach(member);
    return now != nullptr && std::ranges::any_of(now->senders, [&](const auto& sender) {
             return sender.second.flushed >= at;
           });
  });
  if (flushed) return {};
  return fail(Failure::timed_out, cannot("confirm", member, "no replica has flushed a commit"));
}

Result<> FakeIsolates::isolate(const Member& member, Deadline) {
  host_.clock().sleep_for(1ms);
  host_.cluster().isolate(fake_id(member), true);
  return {};
}

Result<> FakeIsolates::take_writes(const Member& member, Deadline) {
  host_.clock().sleep_for(1ms);
  host_.cluster().isolate(fake_id(member), false);
  return {};
}

}  // namespace weir::engine
