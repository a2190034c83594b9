// Lists once, then watches; lists again whenever the watch cannot promise to have missed nothing.
#include "agent/watcher.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "world/log.h"

namespace weir::agent {
namespace {

constexpr Duration kListLimit = 2s;
constexpr Duration kWatchLimit = 2s;
constexpr Duration kPause = 200ms;
constexpr Duration kFirstPause = 20ms;  // the store of a new fleet comes up beside us
constexpr std::string_view kLeadership = "/leadership";
constexpr std::string_view kClaim = "/claim";
constexpr std::string_view kRenewal = "/renewal";
constexpr std::string_view kAgent = "/agent";

bool is_between(const std::string& key, const std::string& start, std::string_view end) {
  return starts_with(key, start) && key.ends_with(end) && key.size() > start.size() + end.size();
}

std::string between(const std::string& key, const std::string& start, std::string_view end) {
  return key.substr(start.size(), key.size() - start.size() - end.size());
}

}  // namespace

Watcher::Watcher(World& world, store::Store& store, store::Keys keys, Ears ears)
    : world_(world),
      store_(store),
      keys_(std::move(keys)),
      ears_(std::move(ears)),
      pause_(kFirstPause) {
  loop_ = std::make_unique<Loop>(world_, "watch", kPause, [this] { turn(); });
  loop_->start();
}

void Watcher::hear_service(const std::string& key, const Json& json, store::Revision revision) {
  const auto service = service_from(json);
  if (!service) {
    say(world_.clock, Level::error, "{}: {}", key, service.error().what);
    return;
  }
  declared_.insert(service->name);
  ears_.service({*service, revision});
}

void Watcher::hear_record(const std::string& key, const Json& json, store::Revision revision) {
  const auto leadership = record_from(json);
  if (!leadership) {
    say(world_.clock, Level::error, "{}: {}", key, leadership.error().what);
    return;
  }
  ears_.record(ServiceName(between(key, keys_.services(), kLeadership)), {*leadership, revision});
}

void Watcher::hear_claim(const std::string& key, const Json& json, store::Revision revision) {
  auto claim = claim_from(json);
  if (!claim) {
    say(world_.clock, Level::error, "{}: {}", key, claim.error().what);
    return;
  }
  ears_.claim(ServiceName(between(key, keys_.services(), kClaim)),
              store::HeldClaim{std::move(*claim), revision});
}

void Watcher::hear(const std::string& key, const std::string& value, store::Revision revision) {
  const bool desired = starts_with(key, keys_.desired());
  const bool record = is_between(key, keys_.services(), kLeadership);
  const bool claim = is_between(key, keys_.services(), kClaim);
  const bool renewal = is_between(key, keys_.hosts_live(), kRenewal);
  const bool revoked = key == keys_.revoked() && ears_.revoked;
  const bool agent = is_between(key, keys_.hosts_live(), kAgent) && ears_.agent;
  if (!desired && !record && !claim && !renewal && !revoked && !agent) return;
  const auto json = Json::parse(value);
  if (!json) {
    say(world_.clock, Level::error, "{} cannot be read: {}", key, json.error().what);
    return;
  }
  if (desired) hear_service(key, *json, revision);
  if (record) hear_record(key, *json, revision);
  if (claim) hear_claim(key, *json, revision);
  if (revoked) ears_.revoked(*json);
  if (agent) ears_.agent(HostName(between(key, keys_.hosts_live(), kAgent)), *json);
  if (renewal) ears_.renewal(HostName(between(key, keys_.hosts_live(), kRenewal)), *json);
}

void Watcher::hear_gone(const std::string& key) {
  if (starts_with(key, keys_.desired())) {
    hear_gone(ServiceName(key.substr(keys_.desired().size())));
  }
  if (!is_between(key, keys_.services(), kClaim)) return;
  ears_.claim(ServiceName(between(key, keys_.services(), kClaim)), std::nullopt);
}

void Watcher::hear_gone(const ServiceName& name) {
  declared_.erase(name);
  ears_.gone(name);
}

// The highest revision under the root is a safe place to watch from: renewals keep it young.
bool Watcher::read_all() {
  const auto entries = store_.list(keys_.root(), world_.clock.within(kListLimit));
  if (!entries) return false;
  after_ = 0;
  for (const ServiceName& name : std::set<ServiceName>(declared_)) {
    const auto there = std::ranges::find(*entries, keys_.desired(name), &store::Entry::key);
    if (there == entries->end()) hear_gone(name);
  }
  for (const store::Entry& entry : *entries) {
    after_ = std::max(after_, entry.revision);
    if (starts_with(entry.key, keys_.desired())) hear(entry.key, entry.value, entry.revision);
  }
  for (const store::Entry& entry : *entries) {
    if (!starts_with(entry.key, keys_.desired())) hear(entry.key, entry.value, entry.revision);
  }
  ears_.listed(after_);
  ears_.answered();
  return true;
}

void Watcher::turn() {
  if (!listed_) {
    listed_ = read_all();
    if (!listed_) {
      loop_->again_by(world_.clock.now() + pause_);
      pause_ = std::min(pause_ * 2, kPause);
      return;
    }
    pause_ = kFirstPause;
  }
  while (!loop_->stopping()) {
    const auto watched = store_.watch(keys_.root(), after_, world_.clock.within(kWatchLimit));
    if (!watched) {
      listed_ = false;
      return;
    }
    for (const store::Event& event : watched->events) {
      if (event.value) {
        hear(event.key, *event.value, event.revision);
      } else {
        hear_gone(event.key);
      }
    }
    after_ = std::max(after_, watched->revision);
    ears_.answered();
  }
}

}  // namespace weir::agent
