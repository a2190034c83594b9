// weir apply -f FILE: the desired fleet goes to the store; the agents converge.
#include <fmt/format.h>

#include "access/access.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "provision/provision.h"

namespace weir::cli {
namespace {

constexpr Duration kWriteLimit = 5s;

Result<> write_if_absent(Session& session, const std::string& key, const Json& value) {
  WEIR_TRY(const auto entry, session.store().get(key, session.within(kWriteLimit)));
  if (entry) return {};
  const auto written =
      session.store().commit({{key, 0, value.dump(), 0}}, session.within(kWriteLimit));
  if (!written && written.error().failure != Failure::conflict) return fail(written.error());
  return {};
}

const Resource* same_role(const Service* known, const Resource& role) {
  if (known == nullptr) return nullptr;
  for (const Resource& resource : known->resources) {
    if (resource.kind == role.kind && resource.name == role.name) return &resource;
  }
  return nullptr;
}

// A generated password is made here, kept in a 0600 file for its owner, and goes on as a verifier:
// no secret in clear leaves this function (safety.md S15).
Result<> generate_passwords(Session& session, Service& service, const Service* known) {
  Machine& machine = session.machine();
  for (Resource& resource : service.resources) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end() || password->second != "generated") continue;
    const Resource* before = same_role(known, resource);
    if (before != nullptr && before->attributes.contains("password") &&
        before->attributes.at("password").starts_with("SCRAM-SHA-256$")) {
      password->second = before->attributes.at("password");
      continue;
    }
    const std::string secret = access::new_password(machine.random);
    const std::string folder = session.place().secrets() + "/" + service.name.text;
    WEIR_TRY_(machine.files.make_folder(folder, 0700));
    WEIR_TRY_(machine.files.write(folder + "/" + resource.name, secret, 0600));
    std::string salt;
    for (int i = 0; i < 2; ++i) {
      const std::uint64_t word = machine.random.next();
      for (unsigned shift = 0; shift < 64; shift += 8) salt += static_cast<char>(word >> shift);
    }
    WEIR_TRY(password->second, access::scram_verifier(secret, salt));
  }
  return {};
}

Result<bool> write_service(Session& session, Service service) {
  WEIR_TRY(const auto known, store::read_desired(session.store(), session.keys(), service.name,
                                                 session.within(kWriteLimit)));
  WEIR_TRY_(generate_passwords(session, service, known ? &known->service : nullptr));
  WEIR_TRY(const auto record, store::read_record(session.store(), session.keys(), service.name,
                                                 session.within(kWriteLimit)));
  if (!record) {
    WEIR_TRY_(refuse_if_remembered(session, service));
    // The record first: an agent that sees the service finds who is to make its data.
    WEIR_TRY_([&]() -> Result<> {
      const auto written =
          store::write_record(session.store(), session.keys(), service.name,
                              provision::first_record(service), 0, session.within(kWriteLimit));
      if (!written) return fail(written.error());
      return {};
    }());
  }
  if (known && known->service == service) return false;
  const auto written =
      store::write_desired(session.store(), session.keys(), service, known ? known->revision : 0,
                           session.within(kWriteLimit));
  if (!written) return fail(written.error());
  return true;
}

}  // namespace

Result<Fleet> load_fleet(Session& session) {
  if (session.options().file.empty()) {
    return fail(Failure::bad_config, "which fleet file? none was given", "weir up -f fleet.yaml");
  }
  return config::load(session.machine().files, session.options().file);
}

Result<> refuse_unsupported(const Fleet& fleet) {
  std::string sentences;
  for (const Service& service : fleet.services) {
    for (const std::string& sentence : provision::unsupported(service)) {
      sentences += (sentences.empty() ? "" : "\n") + sentence;
    }
  }
  if (sentences.empty()) return {};
  return fail(Failure::refused, sentences);
}

Result<> write_frame(Session& session, const std::vector<Host>& hosts) {
  const store::Keys keys = session.keys();
  WEIR_TRY_(
      write_if_absent(session, keys.meta(),
                      Json::object().set("format", 1).set("fleet", session.place().fleet.text)));
  for (const Host& host : hosts) {
    WEIR_TRY_(store::create_renewal(session.store(), keys, host.name, session.within(kWriteLimit)));
  }
  return {};
}

Result<bool> write_desired(Session& session, const Fleet& fleet) {
  WEIR_TRY_(write_frame(session, fleet.hosts));
  bool changed = false;
  for (const Service& service : fleet.services) {
    WEIR_TRY(const bool wrote, write_service(session, service));
    changed = changed || wrote;
  }
  return changed;
}

namespace {

Result<> apply(Session& session) {
  WEIR_TRY(const Fleet fleet, load_fleet(session));
  WEIR_TRY_(refuse_unsupported(fleet));
  WEIR_TRY_(session.open());
  if (session.facts().name != fleet.name) {
    return fail(Failure::bad_config, fmt::format("the file declares fleet {}, and fleet {} is here",
                                                 fleet.name.text, session.facts().name.text));
  }
  WEIR_TRY_(session.wake_store());
  if (session.store_is_ours()) {
    return fail(Failure::unreachable, "the fleet does not run here",
                "weir up -f " + session.options().file);
  }
  WEIR_TRY(const bool changed, write_desired(session, fleet));
  session.progress(changed ? "written; waiting until it is so" : "nothing to write");
  WEIR_TRY_(await_healthy(session, fleet, 300s));
  session.print(changed ? "applied: the fleet is as the file says"
                        : "no changes: the fleet is as the file says");
  return {};
}

}  // namespace

constinit const Verb kApply{
    "apply",
    Group::fleet,
    "Write the desired fleet and wait until it is so",
    "The file goes to the store, one key per service, and the agents make it so. Interrupted, the\n"
    "same command goes on from there.",
    "weir apply -f fleet.yaml",
    "",
    [](Grammar& grammar, Options& options) {
      take_file(grammar, options);
      take_timeout(grammar, options);
    },
    apply,
};

}  // namespace weir::cli
