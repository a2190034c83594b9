// Taking, keeping and giving up. Who may have a claim is decided in model/claim.cpp.
#include "agent/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "agent/agent.h"
#include "base/mutant.h"
#include "world/log.h"

namespace weir::agent {
namespace {

constexpr Duration kStoreLimit = 1s;
constexpr Duration kPause = 1s;
constexpr Duration kStrayFor = 2s;            // longer than taking or giving it up takes
constexpr Duration kOwnLasts = 5min;          // of a step of our own and what follows it
constexpr Duration kClientLastsMost = 24h;    // a client that asks for more is refused
constexpr std::size_t kClientTextMost = 200;  // characters that it may say of itself

}  // namespace

Claims::Claims(World& world, store::Store& store, const Setting& setting, AgentLife life)
    : world_(world),
      store_(store),
      setting_(setting),
      lives_({std::move(life)}),
      began_(world.clock.now()) {
  loop_ = std::make_unique<Loop>(world_, "claims", kPause, [this] { turn(); });
  loop_->start();
}

void Claims::stop() { loop_->stop(); }
void Claims::join() { loop_->join(); }

void Claims::learn_claim(const ServiceName& service, const std::optional<store::HeldClaim>& claim) {
  const Instant now = world_.clock.now();
  const std::lock_guard lock(mutex_);
  if (!claim) {
    seen_.erase(service);
    return;
  }
  Seen& seen = seen_[service];
  if (seen.held.claim.id != claim->claim.id) seen.since = now;
  seen.held = *claim;
}

void Claims::learn_renewal(const HostName& host, const Json& renewal) {
  const Instant now = world_.clock.now();
  const std::string life = renewal["incarnation"].text();
  const std::int64_t count = renewal["count"].integer();
  const std::lock_guard lock(mutex_);
  Renewal& known = renewals_[host];
  if (known.life == life && known.count == count && known.at != Instant{}) return;
  if (known.life != life || known.since == Instant{}) known.since = now;
  known.life = life;
  known.count = count;
  known.at = now;
}

void Claims::learn_grant(const HostName& host, const AgentLife& life) {
  const Instant now = world_.clock.now();
  const std::lock_guard lock(mutex_);
  const auto known = renewals_.find(host);
  if (known != renewals_.end() && known->second.life == life.text) known->second.at = now;
}

void Claims::learn_life(const AgentLife& life) {
  const std::lock_guard lock(life_mutex_);
  lives_.push_back(life);
}

AgentLife Claims::life() const {
  const std::lock_guard lock(life_mutex_);
  return lives_.back();
}

bool Claims::was_ours(const Claim& claim) const {
  const std::lock_guard lock(life_mutex_);
  return claim.host == setting_.host && std::ranges::count(lives_, claim.life) != 0;
}

// When the holder's life was last seen alive; at the latest when its successor was first seen.
Instant Claims::renewed(const ServiceName& service, const Claim& claim) const {
  const std::lock_guard lock(mutex_);
  Instant last = began_;
  if (const auto seen = seen_.find(service);
      seen != seen_.end() && seen->second.held.claim.id == claim.id) {
    last = std::max(last, seen->second.since);
  }
  const auto renewal = renewals_.find(claim.host);
  if (renewal == renewals_.end()) return last;
  return std::max(
      last, renewal->second.life == claim.life.text ? renewal->second.at : renewal->second.since);
}

Result<Claims::Present> Claims::look(const ServiceName& service) {
  const store::Keys& keys = setting_.keys;
  WEIR_TRY(const auto entries,
           store_.list(keys.service(service), world_.clock.within(kStoreLimit)));
  Present out;
  for (const store::Entry& entry : entries) {
    if (entry.key == keys.claim(service)) {
      WEIR_TRY(const Json json, Json::parse(entry.value));
      WEIR_TRY(Claim claim, claim_from(json));
      out.claim = store::HeldClaim{std::move(claim), entry.revision};
    } else if (entry.key == keys.leadership(service)) {
      WEIR_TRY(const Json json, Json::parse(entry.value));
      WEIR_TRY(out.record, record_from(json));
    }
  }
  learn_claim(service, out.claim);
  return out;
}

// S2: the last renewal that we saw is still the last in the store itself.
Result<> Claims::still_last(const ServiceName& service, const Claim& present) {
  WEIR_TRY(const auto entry,
           store_.get(setting_.keys.renewal(present.host), world_.clock.within(kStoreLimit)));
  if (entry) {
    WEIR_TRY(const Json json, Json::parse(entry->value));
    learn_renewal(present.host, json);
  }
  if (world_.clock.now() - renewed(service, present) >= setting_.timings.lease) return {};
  return fail(Failure::held, "the service is claimed for " + show(present));
}

Result<Claims::Held> Claims::acquire(const ServiceName& service, Claim wanted) {
  WEIR_TRY(const Present present, look(service));
  const Record* record = present.record ? &*present.record : nullptr;
  wanted.host = setting_.host;
  wanted.life = life();
  wanted.since = world_.clock.wall();
  wanted.round = round_for_claim(record);
  ClaimView view;
  view.now = world_.clock.now();
  view.wanted = wanted;
  view.lease = setting_.timings.lease;
  view.round_open = record != nullptr && record->round.has_value();
  if (present.claim) {
    view.present = present.claim->claim;
    view.renewed = renewed(service, *view.present);
    // One taking, one beginning.
    if (view.present->id == wanted.id) wanted.since = view.present->since;
    // What nobody here acts under so far may be given up at this moment, by its revision: written
    // anew, it is out of that one's reach.
    if (*view.present == wanted && acts_for(service, wanted.id)) {
      return Held{wanted, present.claim->revision, view.now, view.now};
    }
  }
  const ClaimDecision decision = decide_claim(view);
  if (!decision.take) return fail(Failure::held, decision.because);
  const bool lapsed = present.claim && view.now - view.renewed >= view.lease;
  if (lapsed) WEIR_TRY_(still_last(service, *view.present));
  WEIR_TRY(const store::Revision revision,
           store::write_claim(store_, setting_.keys, service, wanted,
                              present.claim ? present.claim->revision : 0,
                              world_.clock.within(kStoreLimit)));
  say(world_.clock, Level::info, "{}: took the claim for {}: {}", service.text,
      name_of(wanted.capability), decision.because);
  return Held{wanted, revision, view.now, view.now};
}

// A claim for all is acted under as long as its holder lives and nobody has preempted it.
bool Claims::joins(const ServiceName& service, const Claim& present, Capability capability,
                   const Record* record) const {
  return present.for_all && present.capability == capability && stands(present, record) &&
         world_.clock.now() - renewed(service, present) < setting_.timings.lease;
}

// What was only joined is its holder's.
bool Claims::is_ours(const Claim& claim) const {
  return claim.host == setting_.host && claim.life == life() && claim.client.empty();
}

Result<> Claims::take(const ServiceName& service, Capability capability,
                      const std::vector<MemberName>& silent) {
  if (mutant("no-claim")) return {};
  Claim wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto own = own_.find(service);
    if (own != own_.end() && own->second.claim.capability == capability) {
      if (own->second.claim.silent == silent) return {};
      if (is_ours(own->second.claim)) wanted.id = own->second.claim.id;
    }
  }
  WEIR_TRY(const Present present, look(service));
  const Record* record = present.record ? &*present.record : nullptr;
  Held held;
  if (present.claim && joins(service, present.claim->claim, capability, record)) {
    held.claim = present.claim->claim;
    held.revision = present.claim->revision;
  } else {
    wanted.capability = capability;
    // Giving it up may have failed, or only its answer been lost: what is ours is ours.
    const bool kept = present.claim && is_ours(present.claim->claim) &&
                      present.claim->claim.capability == capability;
    if (kept) wanted.id = present.claim->claim.id;
    if (wanted.id.empty()) wanted.id = world_.random.id();
    wanted.lasts = kOwnLasts;
    wanted.silent = silent;
    auto acquired = acquire(service, wanted);
    if (!acquired) {
      const std::lock_guard lock(mutex_);
      own_.erase(service);
      return fail(std::move(acquired).error());
    }
    held = *acquired;
  }
  const std::lock_guard lock(mutex_);
  own_[service] = held;
  return {};
}

