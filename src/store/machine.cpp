// Plans and installs the store's transactions.
#include "store/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/text.h"

namespace weir::store {
namespace {

constexpr std::size_t kAnswerBytesMax = 4u << 20;
constexpr Duration kTtlMax = std::chrono::hours(24 * 365);

std::size_t bytes_of(const Event& event) {
  return sizeof(Event) + event.key.size() + (event.value ? event.value->size() : 0);
}

Result<> check_one(const Change& change) {
  if (change.key.empty()) return fail(Failure::bad_data, "cannot change a key without a name");
  if (change.key.size() > kKeyBytesMax)
    return fail(Failure::bad_data, fmt::format("cannot store a key of {} bytes, {} are allowed",
                                               change.key.size(), kKeyBytesMax));
  if (!is_utf8(change.key)) return fail(Failure::bad_data, "cannot store a key that is not UTF-8");
  if (!change.value) return {};
  if (change.value->size() > kValueBytesMax)
    return fail(Failure::bad_data,
                fmt::format("cannot store {}, its value has {} bytes and {} are allowed",
                            change.key, change.value->size(), kValueBytesMax));
  if (!is_utf8(*change.value))
    return fail(Failure::bad_data, "cannot store " + change.key + ", its value is not UTF-8");
  return {};
}

tl::unexpected<Error> no_lease(LeaseId lease) {
  return fail(Failure::not_found, fmt::format("lease {} is gone, it ended or never was", lease));
}

}  // namespace

Result<> check(const std::vector<Change>& changes) {
  if (changes.size() > kChangesMax)
    return fail(Failure::bad_data, fmt::format("cannot make {} changes at once, {} are allowed",
                                               changes.size(), kChangesMax));
  std::set<std::string_view> keys;
  for (const Change& change : changes) {
    WEIR_TRY_(check_one(change));
    if (!keys.insert(change.key).second)
      return fail(Failure::bad_data, "cannot change " + change.key + " twice in one transaction");
  }
  return {};
}

Machine::Machine(Snapshot snapshot, Instant now, Window window)
    : window_(window),
      revision_(snapshot.revision),
      last_lease_(snapshot.last_lease),
      forgotten_(snapshot.revision) {
  for (const Granted& lease : snapshot.leases) {
    leases_[lease.id] = {lease.ttl, now + lease.ttl, {}};
    ends_.emplace(now + lease.ttl, lease.id);
  }
  for (Snapshot::Kept& kept : snapshot.entries) {
    const auto lease = leases_.find(kept.lease);
    WEIR_ASSERT(kept.lease == 0 || lease != leases_.end());
    if (lease != leases_.end()) lease->second.keys.insert(kept.entry.key);
    std::string key = kept.entry.key;
    entries_.emplace(std::move(key), std::move(kept));
  }
}

Result<Delta> Machine::plan_commit(const std::vector<Change>& changes) const {
  WEIR_TRY_(check(changes));
  Delta delta{revision_, {}, {}, {}};
  for (const Change& change : changes) {
    const auto found = entries_.find(change.key);
    const Revision stands = found == entries_.end() ? 0 : found->second.entry.revision;
    if (stands != change.expected)
      return fail(Failure::conflict, fmt::format("{} stands at revision {}, expected was {}",
                                                 change.key, stands, change.expected));
    if (change.value && change.lease != 0 && !leases_.contains(change.lease))
      return no_lease(change.lease);
    if (!change.value && stands == 0) continue;  // "must be absent" is a condition without effect
    delta.writes.push_back({change.key, change.value, change.value ? change.lease : 0});
  }
  if (!delta.writes.empty()) ++delta.revision;
  return delta;
}

Result<Delta> Machine::plan_grant(Duration ttl) const {
  if (ttl <= Duration::zero() || ttl > kTtlMax)
    return fail(Failure::bad_data,
                "cannot grant a lease, its time must be more than nothing and at most 365 days");
  return Delta{revision_, {}, {}, Granted{last_lease_ + 1, ttl}};
}

Result<Delta> Machine::plan_revoke(LeaseId lease) const {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return no_lease(lease);
  Delta delta{revision_, {}, {lease}, {}};
  for (const std::string& key : found->second.keys) delta.writes.push_back({key, std::nullopt, 0});
  if (!delta.writes.empty()) ++delta.revision;
  return delta;
}

Delta Machine::plan_expiry(Instant now) const {
  Delta delta{revision_, {}, {}, {}};
  for (const auto& [ends, id] : ends_) {
    if (ends > now) break;
    delta.ended.push_back(id);
    for (const std::string& key : leases_.at(id).keys)
      delta.writes.push_back({key, std::nullopt, 0});
  }
  if (!delta.writes.empty()) ++delta.revision;
  return delta;
}

void Machine::install(const Delta& delta, Instant now) {
  WEIR_ASSERT(delta.revision == revision_ + (delta.writes.empty() ? 0 : 1));
  revision_ = delta.revision;
  for (const Write& write : delta.writes) put(write, delta.revision);
  for (const LeaseId id : delta.ended) {
    const auto lease = leases_.find(id);
    ends_.erase({lease->second.ends, id});
    leases_.erase(lease);
  }
  if (delta.granted) {
    const Instant ends = now + delta.granted->ttl;
    leases_[delta.granted->id] = {delta.granted->ttl, ends, {}};
    ends_.emplace(ends, delta.granted->id);
    last_lease_ = delta.granted->id;
  }
  forget_oldest();
}

void Machine::put(const Write& write, Revision revision) {
  const auto found = entries_.find(write.key);
  if (found != entries_.end()) {
    const auto lease = leases_.find(found->second.lease);
    if (lease != leases_.end()) lease->second.keys.erase(write.key);
  }
  if (write.value) {
    entries_[write.key] = {{write.key, *write.value, revision}, write.lease};
    if (write.lease != 0) leases_.at(write.lease).keys.insert(write.key);
  } else if (found != entries_.end()) {
    entries_.erase(found);
  }
  events_.push_back({write.key, write.value, revision});
  event_bytes_ += bytes_of(events_.back());
}

// Whole transactions only: a watcher never sees half of one.
void Machine::forget_oldest() {
  while (!events_.empty() &&
         (events_.size() > window_.events_max || event_bytes_ > window_.bytes_max)) {
    forgotten_ = events_.front().revision;
    while (!events_.empty() && events_.front().revision == forgotten_) {
      event_bytes_ -= bytes_of(events_.front());
      events_.pop_front();
    }
  }
}

Result<> Machine::renew(LeaseId lease, Instant now) {
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.ends <= now) return no_lease(lease);
  ends_.erase({found->second.ends, lease});
  found->second.ends = now + found->second.ttl;
  ends_.emplace(found->second.ends, lease);
  return {};
}

