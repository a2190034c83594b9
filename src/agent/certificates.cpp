// A certificate that is due is asked for again and again until it comes: what is valid serves on.
#include "agent/certificates.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/quantity.h"
#include "store/record_io.h"
#include "world/log.h"

namespace weir::agent {
namespace {

// Also how soon it is noticed that a clock was set, or that others refuse us as revoked.
constexpr Duration kLookMost = 10s;
constexpr Duration kLookLeast = 1s;
constexpr Duration kSignLimit = 5s;

std::int64_t seconds(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

}  // namespace

Certificates::Certificates(World& world, peer::Caller& caller, const Setting& setting,
                           std::function<void()> changed)
    : world_(world),
      caller_(caller),
      setting_(setting),
      changed_(std::move(changed)),
      signer_(world.files, world.random, setting.papers.ca) {
  loop_ = std::make_unique<Loop>(world_, "certificates", kLookMost, [this] { turn(); });
  loop_->start();
}

void Certificates::stop() { loop_->stop(); }
void Certificates::join() { loop_->join(); }

Result<Json> Certificates::admit(const peer::Request& request) {
  if (!signer_.beside_key()) {
    return fail(Failure::not_found, "cannot join here: the fleet's CA is not on this host");
  }
  if (request.path == "/ca") {
    WEIR_TRY(const std::string ca, signer_.ca());
    return Json::object().set("ca", ca);
  }
  if (request.path != "/join") {
    return fail(Failure::denied, "only a host of this fleet may call " + request.path);
  }
  auto cert = signer_.admit(request.body["id"].text(), request.body["secret"].text(),
                            request.body["request"].text(), request.body["seal"].text(),
                            world_.clock.wall());
  if (!cert) {
    say(world_.clock, Level::warning, "a join was refused: {}", cert.error().what);
    return fail(cert.error());
  }
  return Json::object().set("cert", *cert);
}

Result<Json> Certificates::renew(const peer::Request& request) {
  if (!signer_.beside_key()) {
    return fail(Failure::not_found, "cannot renew here: the fleet's CA is not on this host");
  }
  WEIR_TRY(const std::string cert,
           signer_.renew(request.from, request.serial, request.body["request"].text(),
                         world_.clock.wall()));
  say(world_.clock, Level::info, "signed the next certificate of {}", request.from);
  return Json::object().set("cert", cert);
}

Json Certificates::tell() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

void Certificates::note(const std::optional<access::CertFacts>& facts, const std::string& trouble) {
  Json told = Json::object().set("format", kWireFormat).set("trouble", trouble);
  if (facts) told.set("serial", facts->serial).set("until", seconds(facts->until));
  const std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

void Certificates::learn_revoked(const Json& list) {
  {
    const std::lock_guard lock(mutex_);
    list_ = list;
  }
  loop_->ring();
}

bool Certificates::names_own(const access::Crl& crl) {
  const std::string path = setting_.papers.identity + "/" + setting_.host.text + ".crt";
  const auto facts = access::read_cert(world_.files, path);
  if (!facts || !crl.revoked.contains(facts->serial)) return false;
  revoked_serial_ = facts->serial;
  return true;
}

// On disk first, so that a process which starts anew knows it; then for all that speak.
Result<> Certificates::keep_revoked(const std::string& pem) {
  const std::string& folder = setting_.papers.identity;
  WEIR_TRY(const std::string ca, world_.files.read(folder + "/ca.crt"));
  WEIR_TRY(const access::Crl crl, access::crl_from(pem, ca));
  if (names_own(crl)) return {};
  WEIR_TRY(const access::Crl held, access::keep_crl(world_.files, folder, pem));
  for (const Papers::Pair& pair : setting_.papers.others) {
    WEIR_TRY_(access::keep_crl(world_.files, pair.folder, pem));
  }
  if (held.number == setting_.papers.revoked->known()->number) return {};
  setting_.papers.revoked->learn(held);
  say(world_.clock, Level::warning, "the fleet has revoked {} certificates, by list number {}",
      held.revoked.size(), held.number);
  changed_();
  return {};
}

// A list that cannot be kept, as on a full disk, is tried again at each turn.
void Certificates::see_to_revoked() {
  std::optional<Json> list;
  {
    const std::lock_guard lock(mutex_);
    list.swap(list_);
  }
  if (!list) return;
  const auto pem = store::crl_in(*list);
  const auto kept = pem ? keep_revoked(*pem) : Result<>(fail(pem.error()));
  if (kept) return;
  say(world_.clock, Level::error, "the list of revoked certificates in the store: {}",
      kept.error().what);
  const Failure failure = kept.error().failure;
  const std::lock_guard lock(mutex_);
  const bool disk = failure == Failure::io || failure == Failure::no_space;
  if (disk && !list_) list_ = std::move(list);
}

std::string Certificates::revoked_trouble() const {
  return fmt::format(
      "the certificate of host {0} was revoked; join anew: weir token --host {0} {1}, "
      "then weir join here",
      setting_.host.text,
      setting_.papers.signer ? "on host " + setting_.papers.signer->name : "where the CA is");
}

void Certificates::turn() {
  see_to_revoked();
  see_to({setting_.papers.identity, setting_.host.text}, true);
  for (const Papers::Pair& pair : setting_.papers.others) see_to(pair, false);
}

// Looks again when the renewal is due, or soon where it did not come.
void Certificates::see_to(const Papers::Pair& pair, bool own) {
  const std::string path = pair.folder + "/" + pair.name + ".crt";
  (void)access::mend(world_.files, pair.folder, pair.name);
  auto facts = access::read_cert(world_.files, path);
  const WallTime now = world_.clock.wall();
  std::string trouble = facts ? "" : facts.error().what;
  const bool revoked =
      own && facts && (facts->serial == revoked_serial_ || setting_.papers.revoked->own());
  if (revoked) {
    trouble = revoked_trouble();
    if (tell()["trouble"].text() != trouble) say(world_.clock, Level::error, "{}", trouble);
  } else if (!facts || access::renewal_due(*facts, now)) {
    const auto renewed = renew_pair(pair);
    if (renewed) {
      facts = access::read_cert(world_.files, path);
      say(world_.clock, Level::info, "renewed the certificate of {}{}", pair.name,
          facts ? ", valid until " + show(facts->until) : "");
      trouble.clear();
    } else {
      const bool over = facts && now >= facts->until;
      trouble = fmt::format("{} and cannot be renewed: {}", over ? "it has expired" : "it is due",
                            renewed.error().what);
      say(world_.clock, over ? Level::error : Level::warning, "the certificate of {}: {}",
          pair.name, trouble);
    }
  }
  if (own) note(facts ? std::optional(*facts) : std::nullopt, trouble);
  if (!facts) return;
  if (own && serial_ != facts->serial) {
    // Also where somebody else put it there, as a second join does.
    if (!serial_.empty()) changed_();
    serial_ = facts->serial;
  }
  const Duration life = facts->until - facts->from;
  const Duration left = facts->from + life / 3 * 2 - world_.clock.wall();
  const Duration soon = trouble.empty() ? left : life / 20;
  loop_->again_by(world_.clock.now() + std::clamp<Duration>(soon, kLookLeast, kLookMost));
}

Result<> Certificates::renew_pair(const Papers::Pair& pair) {
  WEIR_TRY(const std::string request, access::request_cert(world_.files, pair.folder, pair.name));
  WEIR_TRY(const std::string cert, signer_.beside_key()
                                       ? signer_.renew(pair.name, "", request, world_.clock.wall())
                                       : ask_signer(request));
  return access::accept_cert(world_.files, pair.folder, pair.name, cert);
}

Result<std::string> Certificates::ask_signer(const std::string& request) {
  if (!setting_.papers.signer) {
    return fail(Failure::not_found, "the fleet's CA is not on this host, and no other is known");
  }
  WEIR_TRY(const Json answer,
           caller_.call(*setting_.papers.signer, "/renew", Json::object().set("request", request),
                        world_.clock.within(kSignLimit)));
  return answer["cert"].text();
}

}  // namespace weir::agent
