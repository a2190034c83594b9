// weir join TOKEN --store ADDR --host b: this machine becomes a host of a fleet. Its key is made
// here and never travels; whom it asks is known by the CA's hash that the token carries.
#include <fmt/format.h>

#include <iostream>

#include "access/access.h"
#include "base/text.h"
#include "cli/found.h"
#include "cli/verbs.h"
#include "store/record_io.h"
#include "store/remote.h"

namespace weir::cli {
namespace {

constexpr Duration kCallLimit = 10s;
constexpr Duration kStoreLimit = 10s;

Result<access::Token> read_token(const Options& options) {
  std::string word = options.token;
  if (word == "-") std::getline(std::cin, word);  // so that it stands in no list of processes
  WEIR_TRY(access::Token token, access::token_from(trim(word)));
  if (token.host != options.host) {
    return fail(Failure::refused,
                fmt::format("the token is for host {}, not for {}", token.host, options.host),
                fmt::format("weir token --host {} on host {}", options.host, token.signer));
  }
  if (!options.fleet.empty() && options.fleet != token.fleet) {
    return fail(Failure::refused,
                fmt::format("the token is of fleet {}, not of {}", token.fleet, options.fleet));
  }
  return token;
}

Result<> refuse_another(Files& files, const Place& place, const HostName& host,
                        const std::string& ca_hash) {
  WEIR_TRY(const auto before, facts_here(files, place));
  if (before && (!before->apart() || !before->signer)) {
    return fail(Failure::refused,
                fmt::format("fleet {} was founded on this machine: it has nothing to join",
                            place.fleet.text));
  }
  if (before && before->here.front() != host) {
    return fail(Failure::refused, fmt::format("this machine is host {} of fleet {} already",
                                              before->here.front().text, place.fleet.text));
  }
  const auto ca = files.read(place.identity(host) + "/ca.crt");
  if (!ca) return {};
  WEIR_TRY(const std::string hash, access::hash_of_cert(*ca));
  if (hash == ca_hash) return {};
  return fail(Failure::refused,
              fmt::format("this machine belongs to another fleet that is also called {}: its CA is "
                          "not the token's",
                          place.fleet.text),
              "move " + place.fleet_folder() + " away first, if it is no longer needed");
}

// Nothing is believed but the hash: whoever answers is asked for the CA's certificate only.
Result<> fetch_ca(Machine& machine, const access::Token& token, const std::string& path) {
  const auto stranger = peer::make_stranger(machine.clock, {});
  const peer::Address signer{token.signer, token.ip, token.port};
  WEIR_TRY(const Json answer,
           stranger->call(signer, "/ca", Json::object(), machine.clock.within(kCallLimit)));
  const std::string pem = answer["ca"].text();
  const auto hash = access::hash_of_cert(pem);
  if (!hash || *hash != token.ca) {
    return fail(Failure::denied,
                fmt::format("cannot trust what answers at {}:{}: its CA is not the one that the "
                            "token names",
                            token.ip, token.port),
                fmt::format("make a new token on host {}; if it stays so, somebody stands between",
                            token.signer));
  }
  return machine.files.write(path, pem, 0644);
}

Result<> get_certificate(Machine& machine, const Place& place, const access::Token& token) {
  const HostName host(token.host);
  const std::string folder = place.identity(host);
  WEIR_TRY_(fetch_ca(machine, token, folder + "/ca.crt"));
  WEIR_TRY(const std::string request, access::request_cert(machine.files, folder, host.text));
  WEIR_TRY(const std::string seal, access::make_seal(machine.files, folder));
  const auto caller = peer::make_stranger(machine.clock, folder + "/ca.crt");
  WEIR_TRY(const Json answer, caller->call({token.signer, token.ip, token.port}, "/join",
                                           Json::object()
                                               .set("id", token.id)
                                               .set("secret", token.secret)
                                               .set("request", request)
                                               .set("seal", seal),
                                           machine.clock.within(kCallLimit)));
  return access::accept_cert(machine.files, folder, host.text, answer["cert"].text());
}

// What an earlier, cut off join has got already is not asked for again: a token is for one key. A
// new token gets a new certificate: the present one may be revoked, which nobody here needs to
// know.
bool has_certificate(Machine& machine, const Place& place, const access::Token& token) {
  const HostName host(token.host);
  (void)access::mend(machine.files, place.identity(host), host.text);
  const auto facts =
      access::read_cert(machine.files, place.identity(host) + "/" + host.text + ".crt");
  const auto by = machine.files.read(place.joined_by(host));
  return facts && by && *by == token.id && machine.files.exists(place.host_key(host)) &&
         !access::renewal_due(*facts, machine.clock.wall());
}

// safety.md S1: apply and join alone create a key of renewal.
Result<> create_renewal(Machine& machine, const Place& place, const FleetFacts& facts,
                        const HostName& host) {
  const auto caller =
      peer::make_caller(machine.clock, place.identity_of(place.identity(host), host.text));
  const auto store = store::make_remote(*caller, machine.clock, facts.store);
  const store::Keys keys{place.fleet, RegionName("local")};
  std::optional<Error> error;
  const bool created = poll_until(machine.clock, machine.clock.within(kStoreLimit), 50ms, [&] {
    const auto result = store::create_renewal(*store, keys, host, machine.clock.within(2s));
    error = result ? std::nullopt : std::optional(result.error());
    return !error || error->failure == Failure::denied;
  });
  if (created && !error) return {};
  return fail(error ? error->failure : Failure::timed_out,
              fmt::format("host {} has its certificate, but the store at {}:{} cannot be asked: {}",
                          host.text, facts.store.ip, facts.store.port, error ? error->what : ""),
              "see that `weir store` runs there, then the same weir join again");
}

Result<> join_fleet(Session& session) {
  const Options& options = session.options();
  WEIR_TRY(const access::Token token, read_token(options));
  WEIR_TRY(Place place, find_place());
  place.fleet = FleetName(token.fleet);
  const HostName host(token.host);
  Machine& machine = session.machine();
  WEIR_TRY_(refuse_another(machine.files, place, host, token.ca));
  FleetFacts facts;
  facts.name = place.fleet;
  WEIR_TRY(facts.store, store_address(options.store, {}));
  facts.hosts = {{host, token.address}};
  facts.here = {host};
  facts.signer = peer::Address{token.signer, token.ip, token.port};
  WEIR_TRY_(make_host_folders(machine.files, place, facts.here));
  if (!has_certificate(machine, place, token)) {
    WEIR_TRY_(get_certificate(machine, place, token));
    WEIR_TRY_(machine.files.write(place.joined_by(host), token.id, 0600));
  }
  WEIR_TRY_(machine.files.write(place.facts(), to_json(facts).dump(true), 0600));
  WEIR_TRY_(create_renewal(machine, place, facts, host));
  session.print(fmt::format("host {} has joined fleet {}", host.text, facts.name.text));
  session.progress("next: `weir agent` here");
  return {};
}

}  // namespace

constinit const Verb kJoin{
    "join",
    Group::fleet,
    "Make this machine a host of a fleet, by a token of weir token",
    "Its key is made here and never travels. Cut off, the same command goes on from there.",
    "weir join TOKEN --store 10.0.0.11:7400 --host b\n"
    "\n"
    "# So that the token stands in no list of processes\n"
    "weir join - --store 10.0.0.11:7400 --host b",
    "",
    [](Grammar& grammar, Options& options) {
      grammar.positional("TOKEN", &options.token, "What weir token printed; - reads it from stdin")
          .needed();
      grammar.option("--store", "ADDRESS[:PORT]", &options.store, "Where the store listens")
          .needed();
      grammar.option("--host", "HOST", &options.host, "Which host is to join").needed();
    },
    join_fleet,
};

}  // namespace weir::cli
