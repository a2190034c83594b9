// weir store rebuild: a store that lost what it had is refilled from what the members remember
// (safety.md S12).
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <map>

#include "access/access.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "model/remembered.h"

namespace weir::cli {
namespace {

constexpr Duration kAskLimit = 5s;
constexpr Duration kStoreLimit = 5s;
constexpr Duration kTakenUpWithin = 60s;

using Witnesses = std::map<ServiceName, std::vector<Witness>>;

// With its folder the store has lost its certificate, too. Where the CA is on another machine, that
// one makes it anew.
Result<> mend_identity(Session& session) {
  const Place& place = session.place();
  Machine& machine = session.machine();
  if (!machine.files.exists(place.ca() + "/ca.key")) return {};
  WEIR_TRY_(machine.files.make_folder(place.store_folder(), 0700));
  return access::issue(machine.files, place.ca(), place.store_folder(),
                       {"store", {session.facts().store.ip}}, machine.clock.wall(), machine.random);
}

// Everybody is asked; who does not answer is named, and may be missed by `refill`.
Result<Witnesses> ask_members(Session& session) {
  Witnesses out;
  for (const Host& host : session.facts().hosts) {
    const auto answer =
        session.caller().call({host.name.text, host.address, peer::kAgentPort}, "/witness",
                              Json::object(), session.within(kAskLimit));
    if (!answer) {
      session.progress(
          fmt::format("the agent of {} does not answer: {}", host.name.text, answer.error().what));
      continue;
    }
    for (const Json& json : (*answer)["witnesses"].items()) {
      WEIR_TRY(Witness witness, witness_from(json));
      if (witness.host != host.name || witness.remembered.fleet != session.facts().name) {
        return fail(Failure::bad_data,
                    fmt::format("the agent of {} answers for {} of fleet {}", host.name.text,
                                witness.host.text, witness.remembered.fleet.text));
      }
      out[witness.remembered.desired.name].push_back(std::move(witness));
    }
  }
  return out;
}

// One service as the store has it now; revisions are what the refill is compared-and-set on.
struct Present {
  std::optional<store::Entry> record;
  std::optional<store::Entry> desired;
  std::optional<Record> readable;
  bool lost = false;
  std::string why;
};

Result<Present> present_of(Session& session, const ServiceName& service,
                           const std::vector<Witness>& witnesses) {
  Present out;
  WEIR_TRY(out.record,
           session.store().get(session.keys().leadership(service), session.within(kStoreLimit)));
  WEIR_TRY(out.desired,
           session.store().get(session.keys().desired(service), session.within(kStoreLimit)));
  StoreAnswer answer;
  if (out.record) {
    const auto json = Json::parse(out.record->value);
    auto record = json ? record_from(*json) : fail(json.error());
    if (record) {
      answer = answer_of(*record, out.record->revision);
      out.readable = std::move(*record);
    }
  }
  for (const Witness& witness : witnesses) {
    const Remembered& known = witness.remembered;
    const std::string why = why_old(answer, known.reading(), known.record.epoch, witness.promised);
    if (why.empty()) continue;
    out.lost = true;
    out.why = fmt::format("{} ({})", why, witness.voter.member.text);
  }
  return out;
}

std::string told(const Refill& refill, const Present& present) {
  std::string sets;
  for (const Voter& voter : refill.record.set.voters) {
    sets += (sets.empty() ? "" : ", ") + voter.member.text;
  }
  std::string out = fmt::format(
      "service {}: {}\n  leader {} of epoch {}; commits wait for {} of {}; the next round is above "
      "{}\n",
      refill.desired.name.text, present.why, refill.record.leader.member.text,
      show(refill.record.epoch), refill.record.set.number, sets.empty() ? "nobody" : sets,
      refill.record.last_round);
  for (const MemberName& member : refill.silent) {
    out +=
        fmt::format("  {}, the last leader, does not answer: the others elect anew, all of them\n",
                    member.text);
  }
  return out;
}

Result<> confirm(Session& session) {
  if (session.options().yes) return {};
  if (session.options().no_input || isatty(STDIN_FILENO) == 0) {
    return fail(Failure::refused, "rebuilding the store asks for a yes, and nobody can be asked",
                "weir store rebuild --yes");
  }
  fmt::print(stderr, "write this to the store? Type yes: ");
  std::string typed;
  std::getline(std::cin, typed);
  if (trim(typed) == "yes") return {};
  return fail(Failure::cancelled, "the store was not rebuilt");
}

// All keys of one service in one transaction: half a service is never seen.
Result<> write_refill(Session& session, const Refill& refill, const Present& present) {
  const store::Keys keys = session.keys();
  const ServiceName& name = refill.desired.name;
  std::vector<store::Change> changes;
  changes.push_back({keys.leadership(name), present.record ? present.record->revision : 0,
                     to_json(refill.record).dump(), 0});
  changes.push_back({keys.desired(name), present.desired ? present.desired->revision : 0,
                     to_json(refill.desired).dump(), 0});
  // Whoever held a claim in the store's former life knows it no more.
  WEIR_TRY(const auto claim, session.store().get(keys.claim(name), session.within(kStoreLimit)));
  if (claim) changes.push_back({claim->key, claim->revision, std::nullopt, 0});
  const auto written = session.store().commit(changes, session.within(kStoreLimit));
  if (!written) {
    return fail(
        written.error().failure,
        fmt::format("could not write the record of {}: {}", name.text, written.error().what),
        "weir store rebuild");
  }
  return {};
}

Result<> await_taken_up(Session& session, const ServiceName& name) {
  const bool confirmed =
      poll_until(session.machine().clock, session.within(kTakenUpWithin), 50ms, [&] {
        const auto held =
            store::read_record(session.store(), session.keys(), name, session.within(kStoreLimit));
        return held && *held && (*held)->record.confirmed;
      });
  if (confirmed) return {};
  return fail(Failure::timed_out,
              fmt::format("the record of {} is written, and nobody leads by it yet", name.text),
              "weir status " + name.text);
}

Result<> rebuild_store(Session& session) {
  WEIR_TRY_(session.open());
  WEIR_TRY_(mend_identity(session));
  WEIR_TRY_(session.wake_store());
  WEIR_TRY(const Witnesses witnesses, ask_members(session));
  if (witnesses.empty()) {
    return fail(Failure::refused, "no agent of the fleet answers, so nobody can say what was lost",
                "weir up -f fleet.yaml");
  }
  std::vector<std::pair<Refill, Present>> todo;
  for (const auto& [name, told_by] : witnesses) {
    WEIR_TRY(Present present, present_of(session, name, told_by));
    if (!present.lost) continue;
    const std::int64_t rebuilt = present.readable ? present.readable->rebuilt : 0;
    WEIR_TRY(Refill fill, refill(told_by, rebuilt));
    session.progress(told(fill, present));
    todo.emplace_back(std::move(fill), std::move(present));
  }
  if (todo.empty()) {
    WEIR_TRY_(write_frame(session, session.facts().hosts));
    session.print("nothing to rebuild: the store holds all that the members have read");
    return {};
  }
  WEIR_TRY_(confirm(session));
  WEIR_TRY_(write_frame(session, session.facts().hosts));
  for (const auto& [fill, present] : todo) WEIR_TRY_(write_refill(session, fill, present));
  for (const auto& [fill, present] : todo) {
    WEIR_TRY_(await_taken_up(session, fill.desired.name));
  }
  session.print(fmt::format("rebuilt: {} service{} written from what the members remember",
                            todo.size(), todo.size() == 1 ? "" : "s"));
  return {};
}

}  // namespace

Result<> refuse_if_remembered(Session& session, const Service& service) {
  for (const Member& member : service.members) {
    const auto answer = session.caller().call({member.host.text, member.address, peer::kAgentPort},
                                              "/witness", Json::object(), session.within(1s));
    if (!answer) continue;  // of a fleet that begins, no agent runs yet
    for (const Json& json : (*answer)["witnesses"].items()) {
      const auto witness = witness_from(json);
      if (!witness || witness->remembered.desired.name != service.name) continue;
      return fail(Failure::refused,
                  fmt::format("the store has no record of {}, and {} remembers one: it has lost it",
                              service.name.text, witness->voter.member.text),
                  "weir store rebuild");
    }
  }
  return {};
}

constinit const Verb kStoreRebuild{
    "store rebuild",
    Group::fleet,
    "Refill a store that lost what it had from what the members remember",
    "Asks the agent of every host, says what it is about to write, and writes it once it is told "
    "yes.\n"
    "Refused while a declared member other than the last leader does not answer: it may know more.",
    "# The store was deleted, or restored from an old copy\n"
    "weir store rebuild",
    "",
    nothing_more,
    rebuild_store,
};

}  // namespace weir::cli
