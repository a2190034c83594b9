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
  if (!record.confirmed) return "no commit of this epoch is confirmed on a replica yet";
  for (const auto& [member, sighting] : look.members) {
    if (member.name == record.leader.member) continue;
    if (record.set.find(member.name) == nullptr) {
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

Result<> await_healthy(Session& session, const Fleet& fleet, Duration limit) {
  const Deadline deadline = session.within(session.options().timeout.value_or(limit));
  while (true) {
    std::string waiting;
    for (const Service& service : fleet.services) {
      WEIR_TRY(const auto desired, store::read_desired(session.store(), session.keys(),
                                                       service.name, session.within(3s)));
      if (!desired) return fail(Failure::not_found, "service " + service.name.text + " is gone");
      WEIR_TRY(const Look look, look_at(session, *desired));
      const std::string reason = look.healthy ? still_undone(session, look) : look.waiting_for;
      if (reason.empty()) continue;
      waiting = service.name.text + ": " + reason;
      break;
    }
    if (waiting.empty()) return {};
    session.waiting(waiting);
    if (session.cancelled()) {
      return fail(Failure::cancelled, "interrupted; what was started goes on",
                  "weir up again resumes, weir down stops it");
    }
    if (session.machine().clock.passed(deadline)) {
      return fail(Failure::timed_out, "not healthy in time: " + waiting,
                  "weir events; logs are in " + session.place().logs());
    }
    session.machine().clock.sleep_for(100ms);
  }
}

}  // namespace weir::cli
