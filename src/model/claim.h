// Who may act on a service now (safety.md S11): one key per service, changed by compare-and-set
// only. Failover alone acts without it, and preempts it by opening a round.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/names.h"
#include "model/record.h"

namespace weir {

// In the order of safety.md S11: of two that want to act, the earlier goes first.
enum class Capability { fence, failover, switchover, heal, restore, provision, backup, drill };
const char* name_of(Capability capability);
std::optional<Capability> capability_named(const std::string& text);

struct Claim {
  Capability capability = Capability::provision;
  HostName host;   // whose agent holds it
  AgentLife life;  // of that agent: it lives while this life renews its host (S2)
  std::string id;  // one per taking, 12 characters of [a-z0-9]; stays while it is renewed
  // Who asked for it, for people: "weir drill kill-host, pid 4711"; empty: the agent itself.
  std::string client;
  WallTime since{};  // for showing only
  Duration lasts{};  // the holder gives it up by then, on its own clock
  // The last round of the record when it was taken: a later one has preempted it.
  std::int64_t round = 0;
  // Every agent may act under it with this capability, each on its own member (`weir apply`).
  bool for_all = false;
  std::vector<MemberName> silent;  // members whose silence is expected meanwhile
  bool operator==(const Claim&) const = default;
};

constexpr int kClaimFormat = 1;
Json to_json(const Claim& claim);
// Refuses a higher format and a claim that is not whole, with bad_data.
Result<Claim> claim_from(const Json& json);
// "provision, held by the agent of a since 2026-11-23T09:00:00.000Z, for at most 2m": for people.
std::string show(const Claim& claim);

// Whether failover has not preempted it. Without a record nobody fails over.
bool stands(const Claim& claim, const Record* record);
// The round that a claim taken now notes.
std::int64_t round_for_claim(const Record* record);

// What may be known by whoever wants a claim.
struct ClaimView {
  Instant now{};
  Claim wanted;  // as it would be written
  std::optional<Claim> present;
  // When the holder's life was last seen to renew its host, or since when nobody saw it do so here:
  // our own beginning, or the instant at which we first saw this claim.
  Instant renewed{};
  Duration lease{};
  bool round_open = false;
};
struct ClaimDecision {
  bool take = false;  // write `wanted` over `present`, by compare-and-set
  std::string because;
  bool operator==(const ClaimDecision&) const = default;
};
// Pure and total. A preempted claim is not free before its holder has given it up or is gone: its
// last step may still run.
ClaimDecision decide_claim(const ClaimView& view);

}  // namespace weir
