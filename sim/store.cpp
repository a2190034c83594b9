// An agent that dies between an effect and its answer has changed the store and does not know it.
#include "sim/store.h"

namespace weir::sim {
namespace {

constexpr Duration kLeast = 150us;
constexpr Duration kMost = 900us;

tl::unexpected<Error> dead() { return fail(Failure::cancelled, "the process was killed"); }

}  // namespace

bool SimStore::there(std::string_view call, std::string_view detail) {
  return passage_.cross(call, detail, kLeast, kMost);
}

bool SimStore::back() { return passage_.cross("store.answer", {}, kLeast, kMost); }

Result<std::optional<store::Entry>> SimStore::get(const std::string& key, Deadline deadline) {
  if (!there("store.get", key)) return dead();
  auto out = inner_.get(key, deadline);
  if (!back()) return dead();
  return out;
}

Result<std::vector<store::Entry>> SimStore::list(const std::string& prefix, Deadline deadline) {
  if (!there("store.list", prefix)) return dead();
  auto out = inner_.list(prefix, deadline);
  if (!back()) return dead();
  return out;
}

Result<store::Revision> SimStore::commit(const std::vector<store::Change>& changes,
                                         Deadline deadline) {
  if (!there("store.commit", changes.empty() ? std::string_view{} : changes[0].key)) return dead();
  auto out = inner_.commit(changes, deadline);
  if (!back()) return dead();
  return out;
}

Result<store::Watched> SimStore::watch(const std::string& prefix, store::Revision after,
                                       Deadline deadline) {
  if (!there("store.watch", prefix)) return dead();
  auto out = inner_.watch(prefix, after, deadline);
  if (!back()) return dead();
  return out;
}

Result<store::LeaseId> SimStore::grant(Duration ttl, Deadline deadline) {
  if (!there("store.grant", {})) return dead();
  auto out = inner_.grant(ttl, deadline);
  if (!back()) return dead();
  return out;
}

Result<> SimStore::renew(store::LeaseId lease, Deadline deadline) {
  if (!there("store.renew", {})) return dead();
  auto out = inner_.renew(lease, deadline);
  if (!back()) return dead();
  return out;
}

Result<> SimStore::revoke(store::LeaseId lease, Deadline deadline) {
  if (!there("store.revoke", {})) return dead();
  auto out = inner_.revoke(lease, deadline);
  if (!back()) return dead();
  return out;
}

}  // namespace weir::sim
