// When a store has lost what was read from it, and what it is refilled with.
#include "model/remembered.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "base/text.h"

namespace weir {

Json to_json(const Remembered& remembered) {
  return Json::object()
      .set("format", kRememberedFormat)
      .set("fleet", remembered.fleet.text)
      .set("revision", remembered.revision)
      .set("record", to_json(remembered.record))
      .set("desired", to_json(remembered.desired))
      .set("desired_revision", remembered.desired_revision);
}

Result<Remembered> remembered_from(const Json& json) {
  if (!json["format"].is_integer() || json["format"].integer() > kRememberedFormat) {
    return fail(Failure::bad_data,
                fmt::format("cannot read what was remembered of the store: format {} is not one "
                            "that this weir knows",
                            json["format"].integer()));
  }
  Remembered out;
  out.fleet = FleetName(json["fleet"].text());
  out.revision = json["revision"].integer();
  out.desired_revision = json["desired_revision"].integer();
  if (out.revision <= 0 || out.fleet.empty()) {
    return fail(Failure::bad_data, "cannot read what was remembered of the store: it is not whole");
  }
  WEIR_TRY(out.record, record_from(json["record"]));
  WEIR_TRY(out.desired, service_from(json["desired"]));
  return out;
}

StoreAnswer answer_of(const Record& record, std::int64_t revision) {
  return {{record.rebuilt, revision}, record.epoch, record.last_round};
}

std::string why_old(const StoreAnswer& answer, const Reading& known, const Epoch& known_epoch,
                    std::int64_t promised) {
  if (known == Reading{}) return {};
  if (answer.reading == Reading{}) {
    return fmt::format("the store has no record any more, and revision {} of it was read",
                       known.revision);
  }
  if (answer.reading < known) {
    return fmt::format("the store's record has revision {}, and revision {} of it was read",
                       answer.reading.revision, known.revision);
  }
  if (answer.epoch < known_epoch) {
    return fmt::format("the store's record is of epoch {}, and epoch {} was read",
                       show(answer.epoch), show(known_epoch));
  }
  if (answer.last_round < promised) {
    return fmt::format("the store's record knows rounds up to {}, and round {} is promised",
                       answer.last_round, promised);
  }
  return {};
}

Json to_json(const Witness& witness) {
  return Json::object()
      .set("format", kRememberedFormat)
      .set("host", witness.host.text)
      .set("voter", to_json(witness.voter))
      .set("promised", witness.promised)
      .set("led", to_json(witness.led))
      .set("remembered", to_json(witness.remembered));
}

Result<Witness> witness_from(const Json& json) {
  Witness out;
  out.host = HostName(json["host"].text());
  out.voter = voter_from(json["voter"]);
  out.promised = json["promised"].integer();
  out.led = epoch_from(json["led"]);
  if (out.host.empty() || out.voter.member.empty()) {
    return fail(Failure::bad_data, "cannot read what a member remembers: it is not whole");
  }
  WEIR_TRY(out.remembered, remembered_from(json["remembered"]));
  return out;
}

namespace {

bool answers(const std::vector<Witness>& witnesses, const MemberName& member) {
  return std::ranges::any_of(
      witnesses, [&](const Witness& witness) { return witness.voter.member == member; });
}

std::string names(const std::vector<MemberName>& members) {
  std::vector<std::string> out;
  for (const MemberName& member : members) out.push_back(member.text);
  return join(out, ", ");
}

// Every other member that has data: one more of them than all but one must promise.
PreviousSet all_but(const Record& record) {
  PreviousSet out;
  out.leader = record.leader;
  for (const Voter& member : record.members) {
    if (member.member == record.leader.member || member.incarnation.empty()) continue;
    out.set.voters.push_back(member);
  }
  out.set.number = 1;
  return out;
}

}  // namespace

Result<Refill> refill(const std::vector<Witness>& witnesses, std::int64_t rebuilt) {
  const auto& best = std::ranges::max_element(witnesses, {}, [](const Witness& witness) {
                       return witness.remembered.reading();
                     })->remembered;
  Refill out{best.desired, best.record, {}};
  std::vector<MemberName> missing;
  for (const Member& member : best.desired.members) {
    if (answers(witnesses, member.name)) continue;
    const bool last_leader = member.name == best.record.leader.member;
    (last_leader ? out.silent : missing).push_back(member.name);
  }
  const std::string service = best.desired.name.text;
  if (!missing.empty()) {
    return fail(Failure::refused,
                fmt::format("could not rebuild the record of {}: {} {} not answer, and every "
                            "declared member but the last leader, {}, has to: it may know more",
                            service, names(missing), missing.size() == 1 ? "does" : "do",
                            best.record.leader.member.text),
                "weir status " + service);
  }
  out.record.round.reset();
  for (const Witness& witness : witnesses) {
    if (witness.led > best.record.epoch) {
      return fail(Failure::bad_data,
                  fmt::format("could not rebuild the record of {}: {} led epoch {}, and nobody has "
                              "read a record of it",
                              service, witness.voter.member.text, show(witness.led)));
    }
    out.record.rebuilt = std::max(out.record.rebuilt, witness.remembered.record.rebuilt);
    out.record.last_round =
        std::max({out.record.last_round, witness.promised, witness.remembered.record.last_round});
  }
  out.record.rebuilt = std::max(out.record.rebuilt, rebuilt) + 1;
  out.record.confirmed = false;
  const PreviousSet all = all_but(out.record);
  if (!all.set.voters.empty()) out.record.previous.push_back(all);
  return out;
}

}  // namespace weir
