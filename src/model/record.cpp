// The record of leadership in JSON. Reading is strict: leadership must not rest on a guess.
#include "model/record.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

template <class T>
Json list(const std::vector<T>& items) {
  Json json = Json::array();
  for (const T& item : items) json.add(to_json(item));
  return json;
}

std::vector<Voter> voters_from(const Json& json) {
  std::vector<Voter> voters;
  for (const Json& item : json.items()) voters.push_back(voter_from(item));
  std::sort(voters.begin(), voters.end());
  return voters;
}

const Voter* find_in(const std::vector<Voter>& voters, const MemberName& member) {
  const auto found = std::find_if(voters.begin(), voters.end(),
                                  [&](const Voter& voter) { return voter.member == member; });
  return found == voters.end() ? nullptr : &*found;
}

Json to_json(const PreviousSet& previous) {
  Json json = Json::object();
  json.set("set", weir::to_json(previous.set)).set("leader", weir::to_json(previous.leader));
  return json;
}

bool whole_voter(const Json& json) {
  return json["member"].is_string() && !json["member"].text().empty() &&
         json["incarnation"].is_string();
}

bool whole_voters(const Json& json) {
  return json.is_array() && std::all_of(json.items().begin(), json.items().end(), whole_voter);
}

bool whole_set(const Json& json) {
  return whole_voters(json["voters"]) && json["number"].is_integer() &&
         json["number"].integer() >= 0;
}

bool whole_previous(const Json& json) {
  return whole_set(json["set"]) && whole_voter(json["leader"]);
}

bool whole_epoch(const Json& json) {
  return json.items().size() == 2 && json.items()[0].is_integer() && json.items()[1].is_integer();
}

// A lineage may be unknown, but what is written down must be readable.
bool whole_lineage(const Json& json) {
  return json["system"].is_string() && json["timeline"].is_integer() &&
         json["branches"].is_array() &&
         lineage_from(json).branches.size() == json["branches"].items().size();
}

// The first field that is absent or of another type; nullptr if the record is whole.
const char* broken_field(const Json& json) {
  const auto all = [](const Json& items, bool (*whole)(const Json&)) {
    return items.is_array() && std::all_of(items.items().begin(), items.items().end(), whole);
  };
  const Json& round = json["round"];
  if (!durability_named(json["mode"].text())) return "mode";
  if (!whole_epoch(json["epoch"])) return "epoch";
  if (!whole_voter(json["leader"])) return "leader";
  if (!json["leader_host"].is_string()) return "leader_host";
  if (!json["leader_life"].is_string()) return "leader_life";
  if (!whole_lineage(json["lineage"])) return "lineage";
  if (!whole_voters(json["members"])) return "members";
  if (!whole_set(json["set"])) return "set";
  if (!all(json["previous"], whole_previous)) return "previous";
  if (!json["last_round"].is_integer()) return "last_round";
  if (!json.has("round")) return "round";
  if (!round.is_null() && !(round["number"].is_integer() && round["opener"].is_string())) {
    return "round";
  }
  if (!json["confirmed"].is_bool()) return "confirmed";
  return nullptr;
}

}  // namespace

const char* name_of(Durability durability) {
  switch (durability) {
    case Durability::required:
      return "required";
    case Durability::preferred:
      return "preferred";
    case Durability::async:
      return "async";
  }
  return "required";
}

std::optional<Durability> durability_named(const std::string& text) {
  for (const Durability durability :
       {Durability::required, Durability::preferred, Durability::async}) {
    if (text == name_of(durability)) return durability;
  }
  return std::nullopt;
}

bool SyncSet::counts(const Voter& voter) const {
  return std::find(voters.begin(), voters.end(), voter) != voters.end();
}

const Voter* SyncSet::find(const MemberName& member) const { return find_in(voters, member); }

const Voter* Record::find(const MemberName& member) const { return find_in(members, member); }

bool Record::counts(const MemberName& member) const {
  if (mode != Durability::async) return set.find(member) != nullptr;
  const Voter* recorded = find(member);
  return recorded != nullptr && !recorded->incarnation.empty() && member != leader.member;
}

bool Record::counted_nowhere(const MemberName& member) const {
  if (set.find(member) != nullptr) return false;
  // The leader of a previous set counts as well: its promise stands for that whole set.
  return std::none_of(previous.begin(), previous.end(), [&](const PreviousSet& old) {
    return old.set.find(member) != nullptr || old.leader.member == member;
  });
}

Json to_json(const Voter& voter) {
  Json json = Json::object();
  json.set("member", voter.member.text).set("incarnation", voter.incarnation.text);
  return json;
}

Voter voter_from(const Json& json) {
  return {MemberName{json["member"].text()}, Incarnation{json["incarnation"].text()}};
}

Json to_json(const SyncSet& set) {
  Json json = Json::object();
  json.set("voters", list(set.voters)).set("number", set.number);
  return json;
}

SyncSet sync_set_from(const Json& json) {
  return {voters_from(json["voters"]), static_cast<int>(json["number"].integer(1))};
}

Json to_json(const Record& record) {
  Json previous = Json::array();
  for (const PreviousSet& old : record.previous) previous.add(to_json(old));
  Json round;
  if (record.round) {
    round.set("number", record.round->number).set("opener", record.round->opener.text);
  }
  Json json = Json::object();
  json.set("format", kRecordFormat).set("mode", name_of(record.mode));
  json.set("epoch", to_json(record.epoch)).set("leader", to_json(record.leader));
  json.set("leader_host", record.leader_host.text).set("leader_life", record.leader_life.text);
  json.set("lineage", to_json(record.lineage)).set("members", list(record.members));
  json.set("set", to_json(record.set)).set("previous", std::move(previous));
  json.set("last_round", record.last_round).set("round", std::move(round));
  json.set("confirmed", record.confirmed);
  if (record.rebuilt != 0) json.set("rebuilt", record.rebuilt);
  return json;
}

Result<Record> record_from(const Json& json) {
  if (!json["format"].is_integer() || json["format"].integer() < 1) {
    return fail(Failure::bad_data, "cannot read the leadership record: it carries no format");
  }
  if (json["format"].integer() > kRecordFormat) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the leadership record: its format {} is newer than {}, "
                            "the newest that this weir knows",
                            json["format"].integer(), kRecordFormat));
  }
  if (const char* field = broken_field(json)) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the leadership record: its `{}` is not whole", field));
  }
  Record record;
  record.mode = *durability_named(json["mode"].text());
  record.epoch = epoch_from(json["epoch"]);
  record.leader = voter_from(json["leader"]);
  record.leader_host = HostName{json["leader_host"].text()};
  record.leader_life = AgentLife{json["leader_life"].text()};
  record.lineage = lineage_from(json["lineage"]);
  record.members = voters_from(json["members"]);
  record.set = sync_set_from(json["set"]);
  for (const Json& old : json["previous"].items()) {
    record.previous.push_back({sync_set_from(old["set"]), voter_from(old["leader"])});
  }
  record.last_round = json["last_round"].integer();
  if (const Json& round = json["round"]; !round.is_null()) {
    record.round = OpenRound{round["number"].integer(), HostName{round["opener"].text()}};
  }
  record.confirmed = json["confirmed"].boolean();
  record.rebuilt = json["rebuilt"].integer();  // absent from what an older weir wrote
  return record;
}

}  // namespace weir
