// weir init and weir token: the machine that holds the fleet's CA, and what it gives to others.
#include <fmt/format.h>

#include <algorithm>

#include "access/access.h"
#include "base/quantity.h"
#include "cli/found.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr Duration kCertificateLifeLeast = 10s;

// The host that this machine is: the one named, or the one at whose address the store will listen.
Result<const Host*> own_host(const Fleet& fleet, const std::string& named,
                             const std::string& store_ip) {
  for (const Host& host : fleet.hosts) {
    if (named.empty() ? host.address == store_ip : host.name.text == named) return &host;
  }
  if (!named.empty()) {
    return fail(Failure::not_found, fmt::format("the file declares no host {}", named));
  }
  return fail(Failure::bad_config, "which of the fleet's hosts is this machine?",
              "weir init -f FILE --store ADDRESS --host " + fleet.hosts.front().name.text);
}

Result<> refuse_another(const std::optional<FleetFacts>& before, const HostName& host,
                        const std::string& file) {
  if (!before) return {};
  const std::string fleet = before->name.text;
  if (!before->apart()) {
    return fail(Failure::refused,
                fmt::format("fleet {} was made here by weir up, with all its hosts", fleet),
                "weir up -f " + file);
  }
  if (before->signer) {
    return fail(Failure::refused,
                fmt::format("this machine joined fleet {} as host {}: the CA is with host {}",
                            fleet, before->here.front().text, before->signer->name));
  }
  if (before->here.front() == host) return {};
  return fail(Failure::refused, fmt::format("this machine is host {} of fleet {} already",
                                            before->here.front().text, fleet));
}

Result<> init(Session& session) {
  WEIR_TRY(const Fleet fleet, load_fleet(session));
  WEIR_TRY(Place place, find_place());
  place.fleet = fleet.name;
  Machine& machine = session.machine();
  WEIR_TRY(const auto before, facts_here(machine.files, place));
  const std::string kept =
      before ? fmt::format("{}:{}", before->store.ip, before->store.port) : std::string();
  const std::string& asked = session.options().store;
  WEIR_TRY(const peer::Address store, store_address(asked.empty() ? kept : asked, {}));
  WEIR_TRY(const Host* const own, own_host(fleet, session.options().host, store.ip));
  WEIR_TRY_(refuse_another(before, own->name, session.options().file));
  FleetFacts facts;
  facts.name = fleet.name;
  facts.store = store;
  if (facts.store.ip.empty()) facts.store.ip = own->address;
  facts.hosts = fleet.hosts;
  facts.here = {own->name};
  if (before) facts.certificate_life = before->certificate_life;
  if (!session.options().certificate_life.empty()) {
    WEIR_TRY(facts.certificate_life, parse_duration(session.options().certificate_life));
    if (facts.certificate_life < kCertificateLifeLeast) {
      return fail(Failure::bad_config, "a certificate lives at least 10s");
    }
  }
  WEIR_TRY_(found(machine, place, facts));
  WEIR_TRY_(machine.files.write(place.facts(), to_json(facts).dump(true), 0600));
  session.print(fmt::format("fleet {}: the CA is here, on host {}; the store is to serve at {}:{}",
                            facts.name.text, own->name.text, facts.store.ip, facts.store.port));
  session.progress("next: `weir store` and `weir agent` here, then for each other host:");
  for (const Host& host : fleet.hosts) {
    if (host.name != own->name) session.progress("  weir token --host " + host.name.text);
  }
  return {};
}

Result<> token(Session& session) {
  WEIR_TRY_(session.open());
  const FleetFacts& facts = session.facts();
  Machine& machine = session.machine();
  access::Signer signer(machine.files, machine.random, session.place().ca());
  if (!signer.beside_key() || !facts.apart()) {
    return fail(Failure::refused,
                facts.signer
                    ? fmt::format("the CA of fleet {} is not here but on host {}", facts.name.text,
                                  facts.signer->name)
                    : fmt::format("fleet {} was made by weir up: nobody joins it", facts.name.text),
                "weir token --host HOST on the host where weir init ran");
  }
  const auto own = std::ranges::find(facts.hosts, facts.here.front(), &Host::name);
  if (own == facts.hosts.end()) return fail(Failure::bad_data, "fleet.json is not whole");
  WEIR_TRY(access::Token made, signer.mint(session.options().host, machine.clock.wall()));
  made.fleet = facts.name.text;
  made.signer = own->name.text;
  made.ip = own->address;
  made.port = peer::kAgentPort;
  const std::string word = access::word_of(made);
  if (session.wants_data()) {
    session.print_data(Json::object().set("token", word).set("host", made.host));
    return {};
  }
  session.progress(fmt::format("for host {}, once, within 15 minutes; there:", made.host));
  session.progress(fmt::format("  weir join TOKEN --store {}:{} --host {}", facts.store.ip,
                               facts.store.port, made.host));
  session.print(word);
  return {};
}

}  // namespace

constinit const Verb kInit{
    "init",
    Group::fleet,
    "Make this machine the first of a fleet of several: its CA and store are here",
    "Founds the fleet: the CA's key stays in one file of this machine. The other machines join by "
    "a\n"
    "token each.",
    "weir init -f fleet.yaml --store 10.0.0.11 --host a",
    "",
    [](Grammar& grammar, Options& options) {
      take_file(grammar, options);
      grammar
          .option("--host", "HOST", &options.host,
                  "Which host this machine is; where it is not plain")
          .offering(Offers::hosts);
      grammar.option("--store", "ADDRESS[:PORT]", &options.store,
                     "Where the store is to listen; an address of this machine");
      grammar.option("--certificate-life", "TIME", &options.certificate_life,
                     "How long certificates live (90d); they are renewed at two thirds of it");
    },
    init,
};

constinit const Verb kToken{
    "token",
    Group::fleet,
    "Print a token with which another machine joins: once, within 15 minutes",
    "",
    "weir token --host b",
    kAnswers,
    [](Grammar& grammar, Options& options) {
      grammar.option("--host", "HOST", &options.host, "Which host is to join")
          .needed()
          .offering(Offers::hosts);
    },
    token,
};

}  // namespace weir::cli
