// One table of settings, with the reason for each where it is not the obvious one.
#include "engine/postgres/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/postgres/connect.h"
#include "engine/postgres/role_settings.h"

namespace weir::engine::postgres {
namespace {

struct Line {
  const char* name;
  const char* value;
};

// What a service may change by its own parameters.
constexpr Line kDefaults[] = {
    {"max_connections", "100"},
    {"checkpoint_timeout", "5min"},
    {"max_wal_size", "1GB"},
    {"log_checkpoints", "on"},
    {"log_line_prefix", "%m [%p] %q%u@%d "},
    // A dead peer is noticed within the time in which weir fails over.
    {"tcp_keepalives_idle", "5"},
    {"tcp_keepalives_interval", "1"},
    {"tcp_keepalives_count", "3"},
    {"tcp_user_timeout", "5s"},
    {"wal_receiver_timeout", "5s"},
    {"wal_sender_timeout", "5s"},
    {"wal_receiver_status_interval", "1s"},
    {"wal_keep_size", "512MB"},
    {"timezone", "UTC"},
    {"log_timezone", "UTC"},
};

// What weir's promises rest on: it comes after the service's parameters and wins.
constexpr Line kOwned[] = {
    {"wal_level", "replica"},
    {"hot_standby", "on"},
    {"wal_log_hints", "on"},
    {"full_page_writes", "on"},
    {"fsync", "on"},
    {"synchronous_commit", "on"},
    {"max_wal_senders", "16"},
    {"max_replication_slots", "16"},
    {"wal_retrieve_retry_interval", "200ms"},
    {"recovery_target_timeline", "latest"},
    // A backend's crash is repaired by the postmaster in place; the epoch does not change.
    {"restart_after_crash", "on"},
    {"ssl", "on"},
    {"ssl_min_protocol_version", "TLSv1.2"},
    {"password_encryption", "scram-sha-256"},
    // The guard gives the server its log file as standard error.
    {"log_destination", "stderr"},
    {"logging_collector", "off"},
};

bool is_loopback(const std::string& address) { return starts_with(address, "127."); }

std::string with_mask(const std::string& address) {
  return address + (address.find(':') == std::string::npos ? "/32" : "/128");
}

std::set<std::string> sources(const Member& member, const Service& service) {
  if (is_loopback(member.address)) return {"127.0.0.1/32"};
  std::set<std::string> out{with_mask(member.address)};
  for (const Member& other : service.all()) out.insert(with_mask(other.address));
  return out;
}

}  // namespace

std::string config_text(const Layout& layout, const Member& member, bool crl, bool copied) {
  std::string out = "# Written by weir; changes made here are overwritten.\n";
  const auto add = [&](std::string_view name, const std::string& value) {
    out += fmt::format("{} = {}\n", name, quote_setting(value));
  };
  for (const Line& line : kDefaults) add(line.name, line.value);
  if (copied) add("recovery_init_sync_method", "syncfs");
  out += fmt::format("include {}\n", quote_setting(layout.params_file));
  for (const Line& line : kOwned) add(line.name, line.value);
  add("listen_addresses", member.address);
  out += fmt::format("port = {}\n", member.port);
  add("unix_socket_directories", layout.socket);
  add("hba_file", layout.hba_file);
  add("ident_file", layout.ident_file);
  add("ssl_cert_file", layout.server_cert);
  add("ssl_key_file", layout.server_key);
  add("ssl_ca_file", layout.ca);
  if (crl) add("ssl_crl_file", layout.crl);
  add("cluster_name", member.service.text + "-" + member.name.text);
  out += fmt::format("include {}\n", quote_setting(layout.role_file));
  return out;
}

std::string params_text(const Service& service) {
  std::string out = "# From the fleet file; changes made here are overwritten.\n";
  for (const Resource& resource : service.resources) {
    if (resource.kind != "param") continue;
    const auto value = resource.attributes.find("value");
    if (value == resource.attributes.end()) continue;
    out += fmt::format("{} = {}\n", resource.name, quote_setting(value->second));
  }
  return out;
}

std::string hba_text(const Member& member, const Service& service, bool clients_let_in) {
  std::string out = "# Written by weir; the first line that fits decides.\n";
  out += fmt::format("local all {} peer map=weir_local\n", kSuperuser);
  const std::set<std::string> from = sources(member, service);
  for (const std::string& source : from) {
    out += fmt::format("hostssl replication {} {} cert map=weir\n", kReplicationRole, source);
    out += fmt::format("hostssl all {} {} cert map=weir\n", kRewindRole, source);
  }
  // The operator may sit on a host without a member of this service; the certificate decides.
  const std::set<std::string> anywhere{"0.0.0.0/0", "::/0"};
  for (const std::string& source : is_loopback(member.address) ? from : anywhere) {
    for (const char* role : {kMonitorRole, kOperatorRole}) {
      out += fmt::format("hostssl all {} {} cert map=weir\n", role, source);
    }
  }
  // No internal role ever by password, from wherever.
  const std::string internal = fmt::format("{},{},{},{},{}", kSuperuser, kReplicationRole,
                                           kRewindRole, kMonitorRole, kOperatorRole);
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    out += fmt::format("host all {} {} reject\n", internal, all);
    out += fmt::format("host replication all {} reject\n", all);
    if (clients_let_in) out += fmt::format("hostssl all all {} scram-sha-256\n", all);
  }
  return out;
}

std::string ident_text(const Service& service, const std::string& own_user,
                       const std::string& server_user) {
  std::string out = "# Written by weir: certificate or system user, and the role it may be.\n";
  std::set<std::string> users{own_user};
  if (!server_user.empty()) users.insert(server_user);
  for (const std::string& user : users) {
    out += fmt::format("weir_local \"{}\" {}\n", user, kSuperuser);
  }
  std::set<std::string> hosts;
  for (const Member& member : service.all()) hosts.insert(member.host.text);
  for (const std::string& host : hosts) {
    for (const char* role : {kReplicationRole, kRewindRole, kMonitorRole}) {
      out += fmt::format("weir \"{}\" {}\n", host, role);
    }
  }
  for (const char* role : {kOperatorRole, kMonitorRole}) {
    out += fmt::format("weir operator {}\n", role);
  }
  return out;
}

}  // namespace weir::engine::postgres
