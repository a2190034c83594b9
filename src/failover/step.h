// What failover can do: one typed step per effect. The executor visits them exhaustively.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "engine/engine.h"
#include "model/record.h"

namespace weir::failover {

// Steps that write the record carry the whole next record; it is compared-and-set on the revision
// that the decision was made from, so a step decided on an older record is refused by the store.

struct AskOthers {  // do you suspect the leader too? (safety.md S4: nothing is written)
  bool operator==(const AskOthers&) const = default;
};
struct OpenRound {
  Record next;
  bool operator==(const OpenRound&) const = default;
};
struct CloseRound {
  Record next;
  bool operator==(const CloseRound&) const = default;
};
struct GivePromise {
  std::int64_t round = 0;
  bool operator==(const GivePromise&) const = default;
};
struct Take {  // the chosen member writes itself as leader; only after that does it promote
  Record next;
  bool operator==(const Take&) const = default;
};
struct Promote {
  Epoch epoch;
  SyncSet set;
  bool operator==(const Promote&) const = default;
};
struct Confirm {  // a commit of our own, seen flushed by a listed member, then the record says so
  Epoch epoch;
  Record next;
  bool operator==(const Confirm&) const = default;
};
struct Release {
  std::int64_t round = 0;
  std::optional<engine::Upstream> upstream;
  bool operator==(const Release&) const = default;
};
struct Follow {
  engine::Upstream upstream;
  bool operator==(const Follow&) const = default;
};
struct Fence {  // never journaled first
  bool operator==(const Fence&) const = default;
};
struct LoadSet {
  SyncSet set;
  bool operator==(const LoadSet&) const = default;
};
struct RecordSet {
  Record next;
  bool operator==(const RecordSet&) const = default;
};
struct Reclaim {  // a new life of the leader's agent confirms the leadership anew
  Record next;
  bool operator==(const Reclaim&) const = default;
};
struct Restart {  // a leader in place: the record is touched first, which an open round refuses
  Epoch epoch;
  Record next;
  bool operator==(const Restart&) const = default;
};
struct Rejoin {
  engine::Upstream upstream;
  engine::Rejoin how = engine::Rejoin::rewind;
  Incarnation fresh;
  bool operator==(const Rejoin&) const = default;
};

struct Isolate {  // a leader that nobody can confirm lets its clients go, or takes writes again
                  // (S8)
  bool on = true;
  bool operator==(const Isolate&) const = default;
};

using Step =
    std::variant<AskOthers, OpenRound, CloseRound, GivePromise, Take, Promote, Confirm, Release,
                 Follow, Fence, LoadSet, RecordSet, Reclaim, Restart, Rejoin, Isolate>;
static_assert(std::variant_size_v<Step> <= 16);

const char* kind_of(const Step& step);  // "GivePromise": as it stands in the journal
Json to_json(const Step& step);

// What the agent is to do now, and the one sentence that explains it. Doing nothing has one too.
struct Decision {
  std::optional<Step> step;
  std::string because;
  bool operator==(const Decision&) const = default;
};

}  // namespace weir::failover
