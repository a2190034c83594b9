// Follow: the key comes back under the path of the epoch that is followed, before the settings
// that name it, and only once no promise is held (safety.md S6).
#include <fmt/format.h>

#include <algorithm>

#include "engine/postgres/leads.h"
#include "engine/postgres/leads_standing.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/promote_timeline.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

constexpr const char* kDuplicateObject = "42710";

bool is_running(const Local& here) { return here.server.life == ServerLife::running; }

bool seen_to_descend(const Local& here, const Upstream& upstream) {
  return here.follows_epoch == upstream.epoch && here.follows == upstream.leader.name;
}

Result<> ensure_slot(Context& context, const Member& leader, const MemberName& replica,
                     Deadline deadline) {
  WEIR_TRY(Session session, context.replication_session(leader, deadline));
  const auto made = session.run(
      fmt::format("CREATE_REPLICATION_SLOT {} PHYSICAL RESERVE_WAL", slot_name(replica)), deadline);
  if (!made && sqlstate_of(made.error()) != kDuplicateObject) return fail(made.error());
  return {};
}

// Keys of epochs that are over; a process that still holds an older setting finds none.
Result<> remove_other_keys(Files& files, const Layout& l, const Epoch& kept) {
  if (!files.exists(l.receiver)) return {};
  WEIR_TRY(const std::vector<std::string> names, files.list(l.receiver));
  for (const std::string& name : names) {
    const std::string path = l.receiver + "/" + name;
    if (path != l.receiver_folder(kept)) WEIR_TRY_(files.remove(path));
  }
  return {};
}

// Slots that others had here when this member led would keep log for ever. Not worth an error: the
// member follows, and the next follow tries again.
void drop_own_slots(Context& context, const Member& member, Deadline deadline) {
  auto session = context.local_session(member, deadline);
  if (!session) return;
  const auto rows = session->query(
      "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
      "where slot_name like 'weir\\_%' and slot_type = 'physical' and not active",
      {}, deadline);
  static_cast<void>(rows);
}

}  // namespace

Result<> PostgresLeads::check_may_follow(const Member& member, const Upstream& upstream,
                                         const Local& here) {
  const std::string cannot = fmt::format("cannot let {} follow {} of epoch {}: ", member.name.text,
                                         upstream.leader.name.text, show(upstream.epoch));
  if (!here.data || here.foreign) {
    return fail(here.foreign ? Failure::bad_data : Failure::not_found,
                cannot + (here.trouble.empty() ? "it has no data" : here.trouble));
  }
  if (upstream.leader.name == member.name) {
    return fail(Failure::refused, cannot + "it is that leader itself");
  }
  if (here.half_rewound) {
    return fail(Failure::bad_data, cannot + "a rewind of its data was cut off: it needs rejoin");
  }
  if (here.promised > upstream.epoch.number) {
    return fail(Failure::refused, fmt::format("{}it has promised round {}", cannot, here.promised));
  }
  const Epoch epoch = std::max(here.led, here.follows_epoch);
  if (epoch > upstream.epoch) {
    return fail(Failure::refused, fmt::format("{}it is in epoch {} already", cannot, show(epoch)));
  }
  if (is_running(here) && !here.as_replica) {
    return fail(Failure::refused, cannot + "it runs as a leader; it has to be stopped first");
  }
  WEIR_TRY(const bool promoting, is_promoting(context_, member, here.server));
  if (promoting) {
    return fail(Failure::refused,
                cannot + "its server was told to promote; it has to be stopped first");
  }
  return {};
}

Result<> PostgresLeads::check_descent(const Member& member, const Upstream& upstream,
                                      Deadline deadline) {
  // Our own end first: the leader's only grows meanwhile.
  WEIR_TRY(const Local here, runs_.local(member));
  WEIR_TRY(const Standing own, standing_here(context_, member, is_running(here), deadline));
  WEIR_TRY(const LeaderFacts leader, ask_leader(context_, upstream.leader, deadline));
  if (leader.standing.lineage.timeline != upstream.epoch.number) {
    return fail(Failure::unreachable,
                fmt::format("cannot let {} follow {}: it is on timeline {} and not yet in epoch {}",
                            member.name.text, upstream.leader.name.text,
                            leader.standing.lineage.timeline, show(upstream.epoch)));
  }
  if (!contained(own, leader.standing)) {
    const auto common = common_until(own, leader.standing);
    return fail(Failure::bad_data,
                fmt::format("cannot let {} follow {}: its log ends at {} and left the leader's "
                            "history at {}: it needs rejoin",
                            member.name.text, upstream.leader.name.text, show(own.at),
                            common ? show(*common) : "its beginning"));
  }
  if (is_running(here)) {
    WEIR_TRY_(remove_fillings(context_, member, own.lineage.timeline));
  } else {
    WEIR_TRY_(set_aside_untaken(context_, member, own.lineage.timeline));
  }
  return place_history(context_, member, leader.standing.lineage, leader.history);
}

Result<> PostgresLeads::follow(const Member& member, const Upstream& upstream, Deadline deadline) {
  WEIR_TRY(const Local here, runs_.local(member));
  WEIR_TRY_(check_may_follow(member, upstream, here));
  if (!seen_to_descend(here, upstream)) WEIR_TRY_(check_descent(member, upstream, deadline));
  return point_at(member, upstream, here, deadline);
}

Result<> PostgresLeads::point_at(const Member& member, const Upstream& upstream, const Local& here,
                                 Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY(RoleSettings role, read_role_settings(files, l.role_file));
  RoleSettings wanted = role;
  wanted.primary_conninfo =
      conninfo(receiver_parameters(context_.setting(), member, here.incarnation, upstream));
  wanted.primary_slot_name = slot_name(member.name);
  wanted.restore_command.clear();
  const bool pointed = role == wanted && seen_to_descend(here, upstream) && here.as_replica &&
                       here.promised == 0 && files.exists(l.receiver_key(upstream.epoch));
  // Whoever wrote these settings may have died before the server was told of them.
  if (pointed && is_running(here)) return context_.reload(member);
  // A leader that is away keeps the slot that it has; its replica only waits for it.
  const auto slot = ensure_slot(context_, upstream.leader, member.name, deadline);
  if (!slot && !seen_to_descend(here, upstream)) return fail(slot.error());
  {
    WEIR_TRY(const StartLock lock, context_.lock_start(member, deadline));
    WEIR_TRY(const PromiseNote note, read_promise(files, l.promise));
    if (note.round > upstream.epoch.number) {
      return fail(Failure::refused,
                  fmt::format("cannot let {} follow {}: it has promised round {}", member.name.text,
                              upstream.leader.name.text, note.round));
    }
    WEIR_TRY_(write_follows(files, l.follows, {upstream.epoch, upstream.leader.name}));
    if (note.round != 0) WEIR_TRY_(write_promise(files, l.promise, {0, note.last, {}}));
    WEIR_TRY_(forget_promoting(context_, member));
    WEIR_TRY_(remove_other_keys(files, l, upstream.epoch));
    WEIR_TRY_(context_.place_receiver_key(member, upstream.epoch));
    WEIR_TRY_(write_role_settings(files, l.role_file, wanted));
    if (!is_running(here)) WEIR_TRY_(make_standby(context_, member));
  }
  if (is_running(here)) {
    WEIR_TRY_(context_.reload(member));
  } else {
    WEIR_TRY_(runs_.start(member, upstream.epoch, deadline));
  }
  drop_own_slots(context_, member, deadline);
  return {};
}

}  // namespace weir::engine::postgres