Result<> Claims::check(const ServiceName& service) {
  if (mutant("no-claim")) return {};
  std::optional<Held> held;
  {
    const std::lock_guard lock(mutex_);
    if (const auto own = own_.find(service); own != own_.end()) held = own->second;
  }
  if (!held) return fail(Failure::refused, "the claim is not held any more");
  WEIR_TRY(const Present present, look(service));
  const bool ours = present.claim && present.claim->revision == held->revision;
  if (ours && mutant("a-preempted-step-goes-on")) return {};
  if (ours && stands(held->claim, present.record ? &*present.record : nullptr)) return {};
  if (!ours) {
    const std::lock_guard lock(mutex_);
    own_.erase(service);
    return fail(Failure::refused, "the claim has changed since this step was decided");
  }
  return fail(Failure::refused, "failover has preempted the claim");
}

void Claims::give_up(const ServiceName& service) {
  std::optional<Held> held;
  {
    const std::lock_guard lock(mutex_);
    if (const auto own = own_.find(service); own != own_.end()) {
      held = own->second;
      own_.erase(own);
    }
  }
  if (held && is_ours(held->claim)) drop(service, *held);
}

void Claims::drop(const ServiceName& service, const Held& held) {
  const auto dropped = store::drop_claim(store_, setting_.keys, service, held.revision,
                                         world_.clock.within(kStoreLimit));
  if (dropped) return;
  say(world_.clock, Level::warning, "{}: cannot give up the claim for {} yet: {}", service.text,
      name_of(held.claim.capability), dropped.error().what);
  // A stray from now on, also where the watch has not shown it yet.
  const std::lock_guard lock(mutex_);
  Seen& seen = seen_[service];
  const bool others = !seen.held.claim.id.empty() && seen.held.claim.id != held.claim.id;
  if (!others) seen = {{held.claim, held.revision}, Instant{}};
}

