// An outside look at a service: the record, and every member probed as a client would.
#include <fmt/format.h>

#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr Duration kProbeLimit = 1s;

const Sighting* seen_of(const Look& look, const MemberName& member) {
  for (const auto& [at, sighting] : look.members) {
    if (at.name == member) return &sighting;
  }
  return nullptr;
}

std::string waiting_for(const Look& look) {
  if (!look.held) return "no record yet";
  const Record& record = look.held->record;
  if (record.round) return fmt::format("round {} is open", record.round->number);
  if (record.leader.incarnation.empty()) {
    return fmt::format("{} makes the first data", record.leader.member.text);
  }
  const Sighting* leader = seen_of(look, record.leader.member);
  if (leader == nullptr || leader->reach != Reach::serving || leader->role != Role::leader) {
    return fmt::format("{} does not serve as leader yet", record.leader.member.text);
  }
  if (!leader->writable) {
    return fmt::format("{} takes no writes", record.leader.member.text);
  }
  if (!record.confirmed) return "no commit of this epoch is confirmed on a replica yet";
  for (const auto& [member, sighting] : look.members) {
    if (member.name == record.leader.member) continue;
    if (!record.counts(member.name)) {
      return fmt::format("{} is not in the set yet", member.name.text);
    }
    if (sighting.reach != Reach::serving) {
      return fmt::format("{} is {}", member.name.text, name_of(sighting.reach));
    }
  }
  if (leader->followers.size() + 1 < look.members.size()) return "a replica does not stream yet";
  return {};
}

}  // namespace

Result<Look> look_at(Session& session, const store::HeldService& desired) {
  WEIR_TRY(const auto held, store::read_record(session.store(), session.keys(),
                                               desired.service.name, session.within(3s)));
  return look_at(session, desired, held);
}

Result<Look> look_at(Session& session, const store::HeldService& desired,
                     const std::optional<store::Held>& held) {
  Look look;
  look.desired = desired;
  look.held = held;
  WEIR_TRY(engine::Engine* const engine, session.engine(desired.service.engine));
  struct Probe {
    Member member;
    Sighting sighting;
  };
  const auto probes = std::make_shared<std::vector<Probe>>();
  for (const Member& member : desired.service.members) probes->push_back({member, {}});
  std::vector<std::shared_ptr<Job>> jobs;
  const Deadline deadline = session.within(kProbeLimit);
  for (std::size_t i = 0; i < probes->size(); ++i) {
    jobs.push_back(session.machine().workers.begin("probe", [probes, i, engine, deadline] {
      (*probes)[i].sighting = engine->observes()->probe((*probes)[i].member, deadline);
    }));
  }
  for (const auto& job : jobs) {
    while (!job->wait(session.within(kProbeLimit))) continue;  // probes end by their deadline
  }
  for (const Probe& probe : *probes) look.members.emplace_back(probe.member, probe.sighting);
  look.waiting_for = waiting_for(look);
  look.healthy = look.waiting_for.empty();
  return look;
}

std::optional<std::vector<Resource>> present_at(Session& session, engine::Engine& engine,
                                                const Look& look,
                                                const std::vector<Resource>& declared) {
  if (engine.shapes() == nullptr) return std::nullopt;
  for (const auto& [member, sighting] : look.members) {
    if (sighting.reach != Reach::serving || sighting.role != Role::leader) continue;
    const auto present = engine.shapes()->present(member, declared, session.within(5s));
    if (present) return *present;
  }
  return std::nullopt;
}

void take_present_passwords(std::vector<Resource>& declared, const std::vector<Resource>& present) {
  for (Resource& resource : declared) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end() || password->second.empty() ||
        password->second.starts_with("SCRAM-SHA-256$")) {
      continue;
    }
    for (const Resource& there : present) {
      const bool same = there.kind == resource.kind && there.name == resource.name;
      if (same && there.attributes.contains("password")) {
        password->second = there.attributes.at("password");
      }
    }
  }
}

