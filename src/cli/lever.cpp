// weir drill --stop-all | --release: the key and its sentence.
#include "cli/lever.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/quantity.h"

namespace weir::cli {
namespace {

constexpr int kLeverFormat = 1;
constexpr Duration kStoreLimit = 5s;

}  // namespace

Result<std::string> read_lever(Session& session, Deadline deadline) {
  WEIR_TRY(const auto entry, session.store().get(session.keys().lever(), deadline));
  if (!entry) return std::string{};
  WEIR_TRY(const Json json, Json::parse(entry->value));
  // What a newer weir wrote stops drills all the same: only its words are unknown to us.
  const WallTime since(Duration(json["since_ns"].integer()));
  return fmt::format("all drills are stopped since {} by {}: {}", show(since),
                     json["by"].text("somebody"), json["reason"].text("no reason given"));
}

Result<> pull_lever(Session& session, const std::string& reason) {
  const Json lever =
      Json::object()
          .set("format", kLeverFormat)
          .set("by", fmt::format("weir drill --stop-all, uid {}", getuid()))
          .set("reason", reason.empty() ? "no reason given" : reason)
          .set("since_ns", std::int64_t{session.machine().clock.wall().time_since_epoch().count()});
  const auto pulled = session.store().commit({{session.keys().lever(), 0, lever.dump(), 0}},
                                             session.within(kStoreLimit));
  if (pulled || pulled.error().failure == Failure::conflict) return {};
  return fail(pulled.error());
}

Result<> release_lever(Session& session) {
  WEIR_TRY(const auto entry,
           session.store().get(session.keys().lever(), session.within(kStoreLimit)));
  if (!entry) {
    session.print("the safety lever was not pulled: drills may begin");
    return {};
  }
  WEIR_TRY_([&]() -> Result<> {
    const auto released = session.store().commit(
        {{session.keys().lever(), entry->revision, std::nullopt, 0}}, session.within(kStoreLimit));
    if (!released) return fail(released.error());
    return {};
  }());
  session.print("released: drills may begin again");
  return {};
}

}  // namespace weir::cli
