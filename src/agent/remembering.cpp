// Files of a few kilobytes, written whole: the record changes seldom.
#include "agent/remembering.h"

#include <fmt/format.h>

namespace weir::agent {
namespace {

constexpr std::string_view kEnding = ".json";

}  // namespace

std::string Remembering::path(const ServiceName& service) const {
  return folder_ + "/" + service.text + std::string(kEnding);
}

Result<> Remembering::load() {
  WEIR_TRY_(files_.make_folder(folder_, 0700));
  WEIR_TRY(const auto names, files_.list(folder_));
  for (const std::string& name : names) {
    if (!name.ends_with(kEnding)) continue;
    const std::string file = folder_ + "/" + name;
    WEIR_TRY(const std::string text, files_.read(file));
    const auto json = Json::parse(text);
    auto remembered = json ? remembered_from(*json) : fail(json.error());
    if (!remembered) {
      return fail(remembered.error().failure,
                  fmt::format("cannot read {}: {}", file, remembered.error().what));
    }
    const std::lock_guard lock(mutex_);
    kept_[remembered->desired.name] = std::move(*remembered);
  }
  return {};
}

std::map<ServiceName, Remembered> Remembering::all() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

Result<> Remembering::keep(const Remembered& remembered) {
  WEIR_TRY_(files_.write(path(remembered.desired.name), to_json(remembered).dump()));
  const std::lock_guard lock(mutex_);
  kept_[remembered.desired.name] = remembered;
  return {};
}

Result<> Remembering::forget(const ServiceName& service) {
  WEIR_TRY_(files_.remove(path(service)));
  const std::lock_guard lock(mutex_);
  kept_.erase(service);
  return {};
}

}  // namespace weir::agent
