// The loop of one service. It builds views and journals steps; what to do is decided elsewhere.
#include "agent/service_loop.h"

#include <algorithm>

#include "access/access.h"
#include "base/mutant.h"
#include "base/probe.h"
#include "base/quantity.h"
#include "model/server_name.h"
#include "world/log.h"

namespace weir::agent {
namespace {

constexpr Duration kReadLimit = 1s;
constexpr Duration kStandingLimit = 60s;
constexpr Duration kFenceLimit = 1s;
constexpr Duration kShapesLimit = 5s;
constexpr Duration kRetryMost = 5s;
constexpr Duration kRememberLimit = 2s;
constexpr Duration kExpecting = 40ms;  // between looks for a replica that is about to stream

journal::Outcome outcome_of(const Result<>& result) {
  if (result) return journal::Outcome::done;
  switch (result.error().failure) {
    case Failure::refused:
    case Failure::conflict:
      return journal::Outcome::refused;
    case Failure::outcome_unknown:
      return journal::Outcome::unknown;
    default:
      return journal::Outcome::failed;
  }
}

// For a mutant only: what a store that fell behind may answer with an old state.
Result<std::optional<store::Entry>> plain_read(store::Store& store, const std::string& key,
                                               Deadline deadline) {
  WEIR_TRY(const std::vector<store::Entry> entries, store.list(key, deadline));
  return entries.empty() ? std::optional<store::Entry>() : entries.front();
}

// The same try as before, whatever id was drawn for it this time.
std::string try_of(const std::string& kind, Json step) {
  return kind + step.set("fresh", Json{}).set("incarnation", Json{}).dump();
}

}  // namespace

ServiceLoop::ServiceLoop(Ports ports, engine::Engine& engine, Member self,
                         const store::HeldService& service, std::optional<Remembered> remembered)
    : ports_(std::move(ports)),
      engine_(engine),
      self_(std::move(self)),
      board_(self_, ports_.setting.host, ports_.life, ports_.world.clock.now(),
             std::move(remembered)) {
  board_.learn_service(service);
  loop_ = std::make_unique<Loop>(ports_.world, "service " + self_.service.text,
                                 ports_.setting.timings.heartbeat, [this] { turn(); });
  memory_ = std::make_unique<Loop>(ports_.world, "remember " + self_.service.text,
                                   ports_.setting.timings.sighting_every, [this] { remember(); });
  follow_members(service.service);
  memory_->start();
  loop_->start();
}

ServiceLoop::~ServiceLoop() { join(); }

void ServiceLoop::join() {
  stop();
  for (auto& prober : probers_) prober->loop->join();
  loop_->join();
  memory_->join();
}

void ServiceLoop::stop() {
  loop_->stop();
  memory_->stop();
  const std::lock_guard lock(probers_mutex_);
  for (auto& prober : probers_) prober->loop->stop();
}

bool ServiceLoop::has_left() {
  const auto local = engine_.runs()->local(self_);
  return local && !local->data && !local->foreign && local->server.life != ServerLife::running;
}

void ServiceLoop::ring() { loop_->ring(); }

void ServiceLoop::settle_again() {
  settle_again_ = true;
  ring();
}

void ServiceLoop::look_again(const MemberName& member) {
  const std::lock_guard lock(probers_mutex_);
  for (auto& prober : probers_) {
    const MemberName& name = prober->member.name;
    if (name == member || name == self_.name) prober->loop->ring();
  }
}

void ServiceLoop::learn_service(const store::HeldService& service) {
  if (!board_.learn_service(service)) return;
  follow_members(service.service);
  ring();
}

void ServiceLoop::learn_record(const store::Held& held) {
  if (!board_.learn_record(held, ports_.world.clock.now())) return;
  memory_->ring();
  look_again(held.record.leader.member);
  ring();
}

void ServiceLoop::doubt() {
  board_.doubt();
  ring();
}

// One prober a member, each at its own pace: a silent server delays nobody.
void ServiceLoop::follow_members(const Service& service) {
  const std::lock_guard lock(probers_mutex_);
  for (const Member& member : service.all()) {
    const bool probed =
        std::ranges::any_of(probers_, [&](const auto& p) { return p->member == member; });
    if (probed) continue;
    Prober& prober = *probers_.emplace_back(std::make_unique<Prober>(Prober{member, nullptr}));
    prober.loop = std::make_unique<Loop>(ports_.world, "probe " + member.name.text,
                                         ports_.setting.timings.heartbeat,
                                         [this, &prober] { probe(prober); });
    prober.loop->start();
  }
}

void ServiceLoop::probe(Prober& prober) {
  const Timings& timings = ports_.setting.timings;
  const Member& member = prober.member;
  const Instant next = ports_.world.clock.now() + board_.probe_pace(member.name, timings);
  const Sighting sighting =
      engine_.observes()->probe(member, ports_.world.clock.within(timings.probe_limit));
  prober.loop->rest_until(next);
  if (board_.learn_sighting(member.name, sighting, timings)) ring();
}

void ServiceLoop::turn() {
  notice_gap();
  if (!look_at_own()) {
    due_ = ports_.world.clock.now();
    return;
  }
  if (!board_.held() || board_.doubts() || board_.store_lost()) refresh_record(kReadLimit);
  if (failover::wants_fresh_record(view())) refresh_record(kReadLimit);
  if (failover::wants_lease_read(view())) read_lease();
  if (board_.held() && !fail_over() && !board_.store_lost() && is_remembered()) provision_one();
  if (failover::expects_follower(view())) {
    look_again(self_.name);
    loop_->again_by(ports_.world.clock.now() + kExpecting);
  }
  // Only waiting counts as a gap: a step of our own may take as long as it takes.
  due_ = ports_.world.clock.now() + ports_.setting.timings.heartbeat;
}

// S2: after a gap in our own running nothing of the old view counts.
void ServiceLoop::notice_gap() {
  const Instant now = ports_.world.clock.now();
  if (due_ == Instant{} || now - due_ <= ports_.setting.timings.heartbeat) return;
  if (mutant("view-from-before-a-thaw")) return;
  say(ports_.world.clock, Level::warning, "{}: did not run for {}: forgetting the old view",
      self_.service.text, show(now - due_));
  weir::probe("agent.did_not_run");
  board_.forget(now);
  refresh_record(kReadLimit);
}

bool ServiceLoop::look_at_own() {
  const auto local = engine_.runs()->local(self_);
  if (!local) {
    board_.conclude("cannot look at this member: " + local.error().what);
    return false;
  }
  bool news = board_.learn_local(*local, ports_.world.clock.now());
  if (failover::keeps_old_deadline(view())) {
    // It is a replica's now, which nobody has to renew.
    (void)ports_.world.servers.hold(server_name(), Instant{},
                                    ports_.world.clock.within(kFenceLimit));
  }
  if (failover::wants_standing(view(), board_.position_known()) && engine_.leads() != nullptr) {
    const auto standing =
        engine_.leads()->find_standing(self_, ports_.world.clock.within(kStandingLimit));
    if (standing) {
      board_.learn_standing(*standing);
      // What was found on the disk may say how long a start would take.
      if (const auto again = engine_.runs()->local(self_)) {
        news = board_.learn_local(*again, ports_.world.clock.now()) || news;
      }
    }
  }
  const failover::View now = view();
  if (failover::needs_deadline(now) && now.own.server.deadline <= now.now) ports_.ring_lease();
  if (news) ports_.rouse_heartbeats();
  return true;
}

void ServiceLoop::refresh_record(Duration limit) {
  const Reading known = board_.known();
  const auto held = store::read_record(ports_.store, ports_.setting.keys, self_.service,
                                       ports_.world.clock.within(limit));
  if (!held) return;
  const bool lost = board_.store_lost();
  if (board_.learn_read(*held, known, ports_.world.clock.now())) memory_->ring();
  if (!lost && board_.store_lost()) {
    say(ports_.world.clock, Level::error,
        "{}: the store lost the record of this service: weir store rebuild", self_.service.text);
  }
}

void ServiceLoop::remember() {
  const auto unsaved = board_.unsaved(ports_.setting.keys.fleet);
  if (!unsaved) return;
  const auto kept = ports_.remembering.keep(*unsaved);
  if (!kept) {
    say(ports_.world.clock, Level::warning, "{}: cannot remember the record: {}",
        self_.service.text, kept.error().what);
    return;
  }
  board_.learn_saved(*unsaved);
  ports_.rouse_heartbeats();  // somebody may wait for us to have read it
}

// S12: durably, before any step rests on it; but for a fence, which waits for no disk.
bool ServiceLoop::is_remembered() {
  const auto saved = [this] { return !board_.unsaved(ports_.setting.keys.fleet); };
  if (saved()) return true;
  memory_->ring();
  if (poll_until(ports_.world.clock, ports_.world.clock.within(kRememberLimit), 1ms, saved)) {
    return true;
  }
  board_.conclude("waits for the disk: the record is not yet remembered");
  return false;
}

// S2: whether the last renewal that the watch showed is still the last.
void ServiceLoop::read_lease() {
  const auto held = board_.held();
  const Instant began = ports_.world.clock.now();
  const std::string key = ports_.setting.keys.renewal(held->record.leader_host);
  const Deadline soon = ports_.world.clock.within(kReadLimit);
  const auto entry = mutant("lease-from-a-stale-read") ? plain_read(ports_.store, key, soon)
                                                       : ports_.store.get(key, soon);
  if (!entry) return;
  const auto renewal = *entry ? Json::parse((*entry)->value) : Json::object();
  if (!renewal) return;
  board_.learn_renewal(held->record.leader_host, *renewal, ports_.world.clock.now(), began);
}

std::string ServiceLoop::server_name() const {
  return weir::server_name(ports_.setting.keys.fleet, self_);
}

Result<> ServiceLoop::fence() {
  return engine_.runs()->fence(self_, ports_.world.clock.within(kFenceLimit));
}

failover::View ServiceLoop::view() {
  World& world = ports_.world;
  const Duration jitter = std::chrono::milliseconds(world.random.next() % 1000);
  return board_.view(world.clock.now(), ports_.setting.timings, Incarnation(world.random.id()),
                     jitter);
}

// A step that failed is not tried again at once; the pause doubles.
bool ServiceLoop::patient(const std::string& kind, const Json& step, const std::string& because) {
  if (failed_.what != try_of(kind, step)) return false;
  board_.conclude(because + ", but the last try failed: " + failed_.detail);
  if (ports_.world.clock.now() >= failed_.again) return false;
  loop_->again_by(failed_.again);
  return true;
}

void ServiceLoop::remember(const std::string& kind, const Json& step, const Result<>& outcome) {
  if (outcome) {
    failed_ = {};
    return;
  }
  const std::string what = try_of(kind, step);
  failed_.times = failed_.what == what ? failed_.times + 1 : 1;
  failed_.what = what;
  failed_.detail = outcome.error().what;
  const Duration pause = std::min<Duration>(25ms * (1 << std::min(failed_.times, 8)), kRetryMost);
  failed_.again = ports_.world.clock.now() + pause;
  loop_->again_by(failed_.again);
}

// The intent is durable before the effect begins; nullopt: it could not be written, so nothing is
// done. A step that needs no intent gets number 0.
std::optional<std::int64_t> ServiceLoop::intend(const char* capability, const std::string& kind,
                                                const Json& step, const std::string& because,
                                                bool needed) {
  say(ports_.world.clock, Level::info, "{}: {}: {}", self_.service.text, kind, because);
  if (!needed) return 0;
  journal::Entry entry;
  entry.service = self_.service.text;
  entry.capability = capability;
  entry.kind = kind;
  entry.step = step;
  entry.because = because;
  entry.at = ports_.world.clock.wall();
  const auto number = ports_.journal.intend(entry);
  if (number) return *number;
  board_.conclude("cannot journal: " + number.error().what);
  return std::nullopt;
}

void ServiceLoop::conclude(std::int64_t number, const std::string& kind, const Json& step,
                           const Result<>& outcome, Duration took) {
  const std::string detail = outcome ? "" : outcome.error().what;
  if (!outcome) {
    say(ports_.world.clock, Level::warning, "{}: {} did not succeed: {}", self_.service.text, kind,
        detail);
  }
  if (number != 0) {
    const auto concluded = ports_.journal.conclude(number, outcome_of(outcome), detail, took);
    if (!concluded) board_.conclude("cannot journal: " + concluded.error().what);
  }
  remember(kind, step, outcome);
  // Whatever was written, by us or by somebody faster, the next decision starts from the truth.
  refresh_record(kReadLimit);
  if (!outcome) return;
  look_again(self_.name);
  loop_->ring();
}

// Answers whether there was a step to carry out.
bool ServiceLoop::fail_over() {
  if (engine_.leads() == nullptr) return false;
  const auto held = board_.held();
  const auto service = board_.service();
  const failover::Decision decision = failover::decide(view());
  board_.conclude(decision.because);
  if (!decision.step) return false;
  if (std::holds_alternative<failover::AskOthers>(*decision.step)) {
    ask_others();
    return true;
  }
  const std::string kind = failover::kind_of(*decision.step);
  const Json step = failover::to_json(*decision.step);
  // A server that cannot start may only want the settings that the file has meanwhile.
  if (patient(kind, step, decision.because)) return !failover::is_a_start(*decision.step);
  const bool needed = failover::needs_intent(*decision.step);
  if (needed && !is_remembered()) return true;
  const auto number = intend("failover", kind, step, decision.because, needed);
  if (!number) return true;
  if (std::holds_alternative<failover::LoadSet>(*decision.step)) board_.forget_proof();
  const Instant began = ports_.world.clock.now();
  const failover::Done done = failover::carry_out(
      *decision.step, {ports_.world, ports_.store, ports_.setting.keys, *engine_.leads(),
                       *engine_.runs(), engine_.isolates(), self_, *service, held->revision});
  const Instant ended = ports_.world.clock.now();
  if (failover::is_a_rejoin(*decision.step, done.outcome)) board_.learn_rejoin();
  const bool followed = done.outcome.has_value() && failover::points_at_leader(*decision.step);
  if (board_.learn_done(done, followed, ended)) memory_->ring();
  if (done.promise) ports_.rouse_heartbeats();
  conclude(*number, kind, step, done.outcome, ended - began);
  if (done.written) ports_.rouse_heartbeats();
  return true;
}

// Reads what is there when it is due; false: nothing may be decided on it now.
bool ServiceLoop::look_at_shapes(const provision::View& seen) {
  World& world = ports_.world;
  if (engine_.shapes() == nullptr || !provision::wants_differences(seen)) return true;
  const auto present =
      engine_.shapes()->present(self_, seen.desired.resources, world.clock.within(kShapesLimit));
  if (!present) return true;
  const auto wanted = provision::with_secrets(
      world, seen.desired.resources, *present, [&](const std::string& sealed) {
        return access::unseal(world.files, ports_.setting.papers.identity, ports_.setting.host.text,
                              sealed);
      });
  if (!wanted) {
    board_.conclude(wanted.error().what);
    return false;
  }
  board_.learn_differences(engine::diff(*wanted, *present, engine_.shapes()->attributes()),
                           world.clock.now());
  return true;
}

void ServiceLoop::provision_one() {
  World& world = ports_.world;
  // Before the files are read: what changes while we settle is settled once more.
  if (settle_again_.exchange(false)) board_.forget_settled();
  const auto held = board_.held();
  const auto look = [&] {
    return board_.provision_view(world.clock.now(), Incarnation(world.random.id()));
  };
  if (!look_at_shapes(look())) return;
  const provision::View seen = look();
  const provision::Decision decision = provision::decide(seen);
  Claims& claims = ports_.claims;
  if (!decision.step) {
    claims.give_up(self_.service);
    return;
  }
  const std::string kind = provision::kind_of(*decision.step);
  const Json step = provision::to_json(*decision.step);
  if (patient(kind, step, decision.because)) return;
  const auto claimed = claims.take(self_.service, Capability::provision,
                                   provision::silenced(*decision.step, self_.name));
  if (!claimed) {
    board_.conclude(decision.because + ", but " + claimed.error().what);
    return;
  }
  const auto number = intend("provision", kind, step, decision.because, true);
  if (!number) return;
  const Instant began = world.clock.now();
  const provision::Done done = provision::carry_out(
      *decision.step, {world, ports_.store, ports_.setting.keys, engine_, self_, seen.desired,
                       held->revision, seen.desired_revision, [this] { return may_go_on(); }});
  const Instant ended = world.clock.now();
  if (done.waiting_for_restart) {
    const bool let_in = std::get<provision::Settle>(*decision.step).clients_let_in;
    board_.learn_settled(
        {seen.desired_revision, let_in, *done.waiting_for_restart, ended, seen.own.server});
  }
  if (std::holds_alternative<provision::Shape>(*decision.step)) {
    board_.learn_differences(std::nullopt, ended);
  }
  conclude(*number, kind, step, done.outcome, ended - began);
  if (!done.outcome) claims.give_up(self_.service);
}

// S11: a step of any capability but failover goes on only under its claim, and not once this member
// may be wanted for a round.
Result<> ServiceLoop::may_go_on() {
  if (failover::comes_first(view())) return fail(Failure::refused, "failover comes first");
  return ports_.claims.check(self_.service);
}

}  // namespace weir::agent
