// Publication never delays a decision: it has loops of its own, and what cannot be said waits.
#include "agent/publisher.h"

#include <fmt/format.h>

namespace weir::agent {
namespace {

constexpr Duration kPutLimit = 800ms;
constexpr Duration kNewsPause = 250ms;
constexpr std::size_t kWaitingMax = 1000;
constexpr std::int64_t kEntriesKept = 200;

}  // namespace

Publisher::Publisher(World& world, store::Store& store, const Setting& setting, Tell tell)
    : world_(world), store_(store), setting_(setting), tell_(std::move(tell)) {
  news_ = std::make_unique<Loop>(world_, "publish", kNewsPause, [this] { publish(); });
  news_->start();
}

void Publisher::stop() { news_->stop(); }

void Publisher::join() { news_->join(); }

void Publisher::add(const journal::Entry& entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_back(entry);
  if (entries_.size() > kWaitingMax) entries_.pop_front();
}

Result<> Publisher::put(const std::string& key, const std::string& value) {
  store::Revision expected = 0;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = last_.find(key);
    known = found != last_.end();
    if (known) expected = found->second.revision;
  }
  if (!known) {
    WEIR_TRY(const auto entry, store_.get(key, world_.clock.within(kPutLimit)));
    if (entry) expected = entry->revision;
  }
  const auto revision = store_.commit({{key, expected, value, 0}}, world_.clock.within(kPutLimit));
  const Instant now = world_.clock.now();
  const std::lock_guard lock(mutex_);
  if (!revision) {
    last_.erase(key);  // look again before the next try
    return fail(revision.error());
  }
  last_[key] = {*revision, value, now};
  return {};
}

// What is already gone, or cannot be dropped now, is no loss: the journal itself is on this host.
void Publisher::drop(const std::string& key) {
  const auto entry = store_.get(key, world_.clock.within(kPutLimit));
  if (entry && *entry) {
    (void)store_.commit({{key, (*entry)->revision, std::nullopt, 0}},
                        world_.clock.within(kPutLimit));
  }
  const std::lock_guard lock(mutex_);
  last_.erase(key);
}

void Publisher::publish() {
  while (true) {
    journal::Entry entry;
    {
      const std::lock_guard lock(mutex_);
      if (entries_.empty()) break;
      // Taken out meanwhile: what overflows while we write is the oldest of the others.
      entry = std::move(entries_.front());
      entries_.pop_front();
    }
    const std::string base = setting_.keys.journal(setting_.host);
    if (!put(fmt::format("{}{:010}", base, entry.number), journal::to_json(entry).dump())) {
      const std::lock_guard lock(mutex_);
      entries_.push_front(std::move(entry));
      return;  // the store is away: later
    }
    if (entry.number > kEntriesKept) {
      drop(fmt::format("{}{:010}", base, entry.number - kEntriesKept));
    }
  }
  const Instant now = world_.clock.now();
  for (const auto& [key, json] : tell_()) {
    const std::string value = json.dump();
    {
      const std::lock_guard lock(mutex_);
      const auto found = last_.find(key);
      const bool same = found != last_.end() && found->second.value == value &&
                        now - found->second.at < setting_.timings.sighting_every;
      if (same) continue;
    }
    if (!put(key, value)) return;
  }
}

}  // namespace weir::agent
