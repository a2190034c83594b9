// The parts of one agent, put together.
#include "agent/agent.h"

#include <fmt/format.h>

#include <algorithm>

#include "access/access.h"
#include "agent/certificates.h"
#include "agent/claims.h"
#include "agent/extension.h"
#include "agent/formats.h"
#include "agent/heartbeats.h"
#include "agent/lease.h"
#include "agent/publisher.h"
#include "agent/service_loop.h"
#include "agent/watcher.h"
#include "base/probe.h"
#include "world/log.h"

namespace weir::agent {
namespace {

constexpr std::int64_t kJournalMost = 500;

bool same_place(const Service& service, const Member& self) {
  const std::vector<Member> all = service.all();
  return std::ranges::find(all, self) != all.end();
}

bool speaks_for(const Service& service, const MemberName& name, const HostName& host) {
  return std::ranges::any_of(service.all(),
                             [&](const Member& m) { return m.name == name && m.host == host; });
}

}  // namespace

struct Agent::Parts {
  World& world;
  store::Store& store;
  peer::Caller& caller;
  const Engines engines;
  const Setting setting;
  AgentLife life;
  std::unique_ptr<journal::Journal> journal;
  std::mutex mutex;  // guards life, the maps and formats, never held over a port call
  std::map<ServiceName, std::shared_ptr<ServiceLoop>> services;
  std::map<ServiceName, store::Held> early;  // records that came before their services
  Formats formats;
  std::unique_ptr<Claims> claims;
  std::unique_ptr<Remembering> remembering;
  std::unique_ptr<Heartbeats> heartbeats;
  std::unique_ptr<Extension> extension;
  std::unique_ptr<Lease> lease;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Watcher> watcher;
  std::unique_ptr<Certificates> certificates;

  std::vector<std::shared_ptr<ServiceLoop>> all() {
    const std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<ServiceLoop>> out;
    for (const auto& [name, loop] : services) out.push_back(loop);
    return out;
  }
  AgentLife present_life() {
    const std::lock_guard lock(mutex);
    return life;
  }
  std::shared_ptr<ServiceLoop> find(const ServiceName& name) {
    const std::lock_guard lock(mutex);
    const auto found = services.find(name);
    return found == services.end() ? nullptr : found->second;
  }

  Json speak() {
    Json spoken = Json::object();
    for (const auto& loop : all()) {
      const Spoken own = loop->board().speak(world.clock.now(), setting.timings);
      spoken.set(loop->self().service.text, to_json(own));
    }
    return Json::object()
        .set("format", kWireFormat)
        .set("host", setting.host.text)
        .set("services", spoken);
  }

  // What `host` said. Its certificate named it: it speaks for its own members only.
  void hear(const HostName& host, const Json& said) {
    const Instant now = world.clock.now();
    for (const auto& loop : all()) {
      const Json& voice = said["services"][loop->self().service.text];
      if (!voice.is_object()) continue;
      const Spoken spoken = spoken_from(voice, now);
      const auto service = loop->board().service();
      if (!service || !speaks_for(*service, spoken.voice.voter.member, host)) continue;
      if (spoken.promise && spoken.promise->voter != spoken.voice.voter) continue;
      if (!loop->board().learn_voice(spoken.voice.voter.member, spoken)) continue;
      loop->look_again(spoken.voice.voter.member);
      loop->ring();
    }
  }

  void refused(const HostName& host) {
    for (const auto& loop : all()) {
      loop->board().learn_refusal(host, world.clock.now());
      loop->ring();
    }
  }

  void learn_service(const store::HeldService& held) {
    const auto before = find(held.service.name);
    // A member that has left and one that joins in its place are two.
    if (before && !same_place(held.service, before->self())) forget_service(held.service.name);
    if (const auto loop = find(held.service.name)) {
      loop->learn_service(held);
    } else {
      adopt(held);
    }
    for (const Member& member : held.service.all()) {
      heartbeats->know(member.host, member.address);
    }
  }

  // The store has the service, or this member of it, no more. A loop ends only once nothing of its
  // member is left here: a store that lost what it had ends nobody.
  void forget_service(const ServiceName& name) {
    const auto loop = find(name);
    if (loop == nullptr || !loop->has_left()) return;
    say(world.clock, Level::info, "{}: {} has left", name.text, loop->self().name.text);
    loop->stop();
    loop->join();  // or it might remember once more
    claims->give_up(name);
    const auto forgotten = remembering->forget(name);
    if (!forgotten) say(world.clock, Level::warning, "{}: {}", name.text, forgotten.error().what);
    const std::lock_guard lock(mutex);
    services.erase(name);
    early.erase(name);
  }

