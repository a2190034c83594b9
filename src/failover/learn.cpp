// What facts mean for later decisions: pure updates of what is remembered.
#include <algorithm>

#include "failover/rules.h"

namespace weir::failover {
namespace {

// A sick one answers, and shows who streams from it, too.
bool leads(const Sighting& seen) {
  const bool answers = seen.reach == Reach::serving || seen.reach == Reach::sick;
  return answers && seen.role == Role::leader;
}

// It has all that we had at the look before, or more than it had then.
bool acknowledges(const Follower& now, const Sighting& before) {
  if (!now.streaming) return false;
  if (now.flushed >= before.written) return true;
  const auto then = std::ranges::find(before.followers, now.voter, &Follower::voter);
  return then == before.followers.end() || now.flushed > then->flushed;
}

// How far it is changes all the time; what it is to us does not.
bool stands_as(const Follower& before, const Follower& now) {
  return before.voter == now.voter && before.streaming == now.streaming &&
         before.counted == now.counted;
}

}  // namespace

bool learn_sighting(Other& other, const Sighting& sighting, const Policy& policy) {
  const bool news = other.seen.reach != sighting.reach || other.seen.role != sighting.role;
  other.seen = sighting;
  if (leads(sighting)) other.answered = std::max(other.answered, sighting.at);
  // A replica never answers as a leader, and there is nothing in that to decide on.
  return news ||
         (sighting.reach != Reach::serving && sighting.at - other.answered >= policy.suspect_after);
}

// Another replica's server matters to who comes back after whom, in ten seconds.
Duration probe_pace(const Record& record, const MemberName& self, const MemberName& member,
                    const Policy& policy) {
  const bool waited_for = member == self || record.leader.member == member || record.round;
  return waited_for ? policy.heartbeat : policy.replica_pace;
}

bool learn_own_sighting(Memory& memory, std::map<MemberName, Other>& others, Sighting& own,
                        const Sighting& sighting) {
  const bool news = own.reach != sighting.reach || own.role != sighting.role ||
                    !std::ranges::equal(own.followers, sighting.followers, stands_as);
  if (leads(sighting)) {
    memory.written_before = own.role == Role::leader ? own.written : Position{};
    for (const Follower& follower : sighting.followers) {
      const auto other = others.find(follower.voter.member);
      if (other == others.end()) continue;
      if (follower.streaming) other->second.streaming = sighting.at;
      if (acknowledges(follower, own)) other->second.acknowledged = sighting.at;
    }
  }
  if (sighting.role == Role::replica) {
    if (sighting.written > own.written) memory.wal_moved = sighting.at;
    // A replica that replays what it has is on its way, too.
    const bool replays = sighting.replayed > own.replayed;
    if (!sighting.receives_from.empty() || replays) memory.receiving = sighting.at;
    // A receiver shows for a moment as one that streams even where the leader has nothing for it,
    // and a start replays what was there before: only a log longer than ever counts as growth.
    if (sighting.written > memory.furthest) {
      memory.furthest = sighting.written;
      memory.rejoins = 0;
    }
  }
  if (sighting.reach == Reach::starting) memory.receiving = sighting.at;
  own = sighting;
  return news;
}

bool knows_position(const Sighting& own, bool found_on_disk) {
  return own.role == Role::leader || own.position_known || found_on_disk;
}

bool is_sick(const View& view) {
  if (view.own_seen.reach == Reach::sick) return true;
  const bool overdue = view.now - view.memory.epoch_seen >= view.given.policy.rising_limit;
  const bool leads = view.own.led == view.record.epoch && !view.own.as_replica;
  return leads_by_record(view) && overdue && !leads;
}

}  // namespace weir::failover
