// What the CA signs for other hosts: for whom stands in its folder, one note a host, one a token.
#include <openssl/x509.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "access/bytes.h"
#include "access/x509.h"
#include "base/json.h"

namespace weir::access {
namespace {

constexpr int kFormat = 1;
constexpr Duration kTokenLife = std::chrono::minutes(15);
constexpr std::size_t kSecretLength = 32;

std::int64_t seconds(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

std::string hint_for(const std::string& host) {
  return fmt::format("weir token --host {} on the host where weir init ran", host);
}

// A name that comes from outside becomes part of a path.
bool is_id(const std::string& id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

Result<CertRequest> declared(Files& files, const std::string& folder, const std::string& host) {
  WEIR_TRY_(check_name(host));
  const auto text = files.read(fmt::format("{}/hosts/{}.json", folder, host));
  if (!text) {
    return fail(Failure::not_found, fmt::format("the fleet declares no host {}", host),
                "declare it in the fleet file, then weir init -f FILE again");
  }
  WEIR_TRY(const Json json, Json::parse(*text));
  CertRequest request;
  request.name = host;
  for (const Json& ip : json["ips"].items()) request.ips.push_back(ip.text());
  request.valid = std::chrono::seconds(json["life_s"].integer());
  if (request.valid <= Duration::zero()) {
    return fail(Failure::bad_data, fmt::format("{}/hosts/{}.json is not whole", folder, host));
  }
  return request;
}

// For whom a token is, unjudged; empty for one that is not there.
std::string host_of_token(Files& files, const std::string& path) {
  const auto text = files.read(path);
  const auto json = text ? Json::parse(*text) : Result<Json>(fail(text.error()));
  return json ? (*json)["host"].text() : "";
}

// Another text after each revocation of that host.
std::string last_revocation(Files& files, const std::string& folder, const std::string& host) {
  return files.read(folder + "/revoked/" + host).value_or("");
}

}  // namespace

Result<> declare(Files& files, const std::string& ca_folder, const CertRequest& host) {
  WEIR_TRY_(check_name(host.name));
  WEIR_TRY_(files.make_folder(ca_folder + "/hosts", 0700));
  Json ips = Json::array();
  for (const std::string& ip : host.ips) ips.add(ip);
  const std::int64_t life = std::chrono::floor<std::chrono::seconds>(host.valid).count();
  const std::string text =
      Json::object().set("format", kFormat).set("ips", ips).set("life_s", life).dump(true);
  const std::string path = fmt::format("{}/hosts/{}.json", ca_folder, host.name);
  if (const auto before = files.read(path); before && *before == text) return {};
  return files.write(path, text, 0600);
}

Signer::Signer(Files& files, Random& random, std::string ca_folder)
    : files_(files), random_(random), folder_(std::move(ca_folder)) {}

bool Signer::beside_key() const { return files_.exists(folder_ + "/ca.key"); }

Result<std::string> Signer::ca() const { return files_.read(folder_ + "/ca.crt"); }

Result<Token> Signer::mint(const std::string& host, WallTime now) {
  WEIR_TRY(const Authority authority, load_authority(files_, folder_));
  WEIR_TRY(const CertRequest names, declared(files_, folder_, host));
  Token token;
  token.host = host;
  token.address = names.ips.empty() ? "" : names.ips.front();
  token.ca = hash_of(authority.cert.get());
  token.id = random_.id();
  token.secret = random_.id(kSecretLength);
  WEIR_TRY_(files_.make_folder(folder_ + "/tokens", 0700));
  WEIR_TRY_(forget_old_tokens(now));
  // The secret itself is nowhere but in the operator's hand.
  const Json note = Json::object()
                        .set("format", kFormat)
                        .set("host", host)
                        .set("secret_sha256", sha256_hex(token.secret))
                        .set("from", seconds(now))
                        .set("until", seconds(now + kTokenLife));
  WEIR_TRY_(files_.write(token_path(token.id), note.dump(true), 0600));
  return token;
}

std::string Signer::token_path(const std::string& id) const {
  return fmt::format("{}/tokens/{}.json", folder_, id);
}

Result<> Signer::forget_old_tokens(WallTime now) {
  WEIR_TRY(const std::vector<std::string> names, files_.list(folder_ + "/tokens"));
  for (const std::string& name : names) {
    const std::string path = folder_ + "/tokens/" + name;
    WEIR_TRY(const std::string text, files_.read(path));
    const auto json = Json::parse(text);
    if (!json || (*json)["until"].integer() < seconds(now - std::chrono::hours(24))) {
      WEIR_TRY_(files_.remove(path));
    }
  }
  return {};
}

// A token is for one key: its first use writes the key's hash down before anything is signed, and
// only a repetition with that key, whose answer was lost, is served again.
Result<std::string> Signer::redeem(const std::string& id, const std::string& secret,
                                   const std::string& key_hash, WallTime now) {
  const auto text = is_id(id) ? files_.read(token_path(id)) : Result<std::string>(std::string());
  const auto json = text ? Json::parse(*text) : Result<Json>(fail(text.error()));
  if (!json || !same_secret((*json)["secret_sha256"].text(), sha256_hex(secret))) {
    return fail(Failure::denied, "cannot join: the token is not known here, or is too old",
                "weir token --host HOST on the host where weir init ran");
  }
  const std::string host = (*json)["host"].text();
  const std::string user = (*json)["key"].text();
  if (!user.empty() && user != key_hash) {
    return fail(Failure::denied, fmt::format("cannot join as {}: the token was used before", host),
                hint_for(host));
  }
  if (seconds(now) >= (*json)["until"].integer()) {
    return fail(Failure::denied,
                fmt::format("cannot join as {}: the token has expired, it lives 15 minutes", host),
                hint_for(host));
  }
  if (seconds(now) < (*json)["from"].integer()) {
    return fail(Failure::denied,
                fmt::format("cannot join as {}: the token is from the future: the clock of the "
                            "CA's host was set back",
                            host),
                hint_for(host));
  }
  if (user.empty()) {
    Json used = *json;
    WEIR_TRY_(files_.write(token_path(id), used.set("key", key_hash).dump(true), 0600));
  }
  return host;
}

Result<std::string> Signer::sign_request(const std::string& host, const std::string& pem,
                                         WallTime now) {
  WEIR_TRY(const Request request, request_from(pem));
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  // Whoever asks holds the private key.
  if (key == nullptr || X509_REQ_verify(request.get(), key) != 1) {
    return fail(Failure::denied, fmt::format("cannot certify {}: its request is not signed by the "
                                             "key that it names",
                                             host));
  }
  WEIR_TRY(const CertRequest names, declared(files_, folder_, host));
  WEIR_TRY(const Authority authority, load_authority(files_, folder_));
  WEIR_TRY(const Cert cert, sign(authority, key, names, now, random_));
  WEIR_TRY_(note_signed(files_, folder_, host, cert.get(), now));
  return pem_of(cert.get());
}

Result<std::string> Signer::admit(const std::string& id, const std::string& secret,
                                  const std::string& pem, const std::string& seal, WallTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (!in_hand_.insert(id).second) {
      return fail(Failure::held, "cannot join: this very token is being used by another caller");
    }
  }
  auto answer = [&]() -> Result<std::string> {
    WEIR_TRY(const Request request, request_from(pem));
    EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
    if (key == nullptr) return fail(Failure::bad_data, "the certificate request names no key");
    const std::string before =
        is_id(id) ? last_revocation(files_, folder_, host_of_token(files_, token_path(id))) : "";
    WEIR_TRY(const std::string host, redeem(id, secret, hash_of(key), now));
    WEIR_TRY_(keep_seal(files_, folder_, host, seal));
    WEIR_TRY(std::string cert, sign_request(host, pem, now));
    // A revocation takes the tokens, marks itself, and then looks for what was signed: whoever had
    // read the token before meets the mark here, or was seen.
    if (last_revocation(files_, folder_, host) != before) {
      WEIR_TRY_(files_.remove(token_path(id)));
      return fail(Failure::denied, fmt::format("cannot join as {}: it was revoked meanwhile", host),
                  hint_for(host));
    }
    return cert;
  }();
  const std::lock_guard lock(mutex_);
  in_hand_.erase(id);
  return answer;
}

// What is signed is noted first and the list read then, while a revocation writes the list first
// and reads the notes then: one of the two sees the other.
Result<std::string> Signer::renew(const std::string& host, const std::string& serial,
                                  const std::string& pem, WallTime now) {
  WEIR_TRY(std::string cert, sign_request(host, pem, now));
  WEIR_TRY(const Crl crl, held_crl(files_, folder_));
  if (!crl.revoked.contains(serial)) return cert;
  return fail(Failure::denied,
              fmt::format("cannot renew the certificate of {}: it was revoked", host),
              hint_for(host) + ", then weir join on that host");
}

Result<> Signer::drop_tokens(const std::string& host) {
  if (!files_.exists(folder_ + "/tokens")) return {};
  WEIR_TRY(const std::vector<std::string> names, files_.list(folder_ + "/tokens"));
  for (const std::string& name : names) {
    const std::string path = folder_ + "/tokens/" + name;
    WEIR_TRY(const std::string text, files_.read(path));
    const auto json = Json::parse(text);
    if (json && (*json)["host"].text() != host) continue;
    WEIR_TRY_(files_.remove(path));
  }
  return {};
}

Result<Crl> Signer::revoke(const std::string& host, const std::set<std::string>& also,
                           const std::string& published, WallTime now) {
  WEIR_TRY_(check_name(host));
  WEIR_TRY(const Authority ca, load_authority(files_, folder_));
  WEIR_TRY_(drop_tokens(host));
  WEIR_TRY_(files_.make_folder(folder_ + "/revoked", 0700));
  WEIR_TRY_(files_.write(folder_ + "/revoked/" + host, random_.id(), 0600));
  WEIR_TRY(Crl held, held_crl(files_, folder_));
  // A CA's folder that was put back from a copy may be behind what the fleet knows, and two who
  // revoke at once know each other only by what was published.
  const Crl known = published.empty() ? Crl{} : crl_from(published, ca.pem).value_or(Crl{});
  bool changed = known.number > held.number;
  held.number = std::max(held.number, known.number);
  std::size_t before = held.revoked.size();
  held.revoked.insert(known.revoked.begin(), known.revoked.end());
  while (true) {
    WEIR_TRY(std::set<std::string> serials, signed_serials(files_, folder_, host));
    serials.insert(also.begin(), also.end());
    if (serials.empty()) {
      return fail(Failure::not_found,
                  fmt::format("cannot revoke {}: no certificate of it counts", host));
    }
    for (const std::string& serial : serials) held.revoked.emplace(serial, now);
    if (!changed && held.revoked.size() == before) return held;
    WEIR_TRY(const SignedCrl crl, sign_crl(ca, held.number + 1, held.revoked, now));
    WEIR_TRY(held, keep_crl(files_, folder_, pem_of(crl.get())));
    changed = false;
    before = held.revoked.size();
  }
}

}  // namespace weir::access
