// Claims in JSON, and the one rule of who may have one.
#include "model/claim.h"

#include <fmt/format.h>

#include <array>

#include "base/quantity.h"

namespace weir {
namespace {

constexpr std::array<const char*, 8> kNames = {"fence",   "failover",  "switchover", "heal",
                                               "restore", "provision", "backup",     "drill"};

const char* broken_field(const Json& json) {
  if (!json.is_object() || !json["format"].is_integer()) return "format";
  if (!capability_named(json["capability"].text())) return "capability";
  for (const char* field : {"host", "life", "id"}) {
    if (json[field].text().empty()) return field;
  }
  for (const char* field : {"since_ns", "lasts_ns", "round"}) {
    if (!json[field].is_integer()) return field;
  }
  return json["for_all"].is_bool() ? nullptr : "for_all";
}

std::string held_by(const Claim& claim) {
  return claim.client.empty()
             ? fmt::format("the agent of {}", claim.host.text)
             : fmt::format("{} (by the agent of {})", claim.client, claim.host.text);
}

}  // namespace

const char* name_of(Capability capability) { return kNames[static_cast<std::size_t>(capability)]; }

std::optional<Capability> capability_named(const std::string& text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return static_cast<Capability>(i);
  }
  return std::nullopt;
}

Json to_json(const Claim& claim) {
  Json silent = Json::array();
  for (const MemberName& member : claim.silent) silent.add(member.text);
  return Json::object()
      .set("format", kClaimFormat)
      .set("capability", name_of(claim.capability))
      .set("host", claim.host.text)
      .set("life", claim.life.text)
      .set("id", claim.id)
      .set("client", claim.client)
      .set("since_ns", std::int64_t{claim.since.time_since_epoch().count()})
      .set("lasts_ns", std::int64_t{claim.lasts.count()})
      .set("round", claim.round)
      .set("for_all", claim.for_all)
      .set("silent", silent);
}

Result<Claim> claim_from(const Json& json) {
  if (json["format"].integer() > kClaimFormat) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the claim: its format {} is newer than {}, the newest "
                            "that this weir knows",
                            json["format"].integer(), kClaimFormat));
  }
  if (const char* field = broken_field(json)) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the claim: its `{}` is not whole", field));
  }
  Claim claim;
  claim.capability = *capability_named(json["capability"].text());
  claim.host = HostName(json["host"].text());
  claim.life = AgentLife(json["life"].text());
  claim.id = json["id"].text();
  claim.client = json["client"].text();
  claim.since = WallTime(Duration(json["since_ns"].integer()));
  claim.lasts = Duration(json["lasts_ns"].integer());
  claim.round = json["round"].integer();
  claim.for_all = json["for_all"].boolean();
  for (const Json& member : json["silent"].items()) claim.silent.emplace_back(member.text());
  return claim;
}

std::string show(const Claim& claim) {
  return fmt::format("{}, held by {} since {}, for at most {}", name_of(claim.capability),
                     held_by(claim), show(claim.since), show(claim.lasts));
}

bool stands(const Claim& claim, const Record* record) {
  return record == nullptr || (!record->round && record->last_round == claim.round);
}

std::int64_t round_for_claim(const Record* record) {
  return record == nullptr ? 1 : record->last_round;  // the first record's
}

ClaimDecision decide_claim(const ClaimView& view) {
  // Kept also while a round is open, so that nobody else has it after the round.
  if (view.present && view.present->id == view.wanted.id) return {true, "it is held already"};
  if (view.round_open) return {false, "a round is open: failover has the word"};
  if (!view.present) return {true, "nobody holds the claim"};
  const Claim& present = *view.present;
  // One agent a host: an earlier life has ended, and its steps were its own. What it held for a
  // client may still be wanted by that client.
  const bool former = present.host == view.wanted.host && present.life != view.wanted.life;
  if (former && present.client.empty()) {
    return {true, "an earlier life of this agent held it"};
  }
  if (view.now - view.renewed >= view.lease) {
    return {true,
            fmt::format("{} has not renewed its host for {}", held_by(present), show(view.lease))};
  }
  return {false, "the service is claimed for " + show(present)};
}

}  // namespace weir
