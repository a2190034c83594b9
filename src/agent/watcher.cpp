// Lists once, then watches; lists again whenever the watch cannot promise to have missed nothing.
#include "agent/watcher.h"

#include <algorithm>

#include "base/text.h"
#include "world/log.h"

namespace weir::agent {
namespace {

constexpr Duration kListLimit = 2s;
constexpr Duration kWatchLimit = 2s;
constexpr Duration kPause = 200ms;

}  // namespace

Watcher::Watcher(World& world, store::Store& store, store::Keys keys, Ears ears)
    : world_(world), store_(store), keys_(std::move(keys)), ears_(std::move(ears)) {
  loop_ = std::make_unique<Loop>(world_, "watch", kPause, [this] { turn(); });
  loop_->start();
}

void Watcher::hear(const std::string& key, const std::string& value, store::Revision revision) {
  const bool desired = starts_with(key, keys_.desired());
  const bool record = starts_with(key, keys_.services()) && key.ends_with("/leadership");
  if (!desired && !record) return;
  const auto json = Json::parse(value);
  if (!json) {
    say(world_.clock, Level::error, "{} cannot be read: {}", key, json.error().what);
    return;
  }
  if (desired) {
    const auto service = service_from(*json);
    if (service) {
      ears_.service({*service, revision});
    } else {
      say(world_.clock, Level::error, "{}: {}", key, service.error().what);
    }
    return;
  }
  const auto leadership = record_from(*json);
  if (!leadership) {
    say(world_.clock, Level::error, "{}: {}", key, leadership.error().what);
    return;
  }
  const std::size_t begin = keys_.services().size();
  ears_.record(
      ServiceName(key.substr(begin, key.size() - begin - std::string("/leadership").size())),
      {*leadership, revision});
}

// The highest revision under the root is a safe place to watch from: renewals keep it young.
bool Watcher::read_all() {
  const auto entries = store_.list(keys_.root(), world_.clock.within(kListLimit));
  if (!entries) return false;
  after_ = 0;
  for (const store::Entry& entry : *entries) {
    after_ = std::max(after_, entry.revision);
    if (starts_with(entry.key, keys_.desired())) hear(entry.key, entry.value, entry.revision);
  }
  for (const store::Entry& entry : *entries) {
    if (!starts_with(entry.key, keys_.desired())) hear(entry.key, entry.value, entry.revision);
  }
  return true;
}

void Watcher::turn() {
  if (!listed_) {
    listed_ = read_all();
    if (!listed_) return;
  }
  while (!loop_->stopping()) {
    const auto watched = store_.watch(keys_.root(), after_, world_.clock.within(kWatchLimit));
    if (!watched) {
      listed_ = false;
      return;
    }
    for (const store::Event& event : watched->events) {
      if (event.value) hear(event.key, *event.value, event.revision);
    }
    after_ = std::max(after_, watched->revision);
  }
}

}  // namespace weir::agent