std::optional<Entry> Machine::get(const std::string& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second.entry;
}

std::vector<Entry> Machine::list(const std::string& prefix) const {
  std::vector<Entry> out;
  for (auto at = entries_.lower_bound(prefix); at != entries_.end(); ++at) {
    if (!starts_with(at->first, prefix)) break;
    out.push_back(at->second.entry);
  }
  return out;
}

Result<Watched> Machine::watch(const std::string& prefix, Revision after) const {
  if (after < forgotten_ || after > revision_)
    return fail(Failure::conflict,
                fmt::format("the events after revision {} are not kept, the store knows {} to {}",
                            after, forgotten_, revision_));
  Watched out{{}, revision_};
  std::size_t bytes = 0;
  auto at = std::upper_bound(events_.begin(), events_.end(), after,
                             [](Revision r, const Event& event) { return r < event.revision; });
  for (; at != events_.end(); ++at) {
    if (!starts_with(at->key, prefix)) continue;
    if (bytes > kAnswerBytesMax && at->revision != out.events.back().revision) {
      out.revision = out.events.back().revision;
      break;
    }
    bytes += bytes_of(*at);
    out.events.push_back(*at);
  }
  return out;
}

std::optional<Instant> Machine::next_expiry() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.begin()->first;
}

}  // namespace weir::store