  void adopt(const store::HeldService& held) {
    const auto engine = engines.find(held.service.engine);
    for (const Member& member : held.service.all()) {
      if (member.host != setting.host) continue;
      if (engine == engines.end()) {
        say(world.clock, Level::error, "service {} asks for engine {}, which this agent lacks",
            held.service.name.text, held.service.engine);
        return;
      }
      Ports ports{world,
                  store,
                  caller,
                  setting,
                  present_life(),
                  *journal,
                  *claims,
                  *remembering,
                  [this] { heartbeats->rouse(); },
                  [this](const HostName& host, Deadline d) { heartbeats->speak_to(host, d); },
                  [this] { lease->ring(); }};
      const auto all_remembered = remembering->all();
      const auto known = all_remembered.find(held.service.name);
      auto loop = std::make_shared<ServiceLoop>(
          std::move(ports), *engine->second, member, held,
          known == all_remembered.end() ? std::nullopt : std::optional(known->second));
      const std::lock_guard lock(mutex);
      const auto record = early.find(held.service.name);
      if (record != early.end()) loop->board().learn_record(record->second, world.clock.now());
      loop->board().learn_life(life);  // it may have changed meanwhile
      services[held.service.name] = std::move(loop);
    }
  }

  void learn_record(const ServiceName& service, const store::Held& held) {
    if (const auto loop = find(service)) {
      loop->learn_record(held);
      return;
    }
    const std::lock_guard lock(mutex);
    early[service] = held;
  }

  // A watch begins anew: the store may be another, or an old copy of itself. What we remember and
  // it has no more, though its revision is below what we have read, it has lost (safety.md S12).
  void learn_listed(store::Revision revision) {
    for (const auto& loop : all()) loop->doubt();
    for (const auto& [name, remembered] : remembering->all()) {
      if (find(name) != nullptr || revision >= remembered.revision) continue;
      learn_service({remembered.desired, remembered.desired_revision});
    }
  }

  Result<Json> testify() {
    Json witnesses = Json::array();
    for (const auto& [name, remembered] : remembering->all()) {
      const auto engine = engines.find(remembered.desired.engine);
      if (engine == engines.end() || engine->second->runs() == nullptr) continue;
      for (const Member& member : remembered.desired.members) {
        if (member.host != setting.host) continue;
        WEIR_TRY(const engine::Local local, engine->second->runs()->local(member));
        witnesses.add(to_json(Witness{setting.host,
                                      {member.name, local.incarnation},
                                      local.promised_last,
                                      local.led,
                                      remembered}));
      }
    }
    return Json::object().set("format", kRememberedFormat).set("witnesses", witnesses);
  }

  // What another agent reads decides what we write.
  void learn_agent(const HostName& host, const Json& told) {
    const Instant now = world.clock.now();
    const std::lock_guard lock(mutex);
    formats.learn(host, told, now);
    journal->write_as(formats.journal(now));
  }

  void learn_claim(const ServiceName& service, const std::optional<store::HeldClaim>& claim) {
    claims->learn_claim(service, claim);
    if (const auto loop = find(service)) loop->ring();  // who waited for it may go on
  }

  // What this agent last read from the store, of every service that has a member here.
  Json known() {
    Json told = Json::array();
    for (const auto& loop : all()) told.add(loop->known());
    return Json::object()
        .set("format", kWireFormat)
        .set("host", setting.host.text)
        .set("life", present_life().text)
        .set("services", told);
  }