// Ours in the store, and nobody here acts under it: taking it was answered too late, or giving it
// up not at all. It would keep everybody out for its whole duration.
std::vector<std::pair<ServiceName, Claims::Held>> Claims::strays() const {
  const Instant now = world_.clock.now();
  std::vector<std::pair<ServiceName, Held>> out;
  const std::lock_guard lock(mutex_);
  const auto held_as = [](const std::map<ServiceName, Held>& held, const ServiceName& service) {
    const auto found = held.find(service);
    return found == held.end() ? std::string() : found->second.claim.id;
  };
  for (const auto& [service, seen] : seen_) {
    const Claim& claim = seen.held.claim;
    const bool acted_under =
        held_as(own_, service) == claim.id || held_as(clients_, service) == claim.id;
    if (!was_ours(claim) || acted_under || now - seen.since < kStrayFor) continue;
    out.emplace_back(service, Held{claim, seen.held.revision, now, now});
  }
  return out;
}

bool Claims::acts_for(const ServiceName& service, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(service);
  return found != clients_.end() && found->second.claim.id == id;
}

Result<Json> Claims::take_for(const Json& body) {
  const ServiceName service(body["service"].text());
  const auto capability = capability_named(body["capability"].text());
  Claim wanted;
  wanted.id = body["id"].text();
  wanted.client = body["client"].text();
  wanted.lasts = Duration(body["lasts_ns"].integer());
  wanted.for_all = body["for_all"].boolean();
  const bool whole = !service.empty() && capability && *capability > Capability::failover &&
                     !wanted.id.empty() && !wanted.client.empty() &&
                     wanted.client.size() <= kClientTextMost && wanted.lasts > Duration::zero() &&
                     wanted.lasts <= kClientLastsMost;
  if (!whole) return fail(Failure::bad_data, "the request for a claim is not whole");
  wanted.capability = *capability;
  if (!acts_for(service, wanted.id)) {
    // The client's last command may have ended while the store was away.
    WEIR_TRY_(look(service));
    for (const auto& [name, held] : strays()) {
      if (name == service) drop(name, held);
    }
  }
  WEIR_TRY(Held held, acquire(service, wanted));
  const std::lock_guard lock(mutex_);
  if (const auto before = clients_.find(service);
      before != clients_.end() && before->second.claim.id == wanted.id) {
    held.taken = before->second.taken;
  }
  clients_[service] = held;
  return Json::object().set("format", kClaimFormat).set("claim", to_json(held.claim));
}

Result<Json> Claims::give_up_for(const Json& body) {
  const ServiceName service(body["service"].text());
  std::optional<Held> held;
  {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(service);
    if (found != clients_.end() && found->second.claim.id == body["id"].text()) {
      held = found->second;
      clients_.erase(found);
    }
  }
  if (held) drop(service, *held);
  return Json::object().set("format", kClaimFormat).set("given_up", held.has_value());
}

void Claims::turn() {
  const Instant now = world_.clock.now();
  std::vector<std::pair<ServiceName, Held>> over;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = clients_.begin(); it != clients_.end();) {
      const Held& held = it->second;
      const bool ends =
          now - held.heard >= setting_.timings.lease || now - held.taken >= held.claim.lasts;
      if (ends) over.emplace_back(it->first, held);
      it = ends ? clients_.erase(it) : std::next(it);
    }
  }
  for (const auto& [service, held] : over) {
    say(world_.clock, Level::warning, "{}: {} is not heard any more: its claim is given up",
        service.text, held.claim.client);
    drop(service, held);
  }
  for (const auto& [service, held] : strays()) drop(service, held);
}

}  // namespace weir::agent
