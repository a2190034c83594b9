#include "cli/passwords.h"

#include <fmt/format.h>

#include "access/access.h"

namespace weir::cli {
namespace {

constexpr std::string_view kVerifier = "SCRAM-SHA-256$";

std::string password_of(const Service* service, const Resource& role) {
  if (service == nullptr) return {};
  for (const Resource& resource : service->resources) {
    if (resource.kind != role.kind || resource.name != role.name) continue;
    const auto password = resource.attributes.find("password");
    if (password != resource.attributes.end()) return password->second;
  }
  return {};
}

std::set<std::string> hosts_of(const Service& service) {
  std::set<std::string> hosts;
  for (const Member& member : service.members) hosts.insert(member.host.text);
  return hosts;
}

// An earlier weir wrote verifiers as they are; those go on as they are.
bool serves_on(const std::string& before, const std::set<std::string>& hosts) {
  if (before.starts_with(kVerifier)) return true;
  const auto sealed = access::sealed_for(before);
  return sealed && *sealed == hosts;
}

// The password that is there, so that another set of hosts changes it for nobody; else a new one.
Result<std::string> kept_or_new(Machine& machine, const std::string& folder,
                                const std::string& role, bool known) {
  const std::string path = folder + "/" + role;
  if (const auto kept = machine.files.read(path)) return *kept;
  if (known) {
    return fail(Failure::not_found,
                fmt::format("cannot seal the password of role {} for other hosts: {} is not here",
                            role, path),
                "type it where that file is, or give the role another password");
  }
  const std::string secret = access::new_password(machine.random);
  WEIR_TRY_(machine.files.make_folder(folder, 0700));
  WEIR_TRY_(machine.files.write(path, secret, 0600));
  return secret;
}

}  // namespace

Result<> generate_passwords(Session& session, Service& service, const Service* known) {
  Machine& machine = session.machine();
  const std::set<std::string> hosts = hosts_of(service);
  for (Resource& resource : service.resources) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end() || password->second != "generated") continue;
    const std::string before = password_of(known, resource);
    if (serves_on(before, hosts)) {
      password->second = before;
      continue;
    }
    WEIR_TRY(const std::string secret,
             kept_or_new(machine, session.place().secrets() + "/" + service.name.text,
                         resource.name, access::is_sealed(before)));
    WEIR_TRY(const std::string verifier, access::scram_verifier(secret, machine.random));
    std::map<std::string, std::string> keys;
    for (const std::string& host : hosts) {
      WEIR_TRY(keys[host], access::seal_of(machine.files, session.place().ca(), host));
    }
    WEIR_TRY(password->second, access::seal(keys, verifier));
  }
  return {};
}

}  // namespace weir::cli