  // The latest entries of this host's journal, for when the store's copies cannot be read.
  Json journal_lines(std::int64_t count) {
    Json lines = Json::array();
    const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, kJournalMost));
    for (const journal::Entry& entry : journal->recent(most)) lines.add(journal::to_json(entry));
    return Json::object().set("format", kWireFormat).set("entries", lines);
  }

  failover::View seen(const ServiceLoop& loop) {
    return loop.board().view(world.clock.now(), setting.timings, {}, {});
  }

  Watcher::Ears ears_of_watcher() {
    return {[this](const store::HeldService& held) { learn_service(held); },
            [this](const ServiceName& name) { forget_service(name); },
            [this](const ServiceName& name, const store::Held& held) { learn_record(name, held); },
            [this](const ServiceName& name, const std::optional<store::HeldClaim>& held) {
              learn_claim(name, held);
            },
            [this](const HostName& host, const Json& renewal) {
              claims->learn_renewal(host, renewal);
              for (const auto& loop : all()) {
                loop->board().learn_renewal(host, renewal, world.clock.now());
              }
            },
            [this] {
              for (const auto& loop : all()) {
                loop->board().learn_store_heard(world.clock.now());
              }
            },
            [this](store::Revision revision) { learn_listed(revision); },
            [this](const Json& list) {
              if (certificates) certificates->learn_revoked(list);
            },
            [this](const HostName& host, const Json& told) { learn_agent(host, told); }};
  }

  // What this host's renewals are for, and what rests on them.
  Lease::Ears ears_of_lease() {
    Lease::Ears ears;
    ears.wards = [this](const AgentLife& in) {
      std::vector<Lease::Ward> wards;
      for (const auto& loop : all()) {
        const failover::View view = seen(*loop);
        if (!failover::needs_deadline(view) || view.record.leader_life != in) continue;
        const bool waits = view.own.server.deadline <= view.now;
        wards.push_back({loop->server_name(), [loop] { return loop->fence(); },
                         [loop, waits] {
                           if (waits) loop->ring();
                         }});
      }
      return wards;
    };
    ears.given_up = [this](const AgentLife& in) {
      for (const auto& loop : all()) {
        const failover::View view = seen(*loop);
        if (view.life == in && failover::gives_up_lease(view)) return true;
      }
      return false;
    };
    ears.extended = [this](const AgentLife& in) { return extension->ask(in); };
    ears.began_anew = [this](const AgentLife& next) {
      {
        const std::lock_guard lock(mutex);
        life = next;
      }
      claims->learn_life(next);
      for (const auto& loop : all()) {
        loop->board().learn_life(next);
        loop->ring();
      }
    };
    return ears;
  }

  // What `weir status` reads when it cannot ask us.
  std::map<std::string, Json> tell() {
    std::map<std::string, Json> out;
    Json lines = Json::object();
    const AgentLife present = present_life();
    for (const auto& loop : all()) {
      out[setting.keys.sighting(loop->self().service, loop->self().name)] =
          Json::object()
              .set("format", kWireFormat)
              .set("life", present.text)
              .set("sighting", loop->sighting());
      lines.set(loop->self().service.text, loop->line());
    }
    const Json certificate = certificates ? certificates->tell() : Json();
    if (!certificate.is_null()) out[setting.keys.cert(setting.host)] = certificate;
    out[setting.keys.agent(setting.host)] = Json::object()
                                                .set("format", kWireFormat)
                                                .set("life", present.text)
                                                .set("reads", Formats::own())
                                                .set("services", lines);
    return out;
  }
};

namespace {

// Which references of a fleet file this host lacks, for its operator: values stay here.
Result<Json> answer_references(Files& files, const peer::Request& request) {
  if (request.from != "operator") {
    return fail(Failure::denied, "only the operator may ask for references");
  }
  Json missing = Json::array();
  for (const Json& reference : request.body["references"].items()) {
    const auto value = access::resolve(files, reference.text());
    if (value) continue;
    missing.add(
        Json::object().set("reference", reference.text()).set("because", value.error().what));
  }
  return Json::object().set("missing", missing);
}

}  // namespace

Agent::Agent(World& world, store::Store& store, peer::Caller& caller, Engines engines,
             Setting setting)
    : parts_(new Parts{world,
                       store,
                       caller,
                       std::move(engines),
                       std::move(setting),
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       {}}) {}

// Everything is joined before anything is destroyed, and services last: until here another part
// may have held one of them.
Agent::~Agent() {
  stop();
  if (parts_->watcher) parts_->watcher->join();
  if (parts_->heartbeats) parts_->heartbeats->join();
  if (parts_->lease) parts_->lease->join();
  if (parts_->publisher) parts_->publisher->join();
  if (parts_->claims) parts_->claims->join();
  if (parts_->certificates) parts_->certificates->join();
  std::map<ServiceName, std::shared_ptr<ServiceLoop>> services;
  {
    const std::lock_guard lock(parts_->mutex);
    services.swap(parts_->services);
  }
  services.clear();  // outside the lock: their turns may still ask for it
}

