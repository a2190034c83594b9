// Parameter lists are kept apart from Session so that they can be tested without a server.
#include "engine/postgres/connect.h"

#include <fmt/format.h>

#include "engine/postgres/layout.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

// weir's own sessions never wait for a replica unless one says so (safety.md S7).
constexpr const char* kOptions = "-c synchronous_commit=local -c lock_timeout=10s";
// A probe that was given up must not go on for ever at the server.
constexpr const char* kMonitorOptions = "-c synchronous_commit=local -c statement_timeout=5s";

void put(Parameters& parameters, const std::string& key, const std::string& value) {
  for (auto& [name, old] : parameters) {
    if (name == key) {
      old = value;
      return;
    }
  }
  parameters.emplace_back(key, value);
}

void take_out(Parameters& parameters, const std::string& key) {
  std::erase_if(parameters, [&](const auto& entry) { return entry.first == key; });
}

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
          // libpq goes on without it where nothing was revoked and there is no such file.
          {"sslcrl", setting.identity + "/ca.crl"},
          {"sslcert", own + ".crt"},
          {"sslkey", own + ".key"},
          {"gssencmode", "disable"},
          {"application_name", "weir"},
          {"client_encoding", "UTF8"},
          {"tcp_user_timeout", "5000"},
          {"options", role == kMonitorRole ? kMonitorOptions : kOptions}};
}

Parameters replication_parameters(const Setting& setting, const Member& member) {
  Parameters parameters = remote_parameters(setting, member, kReplicationRole);
  take_out(parameters, "options");
  put(parameters, "replication", "true");
  return parameters;
}

Parameters program_parameters(const Setting& setting, const Member& own, const Member& target,
                              const std::string& role) {
  const Layout l = layout_of(setting, own);
  Parameters parameters = remote_parameters(setting, target, role);
  put(parameters, "sslrootcert", l.ca);
  put(parameters, "sslcrl", l.crl);
  put(parameters, "sslcert", l.server_cert);
  put(parameters, "sslkey", l.server_key);
  take_out(parameters, "options");
  if (role == kReplicationRole) take_out(parameters, "dbname");
  return parameters;
}

Parameters receiver_parameters(const Setting& setting, const Member& own,
                               const Incarnation& incarnation, const Upstream& upstream) {
  const Layout l = layout_of(setting, own);
  Parameters parameters = program_parameters(setting, own, upstream.leader, kReplicationRole);
  put(parameters, "sslcert", l.receiver_cert(upstream.epoch));
  put(parameters, "sslkey", l.receiver_key(upstream.epoch));
  put(parameters, "application_name", application_name({own.name, incarnation}));
  take_out(parameters, "client_encoding");
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
