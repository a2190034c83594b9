// What a member durably knows beside its data: small JSON files, each replaced atomically.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/epoch.h"
#include "model/names.h"
#include "model/promise.h"
#include "world/world.h"

namespace weir::engine::postgres {

// promise.json (safety.md S6). `round` 0: no promise is held; `last` never shrinks.
struct PromiseNote {
  std::int64_t round = 0;
  std::int64_t last = 0;
  std::optional<Promise> promise;  // the answer that was given, while `round` is held
};
// follows.json: whom the replica was last pointed at. Removed when it is promoted.
struct FollowNote {
  Epoch epoch;
  MemberName leader;
};

// Absent files read as empty notes; damaged ones are bad_data.
Result<PromiseNote> read_promise(Files& files, const std::string& path);
Result<> write_promise(Files& files, const std::string& path, const PromiseNote& note);
Result<FollowNote> read_follows(Files& files, const std::string& path);
Result<> write_follows(Files& files, const std::string& path, const FollowNote& note);
// leads.json: the epoch that the member was last made leader of.
Result<Epoch> read_leads(Files& files, const std::string& path);
Result<> write_leads(Files& files, const std::string& path, const Epoch& epoch);
// incarnation.json: written last by create and copy, so its presence says that the data is whole.
// `system` is the identifier of the cluster to which that data belongs; notes of before lack it.
Result<Incarnation> read_incarnation(Files& files, const std::string& path);
Result<std::string> read_system(Files& files, const std::string& path);
Result<> write_incarnation(Files& files, const std::string& path, const Incarnation& incarnation,
                           const std::string& system);

}  // namespace weir::engine::postgres
