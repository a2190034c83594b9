#include "cli/revoked.h"

#include "access/access.h"
#include "world/log.h"

namespace weir::cli {
namespace {

constexpr Duration kStoreLimit = 2s;

}  // namespace

Result<peer::Identity> identity_in(Files& files, const Place& place, const std::string& folder,
                                   const std::string& name) {
  peer::Identity identity = place.identity_of(folder, name);
  WEIR_TRY(access::Crl crl, access::held_crl(files, folder));
  identity.revoked = std::make_shared<peer::Revoked>(std::move(crl));
  return identity;
}

void take_revoked(Session& session) {
  const auto there = store::read_crl(session.store(), session.keys(), session.within(kStoreLimit));
  if (!there || there->pem.empty()) return;
  const auto kept =
      access::keep_crl(session.machine().files, session.place().operator_folder(), there->pem);
  if (kept) {
    session.revoked().learn(*kept);
  } else {
    session.progress("the list of revoked certificates in the store: " + kept.error().what);
  }
}

Result<> publish_revoked(Session& session) {
  Files& files = session.machine().files;
  const std::string folder = session.place().ca();
  if (!files.exists(folder + "/ca.key")) return {};
  WEIR_TRY(const access::Crl own, access::held_crl(files, folder));
  if (own.number == 0) return {};
  WEIR_TRY(const store::HeldCrl there,
           store::read_crl(session.store(), session.keys(), session.within(kStoreLimit)));
  WEIR_TRY(const std::string ca, files.read(folder + "/ca.crt"));
  const auto known = access::crl_from(there.pem, ca);
  if (known && known->number >= own.number) return {};
  const auto written = store::write_crl(session.store(), session.keys(), own, there.revision,
                                        session.within(kStoreLimit));
  if (!written) return fail(written.error());
  return {};
}

void StoreRevoked::look() {
  Machine& machine = session_.machine();
  const auto there = store::read_crl(store_, session_.keys(), session_.within(kStoreLimit));
  if (!there || there->revision == seen_) return;
  seen_ = there->revision;
  const auto kept = access::keep_crl(machine.files, session_.place().store_folder(), there->pem);
  if (kept) {
    identity_.revoked->learn(*kept);
    say(machine.clock, Level::warning, "store: {} certificates are revoked, by list number {}",
        kept->revoked.size(), kept->number);
    return;
  }
  say(machine.clock, Level::error, "store: the list of revoked certificates: {}",
      kept.error().what);
  // A full disk is tried again; what is not the fleet's own list is looked at once.
  const Failure failure = kept.error().failure;
  if (failure == Failure::io || failure == Failure::no_space) seen_ = 0;
}

}  // namespace weir::cli
