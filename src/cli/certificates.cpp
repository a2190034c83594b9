#include "cli/certificates.h"

#include <fmt/format.h>

#include "base/quantity.h"
#include "base/text.h"

namespace weir::cli {
namespace {

constexpr std::string_view kKey = "/cert";

std::string left_text(std::int64_t left_s) {
  const Duration left = std::chrono::seconds(left_s < 0 ? -left_s : left_s);
  return left_s < 0 ? show(left) + " ago" : "in " + show(left);
}

std::string revoked_text(const std::string& host) {
  return fmt::format(
      "it was revoked: to take the host back, weir token --host {}, then weir join "
      "there",
      host);
}

}  // namespace

Result<Json> certificates(Session& session) {
  const std::string prefix = session.keys().hosts_live();
  WEIR_TRY(const auto entries, session.store().list(prefix, session.within(3s)));
  const auto now =
      std::chrono::floor<std::chrono::seconds>(session.machine().clock.wall().time_since_epoch());
  const auto revoked = session.revoked().known();
  Json out = Json::array();
  for (const store::Entry& entry : entries) {
    if (!entry.key.ends_with(kKey)) continue;
    const auto told = Json::parse(entry.value);
    if (!told || !(*told)["until"].is_number()) continue;
    const std::int64_t until = (*told)["until"].integer();
    const std::string host =
        entry.key.substr(prefix.size(), entry.key.size() - prefix.size() - kKey.size());
    std::string trouble = (*told)["trouble"].text();
    // It cannot say so itself: nobody listens to it any more.
    if (revoked->revoked.contains((*told)["serial"].text())) trouble = revoked_text(host);
    out.add(Json::object()
                .set("host", host)
                .set("until", until)
                .set("left_s", until - std::int64_t{now.count()})
                .set("trouble", trouble));
  }
  return out;
}

std::string certificates_text(const Json& certificates) {
  const Json* first = nullptr;
  std::string troubles;
  for (const Json& each : certificates.items()) {
    if (first == nullptr || each["left_s"].integer() < (*first)["left_s"].integer()) first = &each;
    const std::string trouble = each["trouble"].text();
    if (!trouble.empty()) {
      troubles += fmt::format("\n  of {}: {}", each["host"].text(), trouble);
    }
  }
  if (first == nullptr) return "certificates: unknown, because no agent has told of any";
  const std::int64_t left = (*first)["left_s"].integer();
  return fmt::format("certificates: the first to end is that of host {}, {}{}",
                     (*first)["host"].text(), left_text(left), troubles);
}

}  // namespace weir::cli