std::optional<std::vector<engine::Difference>> undone(Session& session, engine::Engine& engine,
                                                      const Look& look) {
  std::vector<Resource> declared = look.desired.service.resources;
  const auto present = present_at(session, engine, look, declared);
  if (!present) return std::nullopt;
  take_present_passwords(declared, *present);
  return engine::diff(declared, *present, engine.shapes()->attributes());
}

namespace {

std::string still_undone(Session& session, const Look& look) {
  const auto engine = session.engine(look.desired.service.engine);
  if (!engine || (*engine)->shapes() == nullptr) return {};
  const auto differences = undone(session, **engine, look);
  if (!differences) return "its leader cannot be asked what it has";
  if (differences->empty()) return {};
  const engine::Difference& first = differences->front();
  const Resource& named = first.wanted.name.empty() ? first.present : first.wanted;
  return fmt::format("{} {} is not as declared yet", named.kind, named.name);
}

}  // namespace

namespace {

constexpr Duration kLeaveLimit = 60s;
constexpr Duration kKeepEvery = 1s;

struct Waiting {
  std::string reason;         // empty: nothing is waited for
  bool only_leaving = false;  // all that stays is well; somebody who goes is still there
};

std::string names_of(const std::vector<Member>& members) {
  std::string out;
  for (const Member& member : members) out += (out.empty() ? "" : ", ") + member.name.text;
  return out;
}

Result<Waiting> what_is_waited_for(Session& session, const std::vector<ServiceName>& services,
                                   const std::vector<ServiceName>& gone) {
  Waiting leaving;
  for (const ServiceName& name : services) {
    WEIR_TRY(const auto desired,
             store::read_desired(session.store(), session.keys(), name, session.within(3s)));
    if (!desired) return fail(Failure::not_found, "service " + name.text + " is gone");
    WEIR_TRY(const Look look, look_at(session, *desired));
    const std::string reason = look.healthy ? still_undone(session, look) : look.waiting_for;
    if (!reason.empty()) return Waiting{name.text + ": " + reason, false};
    if (desired->service.leaving.empty()) continue;
    leaving = {
        fmt::format("{}: {} has not left yet", name.text, names_of(desired->service.leaving)),
        true};
  }
  for (const ServiceName& name : gone) {
    WEIR_TRY(const auto desired,
             store::read_desired(session.store(), session.keys(), name, session.within(3s)));
    if (!desired) continue;
    return Waiting{
        fmt::format("{}: {} has not left yet", name.text, names_of(desired->service.all())), false};
  }
  return leaving;
}

bool store_is_away(const Error& error) {
  return error.failure == Failure::unreachable || error.failure == Failure::timed_out;
}

}  // namespace

Result<> await_applied(Session& session, const std::vector<ServiceName>& services,
                       const std::vector<ServiceName>& gone, Deadline deadline,
                       const std::function<Result<>()>& keep) {
  Clock& clock = session.machine().clock;
  Instant kept = clock.now();
  std::string last;
  Instant since = clock.now();
  while (true) {
    auto waiting = what_is_waited_for(session, services, gone);
    if (!waiting && !store_is_away(waiting.error())) return fail(waiting.error());
    const std::string reason =
        waiting ? waiting->reason
                : "the store does not answer; what was written stays, and the servers go on";
    if (reason.empty()) return {};
    if (reason != last) since = clock.now();
    session.waiting(reason);
    last = reason;
    // Whoever does not come back cannot leave, and keeps nobody else waiting.
    if (waiting && waiting->only_leaving && clock.now() - since >= kLeaveLimit) {
      session.progress(reason + "; it leaves once its agent is back");
      return {};
    }
    if (session.cancelled()) {
      return fail(Failure::cancelled, "interrupted; what was started goes on",
                  "the same command again goes on from here");
    }
    if (clock.passed(deadline)) {
      return fail(Failure::timed_out, "not healthy in time: " + reason,
                  "weir events; logs are in " + session.place().logs());
    }
    if (clock.now() - kept >= kKeepEvery) {
      WEIR_TRY_(keep());
      kept = clock.now();
    }
    clock.sleep_for(100ms);
  }
}

}  // namespace weir::cli
