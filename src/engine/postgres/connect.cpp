// Parameter lists are kept apart from Session so that they can be tested without a server.
#include "engine/postgres/connect.h"

#include <fmt/format.h>

#include "engine/postgres/layout.h"

namespace weir::engine::postgres {
namespace {

// weir's own sessions never wait for a replica unless one says so (safety.md S7).
constexpr const char* kOptions = "-c synchronous_commit=local -c lock_timeout=10s";

}  // namespace

Parameters local_parameters(const Setting& setting, const Member& member,
                            const std::string& database) {
  return {{"host", layout_of(setting, member).socket},
          {"port", fmt::format("{}", member.port)},
          {"user", kSuperuser},
          {"dbname", database},
          {"application_name", "weir"},
          {"client_encoding", "UTF8"},
          {"options", kOptions}};
}

Parameters remote_parameters(const Setting& setting, const Member& member, const std::string& role,
                             const std::string& database) {
  const std::string own = setting.identity + "/" + setting.cert_name;
  return {{"host", member.host.text},
          {"hostaddr", member.address},
          {"port", fmt::format("{}", member.port)},
          {"user", role},
          {"dbname", database},
          {"sslmode", "verify-full"},
          {"sslrootcert", setting.identity + "/ca.crt"},
          {"sslcert", own + ".crt"},
          {"sslkey", own + ".key"},
          {"gssencmode", "disable"},
          {"application_name", "weir"},
          {"client_encoding", "UTF8"},
          {"tcp_user_timeout", "5000"},
          {"options", kOptions}};
}

Parameters replication_parameters(const Setting& setting, const Member& member) {
  Parameters parameters = remote_parameters(setting, member, kReplicationRole);
  std::erase_if(parameters, [](const auto& entry) { return entry.first == "options"; });
  parameters.emplace_back("replication", "true");
  return parameters;
}

std::string conninfo(const Parameters& parameters) {
  std::string out;
  for (const auto& [key, value] : parameters) {
    if (!out.empty()) out += ' ';
    out += key + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    out += '\'';
  }
  return out;
}

}  // namespace weir::engine::postgres
