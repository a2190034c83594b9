// What two small files of a data folder say about whose it is.
#include "engine/postgres/whose_data.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "engine/postgres/notes.h"

namespace weir::engine::postgres {
namespace {

constexpr const char* kVersion = "15";

tl::unexpected<Error> not_ours(const std::string& data, const std::string& why) {
  return fail(Failure::bad_data, fmt::format("cannot use {}: {}; it was left untouched", data, why),
              "mv " + data + " " + data + ".foreign");
}

}  // namespace

// The control file begins with the identifier, as eight bytes of the machine.
Result<std::string> system_of(Files& files, const std::string& data) {
  const std::string path = data + "/global/pg_control";
  WEIR_TRY(const std::string control, files.read(path));
  std::uint64_t system = 0;
  if (control.size() < sizeof system) {
    return fail(Failure::bad_data, "cannot read " + path + ": it is cut short");
  }
  std::memcpy(&system, control.data(), sizeof system);
  return fmt::format("{}", system);
}

Result<> refuse_exchanged(Files& files, const Layout& layout) {
  const auto version = files.read(layout.data + "/PG_VERSION");
  if (!version) return {};
  if (trim(*version) != kVersion) {
    return not_ours(layout.data, fmt::format("its data is of PostgreSQL {}, and this member is of "
                                             "PostgreSQL {}",
                                             trim(*version), kVersion));
  }
  WEIR_TRY(const std::string noted, read_system(files, layout.incarnation));
  const auto found = system_of(files, layout.data);
  // What cannot be read shows at the start of the server, which says more about it.
  if (noted.empty() || !found || *found == noted) return {};
  return not_ours(layout.data, fmt::format("its data is of another cluster (system {}) than this "
                                           "member's (system {})",
                                           *found, noted));
}

}  // namespace weir::engine::postgres
