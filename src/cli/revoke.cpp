// weir revoke HOST: every certificate of that host counts no more, anywhere in the fleet. Typed
// where the CA's key lies.
#include <fmt/format.h>

#include <algorithm>

#include "access/access.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/revoked.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

constexpr Duration kStoreLimit = 5s;
constexpr int kTriesMax = 5;  // somebody else revokes at the same time

Result<> check_may(Session& session, const HostName& host) {
  const FleetFacts& facts = session.facts();
  const access::Signer signer(session.machine().files, session.machine().random,
                              session.place().ca());
  if (!signer.beside_key()) {
    return fail(Failure::refused,
                fmt::format("the CA of fleet {} is not here but on host {}", facts.name.text,
                            facts.signer ? facts.signer->name : "unknown"),
                fmt::format("weir revoke {} there", host.text));
  }
  const std::vector<HostName> here = facts.hosts_here();
  if (std::ranges::find(here, host) == here.end()) return {};
  return fail(Failure::refused,
              fmt::format("host {} has the fleet's CA on its own machine: revoking it would leave "
                          "nobody who could let it in again",
                          host.text));
}

// What stops, one line a member.
Result<std::vector<std::string>> what_stops(Session& session, const HostName& host) {
  WEIR_TRY(const auto services,
           store::list_desired(session.store(), session.keys(), session.within(kStoreLimit)));
  std::vector<std::string> lines;
  for (const store::HeldService& held : services) {
    const ServiceName& name = held.service.name;
    WEIR_TRY(const auto record, store::read_record(session.store(), session.keys(), name,
                                                   session.within(kStoreLimit)));
    for (const Member& member : held.service.all()) {
      if (member.host != host) continue;
      const bool leads = record && record->record.leader.member == member.name;
      lines.push_back(fmt::format("{}: member {} is cut off{}", name.text, member.name.text,
                                  leads ? "; it leads, so the others fail over by its silence"
                                        : " and follows the leader no more"));
    }
  }
  return lines;
}

Result<> confirm(Session& session, const HostName& host) {
  if (session.options().yes) return {};
  if (!can_ask(session)) {
    return fail(Failure::refused, "revoking asks for the host's name, and nobody can be asked here",
                fmt::format("weir revoke {} --yes", host.text));
  }
  WEIR_TRY(const std::string typed, ask(session, fmt::format("type {} to revoke it:", host.text)));
  if (typed == host.text) return {};
  return fail(Failure::refused, fmt::format("that is not {}; nothing was changed", host.text));
}

// The serial that the host itself last told: of a time before serials were kept beside the CA.
Result<std::set<std::string>> told_serials(Session& session, const HostName& host) {
  WEIR_TRY(const auto entry,
           session.store().get(session.keys().cert(host), session.within(kStoreLimit)));
  const auto told = entry ? Json::parse(entry->value) : Result<Json>(Json());
  const std::string serial = told ? (*told)["serial"].text() : "";
  return serial.empty() ? std::set<std::string>() : std::set<std::string>{serial};
}

// Beside the key first: what is signed is true whether or not the store hears of it now.
Result<access::Crl> revoke_and_publish(Session& session, const HostName& host) {
  Machine& machine = session.machine();
  access::Signer signer(machine.files, machine.random, session.place().ca());
  WEIR_TRY(const std::set<std::string> told, told_serials(session, host));
  for (int i = 0;; ++i) {
    WEIR_TRY(const store::HeldCrl there,
             store::read_crl(session.store(), session.keys(), session.within(kStoreLimit)));
    WEIR_TRY(access::Crl crl, signer.revoke(host.text, told, there.pem, machine.clock.wall()));
    const auto written = crl.pem == there.pem
                             ? Result<store::Revision>(there.revision)
                             : store::write_crl(session.store(), session.keys(), crl,
                                                there.revision, session.within(kStoreLimit));
    if (written) return crl;
    if (written.error().failure == Failure::conflict && i < kTriesMax) continue;
    Error error = written.error();
    error.what = fmt::format("host {} is revoked beside the CA, but the store does not know it: {}",
                             host.text, error.what);
    error.hint = fmt::format("weir revoke {} again", host.text);
    return fail(std::move(error));
  }
}

Result<> revoke(Session& session) {
  WEIR_TRY_(session.open());
  const HostName host(session.options().host);
  WEIR_TRY_(check_may(session, host));
  WEIR_TRY_(session.wake_store());
  WEIR_TRY(const std::vector<std::string> lines, what_stops(session, host));
  session.progress(fmt::format("host {} of fleet {}: its agent is heard by nobody any more",
                               host.text, session.facts().name.text));
  for (const std::string& line : lines) session.progress("  " + line);
  WEIR_TRY_(confirm(session, host));
  WEIR_TRY(const access::Crl crl, revoke_and_publish(session, host));
  take_revoked(session);
  if (session.wants_data()) {
    session.print_data(Json::object()
                           .set("format", 1)
                           .set("host", host.text)
                           .set("list", crl.number)
                           .set("revoked", static_cast<std::int64_t>(crl.revoked.size())));
    return {};
  }
  session.print(fmt::format("host {} is revoked, by list number {}", host.text, crl.number));
  session.progress("to take it back: weir token --host " + host.text + ", then weir join there");
  return {};
}

}  // namespace

constinit const Verb kRevoke{
    "revoke",
    Group::fleet,
    "End every certificate of a host, for a machine that is lost or no longer trusted",
    "Typed where weir init ran. Agents, the store and the servers refuse that host from then on "
    "and\n"
    "end the connections that it has; its own servers are not touched. It comes back by weir "
    "token\n"
    "and weir join alone.",
    "weir revoke b\n"
    "weir revoke b --yes",
    kAnswers,
    [](Grammar& grammar, Options& options) {
      grammar.positional("HOST", &options.host, "Which host is not to be trusted any more")
          .needed()
          .offering(Offers::hosts);
    },
    revoke,
};

}  // namespace weir::cli
