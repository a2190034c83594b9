// A renewal says to everybody that for six seconds more nobody else may lead what this host leads.
// It goes out only while every guard can be relied on to fence sooner than that.
#include "agent/lease.h"

#include <algorithm>

#include "base/mutant.h"
#include "world/log.h"

namespace weir::agent {
namespace {

constexpr Duration kStoreLimit = 800ms;
constexpr Duration kHoldLimit = 2500ms;  // a second for the guard, the rest for another one
constexpr Duration kRetry = 200ms;       // at most: as often as it is renewed

}  // namespace

Lease::Lease(World& world, store::Store& store, const Setting& setting, AgentLife life, Ears ears)
    : world_(world),
      store_(store),
      setting_(setting),
      ears_(std::move(ears)),
      life_(std::move(life)) {
  loop_ = std::make_unique<Loop>(world_, "lease", setting_.timings.renewal, [this] { turn(); });
  loop_->start();
}

// Others count from the moment at which they saw a renewal, which is never before it was sent.
void Lease::turn() {
  Clock& clock = world_.clock;
  const Duration lease = setting_.timings.lease;
  if (ears_.given_up(life_)) begin_anew("a record is better off without it");
  if (sent_ != Instant{} && clock.now() - sent_ >= lease) begin_anew("it was not renewed in time");
  if (!hold(ears_.wards(life_))) {
    loop_->again_by(clock.now() + std::min(kRetry, setting_.timings.renewal));
    return;
  }
  const auto sent = renew_or_extend();
  if (!sent) {
    loop_->again_by(clock.now() + std::min(kRetry, setting_.timings.renewal));
    return;
  }
  const Instant answered = clock.now();
  if (sent_ != Instant{} && answered - sent_ >= lease) {
    // It may have come after somebody's last look.
    begin_anew("its renewal came too late");
    loop_->ring();
    return;
  }
  sent_ = mutant("lease-counted-from-the-reply") ? answered : *sent;
  hold(ears_.wards(life_));
}

// A lost lease is never renewed in the same life: each leader of this host confirms itself anew.
void Lease::begin_anew(const char* because) {
  life_ = AgentLife(world_.random.id());
  count_ = 0;
  sent_ = Instant{};
  say(world_.clock, Level::warning, "the lease of this host is given up: {}", because);
  ears_.began_anew(life_);
}

// Every guard has answered for the deadline, or its server is fenced. Only a server that is being
// fenced, or cannot be, makes it false.
bool Lease::hold(const std::vector<Ward>& wards) {
  if (sent_ == Instant{}) return true;  // nobody counts on this life yet
  bool all = true;
  for (const Ward& ward : wards) {
    const auto held = world_.servers.hold(ward.server, sent_ + setting_.timings.guard_deadline,
                                          world_.clock.within(kHoldLimit));
    if (held) {
      ward.held();
      continue;
    }
    if (held.error().failure == Failure::refused) {
      all = false;  // the guard is at it, and gently first
      continue;
    }
    say(world_.clock, Level::warning, "{} is fenced: {}", ward.server, held.error().what);
    all = ward.fence().has_value() && all;
  }
  return all;
}

// When what keeps the lease was sent. Whatever the store's error is, but for a write of somebody
// else that it has proven, the others may extend what it cannot renew; and only what the guards
// still hold, since a server that is fenced is not to delay its successor.
Result<Instant> Lease::renew_or_extend() {
  const Instant sent = world_.clock.now();
  const auto renewed = renew();
  if (renewed) return sent;
  if (renewed.error().failure == Failure::conflict) return fail(renewed.error());
  const Instant asked = world_.clock.now();
  const bool held = sent_ != Instant{} && asked - sent_ < setting_.timings.guard_deadline;
  if (!held || !ears_.extended(life_)) return fail(renewed.error());
  return asked;
}

// The key of a renewal is made by apply and join only: nothing is created here (safety.md S1).
Result<> Lease::renew() {
  const std::string key = setting_.keys.renewal(setting_.host);
  if (!revision_) {
    WEIR_TRY(const auto entry, store_.get(key, world_.clock.within(kStoreLimit)));
    if (!entry && !mutant("store-ttl")) return fail(Failure::not_found, "no key " + key);
    revision_ = entry ? entry->revision : 0;
  }
  const Json value = Json::object()
                         .set("format", kWireFormat)
                         .set("incarnation", life_.text)
                         .set("count", ++count_);
  const auto written =
      store_.commit({{key, *revision_, value.dump(), 0}}, world_.clock.within(kStoreLimit));
  revision_.reset();
  if (!written) return fail(written.error());
  revision_ = *written;
  return {};
}

}  // namespace weir::agent
