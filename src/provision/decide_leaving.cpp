// A member that the file no longer names: its server stops, its data is put away; pure. Of a
// service that leaves as a whole the leader goes last, because its data has all that was
// acknowledged.
#include <algorithm>

#include "provision/provision.h"

namespace weir::provision {
namespace {

// A whole lease of an agent's silence (S2): its host is away, perhaps for good, and nobody who can
// go on waits for it.
constexpr Duration kAwayAfter = 6s;

bool running(const View& view) { return view.own.server.life == ServerLife::running; }

bool leads(const View& view) { return view.record.leader.member == view.self.name; }

std::optional<Decision> wait(std::string because) {
  return Decision{std::nullopt, std::move(because)};
}

std::optional<Decision> with_the_service(const View& view) {
  if (view.record.round) return wait("failover has the word");
  if (leads(view)) {
    const bool followed =
        std::ranges::any_of(view.own_seen.followers, [](const Follower& f) { return f.streaming; });
    if (running(view) && followed) return wait("the service leaves: its replicas stop first");
    if (running(view))
      return Decision{StopToLeave{true}, "the service leaves: its leader stops last"};
    return Decision{Leave{view.desired.final_copies},
                    "the service leaves: its last leader puts its data away"};
  }
  if (running(view))
    return Decision{StopToLeave{true}, "the service leaves: its replicas stop first"};
  if (view.desired.find_leaving(view.record.leader.member) != nullptr) {
    return wait("the service leaves: this copy stays until the leader's data is put away");
  }
  return Decision{Leave{false}, "the service leaves, and its leader's data is put away"};
}

bool away(const View& view, const Voter& voter) {
  const auto heard = view.heard.find(voter.member);
  return heard != view.heard.end() && view.now - heard->second >= kAwayAfter;
}

// All who stay follow. One whose host is away is not waited for where the others are enough to
// lead and to confirm: until it left nobody else could, its removal from the file included.
bool others_follow(const View& view) {
  int missing = 0;
  int enough = 0;
  const bool nobody_waits = view.record.mode == Durability::async;
  for (const Voter& voter : view.record.members) {
    if (voter == view.record.leader || view.desired.find(voter.member) == nullptr) continue;
    if (voter.incarnation.empty()) continue;
    if (view.own_seen.streams(voter)) {
      enough += nobody_waits || view.record.set.counts(voter) ? 1 : 0;
    } else if (away(view, voter)) {
      ++missing;
    } else {
      return false;
    }
  }
  return missing == 0 || enough > (nobody_waits ? 0 : view.record.set.number);
}

// It must count nowhere before it goes, and another must lead (safety.md S7).
std::optional<Decision> alone(const View& view) {
  if (view.record.find(view.self.name) == nullptr && view.record.counted_nowhere(view.self.name)) {
    if (running(view))
      return Decision{StopToLeave{false}, "it is no longer declared, and has left the set"};
    return Decision{Leave{view.desired.final_copies},
                    "it is no longer declared: its data is put away"};
  }
  if (view.record.round || !leads(view)) {
    return wait("it is no longer declared, and leaves once the leader counts it no more");
  }
  // Where no commit waits, whoever is recorded may take over.
  const bool nobody_waits = view.record.mode == Durability::async;
  const auto& heirs = nobody_waits ? view.record.members : view.record.set.voters;
  const bool replaced = std::ranges::any_of(
      heirs, [&](const Voter& voter) { return view.desired.find(voter.member) != nullptr; });
  if (running(view) && others_follow(view) && replaced && view.record.confirmed) {
    return Decision{StopToLeave{false}, "it leads and is no longer declared: another takes over"};
  }
  return wait("it leads and is no longer declared; it stops once all others follow");
}

}  // namespace

std::optional<Decision> decide_leaving(const View& view) {
  if (view.desired.find_leaving(view.self.name) == nullptr) return std::nullopt;
  if (view.own.foreign) return wait(view.own.trouble);
  return view.desired.leaves() ? with_the_service(view) : alone(view);
}

}  // namespace weir::provision