Result<> Agent::start() {
  Parts& parts = *parts_;
  parts.life = AgentLife(parts.world.random.id());
  WEIR_TRY(
      parts.journal,
      journal::Journal::open(parts.world, parts.setting.state + "/journal.jsonl", parts.life.text));
  for (const journal::Entry& entry : parts.journal->left_open()) {
    say(parts.world.clock, Level::warning, "{}: {} was cut off in an earlier life: looking again",
        entry.service, entry.kind);
    probe("agent.step_cut_off_in_an_earlier_life");
    WEIR_TRY_(parts.journal->conclude(entry.number, journal::Outcome::unknown,
                                      "cut off; a new agent looked again", {}));
  }
  parts.remembering =
      std::make_unique<Remembering>(parts.world.files, parts.setting.state + "/remembered");
  WEIR_TRY_(parts.remembering->load());
  parts.claims = std::make_unique<Claims>(parts.world, parts.store, parts.setting, parts.life);
  parts.heartbeats = std::make_unique<Heartbeats>(
      parts.world, parts.caller, parts.setting.host, parts.setting.timings,
      Heartbeats::Ears{[&parts] { return parts.speak(); },
                       [&parts](const HostName& host, const Json& said) { parts.hear(host, said); },
                       [&parts](const HostName& host) { parts.refused(host); }});
  if (!parts.setting.papers.identity.empty()) {
    parts.certificates =
        std::make_unique<Certificates>(parts.world, parts.caller, parts.setting, [&parts] {
          for (const auto& loop : parts.all()) loop->settle_again();
        });
  }
  parts.publisher = std::make_unique<Publisher>(parts.world, parts.store, parts.setting,
                                                [&parts] { return parts.tell(); });
  parts.journal->on_change([&parts](const journal::Entry& entry) { parts.publisher->add(entry); });
  parts.extension = std::make_unique<Extension>(
      Extension::Ports{parts.world, parts.store, parts.caller, parts.setting, parts.engines,
                       *parts.claims, *parts.remembering, [&parts] { return parts.all(); }});
  parts.lease = std::make_unique<Lease>(parts.world, parts.store, parts.setting, parts.life,
                                        parts.ears_of_lease());
  parts.watcher = std::make_unique<Watcher>(parts.world, parts.store, parts.setting.keys,
                                            parts.ears_of_watcher());
  return {};
}

void Agent::stop() {
  if (parts_->watcher) parts_->watcher->stop();
  if (parts_->lease) parts_->lease->stop();
  if (parts_->publisher) parts_->publisher->stop();
  if (parts_->claims) parts_->claims->stop();
  if (parts_->certificates) parts_->certificates->stop();
  for (const auto& loop : parts_->all()) loop->stop();
  if (parts_->heartbeats) parts_->heartbeats->stop();
}

Result<Json> Agent::answer(const peer::Request& request) {
  if (parts_->heartbeats == nullptr) {
    return fail(Failure::unreachable, "the agent is starting");
  }
  if (request.path == "/heartbeat") {
    const HostName host(request.from);
    parts_->hear(host, request.body);
    parts_->heartbeats->learn_called(host);
    return parts_->speak();
  }
  if (request.path == "/witness") return parts_->testify();
  if (request.path == "/grant" && parts_->extension) return parts_->extension->answer(request);
  if (request.path == "/claim") return parts_->claims->take_for(request.body);
  if (request.path == "/claim/give-up") return parts_->claims->give_up_for(request.body);
  if (request.path == "/suspicion" || request.path == "/status") {
    const ServiceName name(request.body["service"].text());
    const auto loop = parts_->find(name);
    if (loop == nullptr) return fail(Failure::not_found, "no member of " + name.text + " is here");
    return request.path == "/suspicion" ? loop->answer_suspicion() : loop->status();
  }
  if (request.path == "/references") return answer_references(parts_->world.files, request);
  if (request.path == "/renew" && parts_->certificates) return parts_->certificates->renew(request);
  if (request.path == "/known") return parts_->known();
  if (request.path == "/journal") return parts_->journal_lines(request.body["count"].integer());
  return fail(Failure::not_found, "no such call: " + request.path);
}

Result<Json> Agent::admit(const peer::Request& request) {
  if (parts_->certificates) return parts_->certificates->admit(request);
  return fail(Failure::unreachable, "the agent is starting");
}

}  // namespace weir::agent
