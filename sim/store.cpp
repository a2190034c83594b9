// An agent that dies between an effect and its answer has changed the store and does not know it;
// so has one whose answer was lost.
#include "sim/store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace weir::sim {
namespace {

constexpr Duration kLeast = 150us;
constexpr Duration kMost = 900us;
constexpr Duration kLateAtMost = 6s;
constexpr Duration kTtl = 6s;  // of a mutant

tl::unexpected<Error> dead() { return fail(Failure::cancelled, "the process was killed"); }
tl::unexpected<Error> unanswered(bool changes) {
  return fail(changes ? Failure::outcome_unknown : Failure::timed_out, "no answer from the store");
}

}  // namespace

void StoreServer::freeze(Instant now) {
  if (!frozen_) frozen_since_ = now;
  frozen_ = true;
}

// As a store that renewals hang on by a TTL: by its own clock nobody renewed while it stood still.
void StoreServer::revoke_renewals(Instant now) {
  const Deadline soon{now + 1s};
  const auto entries = kept_->list("", soon);
  WEIR_ASSERT(entries.has_value());
  for (const store::Entry& entry : *entries) {
    if (!entry.key.ends_with("/renewal")) continue;
    WEIR_ASSERT(kept_->commit({{entry.key, entry.revision, std::nullopt, 0}}, soon).has_value());
  }
}

void StoreServer::thaw(Instant now) {
  if (mutant("store-ttl") && frozen_ && now - frozen_since_ >= kTtl) revoke_renewals(now);
  frozen_ = false;
  for (const auto& request : std::exchange(held_, {})) request();
}

void StoreServer::fall_behind() {
  auto entries = kept_->list("", {});
  WEIR_ASSERT(entries.has_value());
  Behind behind{std::move(*entries), 0};
  for (const store::Entry& entry : behind.entries) {
    behind.revision = std::max(behind.revision, entry.revision);
  }
  behind_ = std::move(behind);
}

void StoreServer::heal(Instant now) {
  down_ = false;
  doubt_ = 0;
  watch_delay_ = {};
  behind_.reset();
  thaw(now);
}

Result<> SimStore::reach(std::string_view call, std::string_view detail, Deadline deadline,
                         bool changes) {
  if (!passage_.cross(call, detail, kLeast, kMost)) return dead();
  fibers_.sleep_until(fibers_.now() + net_.delay(host_, kStore));
  if (!net_.passes(host_, kStore)) {
    fibers_.sleep_until(deadline.at);
    return unanswered(changes);  // an open connection took it, and nothing came of it
  }
  if (server_.down_) return fail(Failure::unreachable, "cannot reach the store: refused");
  return {};
}

Result<> SimStore::come_back(Deadline deadline, bool changes) {
  if (!passage_.cross("store.answer", {}, kLeast, kMost)) return dead();
  fibers_.sleep_until(fibers_.now() + net_.delay(kStore, host_));
  if (server_.down_) return unanswered(changes);
  if (server_.frozen_ || !net_.passes(kStore, host_) || fibers_.now() >= deadline.at) {
    fibers_.sleep_until(deadline.at);
    return unanswered(changes);
  }
  return {};
}

// A change whose answer is lost: never done, done, or done when nobody waits for it any more.
bool SimStore::in_doubt(const std::function<void()>& effect) {
  if (!server_.random_.chance(server_.doubt_)) return false;
  switch (server_.random_.next() % 3) {
    case 0:
      break;
    case 1:
      effect();
      break;
    default:
      fibers_.at(fibers_.now() + server_.random_.between({}, kLateAtMost), effect);
  }
  return true;
}

template <class T>
Result<T> SimStore::ask(std::string_view call, std::string_view detail, Deadline deadline,
                        bool changes, const std::function<Result<T>()>& effect) {
  WEIR_TRY_(reach(call, detail, deadline, changes));
  if (server_.frozen_) {
    if (changes) server_.held_.push_back([effect] { (void)effect(); });
    fibers_.sleep_until(deadline.at);
    return unanswered(changes);
  }
  if (changes && in_doubt([effect] { (void)effect(); })) {
    // The connection breaks at once, or says nothing until the deadline.
    if (server_.random_.chance(0.5)) fibers_.sleep_until(deadline.at);
    return unanswered(true);
  }
  Result<T> out = effect();
  WEIR_TRY_(come_back(deadline, changes));
  return out;
}

Result<std::optional<store::Entry>> SimStore::get(const std::string& key, Deadline deadline) {
  return ask<std::optional<store::Entry>>("store.get", key, deadline, false,
                                          [&] { return server_.kept().get(key, deadline); });
}

Result<std::vector<store::Entry>> SimStore::list(const std::string& prefix, Deadline deadline) {
  const auto effect = [&]() -> Result<std::vector<store::Entry>> {
    if (!server_.behind_) return server_.kept().list(prefix, deadline);
    std::vector<store::Entry> out = server_.behind_->entries;
    std::erase_if(out, [&](const store::Entry& entry) { return !entry.key.starts_with(prefix); });
    return out;
  };
  return ask<std::vector<store::Entry>>("store.list", prefix, deadline, false, effect);
}

// By value: a late effect outlives the call. The memory behind it passes no time.
Result<store::Revision> SimStore::commit(const std::vector<store::Change>& changes,
                                         Deadline deadline) {
  const std::string_view key = changes.empty() ? std::string_view{} : changes[0].key;
  return ask<store::Revision>("store.commit", key, deadline, true,
                              [server = &server_, fibers = &fibers_, changes] {
                                return server->kept().commit(changes, {fibers->now() + 1s});
                              });
}

Result<store::Watched> SimStore::watch(const std::string& prefix, store::Revision after,
                                       Deadline deadline) {
  auto out = ask<store::Watched>("store.watch", prefix, deadline, false,
                                 [&] { return server_.kept().watch(prefix, after, deadline); });
  if (out && !out->events.empty() && server_.watch_delay_ > Duration{}) {
    fibers_.sleep_until(fibers_.now() + server_.random_.between({}, server_.watch_delay_));
  }
  if (out && server_.behind_) drop_news(*out, after, deadline);
  return out;
}

// What the store that lags behind has not heard of: whoever asks waits for it.
void SimStore::drop_news(store::Watched& watched, store::Revision after, Deadline deadline) {
  const store::Revision last = std::max(after, server_.behind_->revision);
  std::erase_if(watched.events, [&](const store::Event& e) { return e.revision > last; });
  watched.revision = std::min(watched.revision, last);
  if (watched.events.empty()) fibers_.sleep_until(deadline.at);
}

Result<store::LeaseId> SimStore::grant(Duration ttl, Deadline deadline) {
  return ask<store::LeaseId>("store.grant", {}, deadline, true,
                             [server = &server_, fibers = &fibers_, ttl] {
                               return server->kept().grant(ttl, {fibers->now() + 1s});
                             });
}

Result<> SimStore::renew(store::LeaseId lease, Deadline deadline) {
  return ask<void>("store.renew", {}, deadline, true,
                   [server = &server_, fibers = &fibers_, lease] {
                     return server->kept().renew(lease, {fibers->now() + 1s});
                   });
}

Result<> SimStore::revoke(store::LeaseId lease, Deadline deadline) {
  return ask<void>("store.revoke", {}, deadline, true,
                   [server = &server_, fibers = &fibers_, lease] {
                     return server->kept().revoke(lease, {fibers->now() + 1s});
                   });
}

}  // namespace weir::sim
