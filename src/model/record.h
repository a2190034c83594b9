// The one record per service on which leadership rests (safety.md S1).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/epoch.h"
#include "model/lineage.h"
#include "model/names.h"

namespace weir {

enum class Durability { required, preferred, async };
const char* name_of(Durability durability);
std::optional<Durability> durability_named(const std::string& text);

// Whose acknowledgement counts, and how many of them a commit waits for.
struct SyncSet {
  std::vector<Voter> voters;  // sorted by member
  int number = 1;
  bool operator==(const SyncSet&) const = default;

  bool counts(const Voter& voter) const;
  const Voter* find(const MemberName& member) const;
};

// A set that a failed or unconfirmed leader may have acknowledged by.
struct PreviousSet {
  SyncSet set;
  Voter leader;  // its promise counts for the whole set
  bool operator==(const PreviousSet&) const = default;
};

struct OpenRound {
  std::int64_t number = 0;
  HostName opener;
  bool operator==(const OpenRound&) const = default;
};

// Changed only by compare-and-set on its revision in the store.
struct Record {
  Durability mode = Durability::required;
  Epoch epoch;
  Voter leader;
  HostName leader_host;
  AgentLife leader_life;  // the incarnation of the leader's host (its agent's life)
  Lineage lineage;
  std::vector<Voter> members;  // every member with the incarnation of its data; sorted by member
  SyncSet set;                 // the set and the number in force
  std::vector<PreviousSet> previous;
  std::int64_t last_round = 0;
  std::optional<OpenRound> round;
  // The present leader has a commit of its own confirmed by a voter; false from its CAS until then.
  bool confirmed = false;
  // How often the store was rebuilt from members (safety.md S12): revisions compare within one life
  // of the store only, and a later life is higher.
  std::int64_t rebuilt = 0;

  bool operator==(const Record&) const = default;
  const Voter* find(const MemberName& member) const;
  // Whether this replica's acknowledgement counts now, or, where no commit waits, its promise.
  bool counts(const MemberName& member) const;
  // No recorded set, in force or previous, counts this member.
  bool counted_nowhere(const MemberName& member) const;
};

constexpr int kRecordFormat = 1;
Json to_json(const SyncSet& set);
SyncSet sync_set_from(const Json& json);
Json to_json(const Record& record);
// Refuses a higher format and a record that is not whole, with bad_data.
Result<Record> record_from(const Json& json);

Json to_json(const Voter& voter);
Voter voter_from(const Json& json);

}  // namespace weir
