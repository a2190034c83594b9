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

Result<store::Revision> Publisher::revision_of(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = last_.find(key);
    if (found != last_.end()) return found->second.revision;
  }
  WEIR_TRY(const auto entry, store_.get(key, world_.clock.within(kPutLimit)));
  return entry ? entry->revision : 0;
}

// All in one write, which everybody who watches hears of once.
Result<> Publisher::put(const std::map<std::string, Json>& all) {
  std::vector<store::Change> changes;
  for (const auto& [key, json] : all) {
    WEIR_TRY(const store::Revision expected, revision_of(key));
    changes.push_back({key, expected, json.dump(), 0});
  }
  const auto revision = store_.commit(changes, world_.clock.within(kPutLimit));
  const Instant now = world_.clock.now();
  const std::lock_guard lock(mutex_);
  for (const auto& [key, json] : all) {
    if (revision) {
      last_[key] = {*revision, json, now};
    } else {
      last_.erase(key);  // look again before the next try
    }
  }
  if (!revision) return fail(revision.error());
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
    if (!put({{fmt::format("{}{:010}", base, entry.number), journal::to_json(entry)}})) {
      const std::lock_guard lock(mutex_);
      entries_.push_front(std::move(entry));
      return;  // the store is away: later
    }
    if (entry.number > kEntriesKept) {
      drop(fmt::format("{}{:010}", base, entry.number - kEntriesKept));
    }
  }
  publish_facts();
}

void Publisher::publish_facts() {
  const Instant now = world_.clock.now();
  std::map<std::string, Json> due;
  for (auto& [key, json] : tell_()) {
    const std::lock_guard lock(mutex_);
    const auto found = last_.find(key);
    const bool same = found != last_.end() && found->second.value == json &&
                      now - found->second.at < setting_.timings.sighting_every;
    if (!same && due.size() < store::kChangesMax) due.emplace(key, std::move(json));
  }
  if (!due.empty()) (void)put(due);  // what could not be said is due again
}

}  // namespace weir::agent
