// The list of certificates that count no more: made beside the CA's key, judged by everybody.
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

#include <algorithm>

#include "access/x509.h"
#include "base/json.h"

namespace weir::access {
namespace {

constexpr int kFormat = 1;
// A host whose clock is behind would take a list of now for one of the future and trust nobody any
// more; order is kept by the number, so the date may lie well before.
constexpr Duration kSkew = std::chrono::hours(24);

struct FreeParts {
  void operator()(ASN1_STRING* text) const { ASN1_STRING_free(text); }  // numbers and times too
  void operator()(X509_REVOKED* entry) const { X509_REVOKED_free(entry); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Integer = std::unique_ptr<ASN1_INTEGER, FreeParts>;
using Time = std::unique_ptr<ASN1_TIME, FreeParts>;
using Entry = std::unique_ptr<X509_REVOKED, FreeParts>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeParts>;
using Number = std::unique_ptr<BIGNUM, FreeParts>;

std::int64_t seconds(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

Number number_of(const std::string& serial) {
  BIGNUM* raw = nullptr;
  if (BN_hex2bn(&raw, serial.c_str()) != static_cast<int>(serial.size())) {
    BN_free(raw);
    return nullptr;
  }
  return Number(raw);
}

bool add_revoked(X509_CRL* crl, const std::string& serial, WallTime since) {
  const Number number = number_of(serial);
  if (!number) return false;
  const Integer integer(BN_to_ASN1_INTEGER(number.get(), nullptr));
  const Time at(ASN1_TIME_set(nullptr, seconds(since)));
  Entry entry(X509_REVOKED_new());
  if (!integer || !at || !entry || X509_REVOKED_set_serialNumber(entry.get(), integer.get()) != 1 ||
      X509_REVOKED_set_revocationDate(entry.get(), at.get()) != 1 ||
      X509_CRL_add0_revoked(crl, entry.get()) != 1) {
    return false;
  }
  (void)entry.release();  // the list owns it now
  return true;
}

bool add_extensions(X509_CRL* crl, X509* ca, std::int64_t number) {
  const Integer integer(ASN1_INTEGER_new());
  if (!integer || ASN1_INTEGER_set_int64(integer.get(), number) != 1 ||
      X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer.get(), 0, 0) != 1) {
    return false;
  }
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, ca, nullptr, nullptr, crl, 0);
  const Extension key(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  return key && X509_CRL_add_ext(crl, key.get(), -1) == 1;
}

Result<std::int64_t> number_in(X509_CRL* crl) {
  const Integer integer(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  std::int64_t number = 0;
  if (integer && ASN1_INTEGER_get_int64(&number, integer.get()) == 1 && number > 0) return number;
  return fail(Failure::bad_data, "cannot read a CRL: it has no number");
}

std::string signed_folder(const std::string& ca_folder, const std::string& host) {
  return ca_folder + "/signed/" + host;
}

}  // namespace

Result<SignedCrl> sign_crl(const Authority& ca, std::int64_t number,
                           const std::map<std::string, WallTime>& revoked, WallTime now) {
  WEIR_TRY(const CertFacts authority, facts_of(ca.cert.get()));
  SignedCrl crl(X509_CRL_new());
  const Time from(ASN1_TIME_set(nullptr, seconds(std::max(now - kSkew, authority.from))));
  // It counts until the next one comes, however long that takes: an old list is better than none.
  const Time until(ASN1_TIME_set(nullptr, seconds(authority.until)));
  bool ok = crl && from && until && X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
            X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(ca.cert.get())) == 1 &&
            X509_CRL_set1_lastUpdate(crl.get(), from.get()) == 1 &&
            X509_CRL_set1_nextUpdate(crl.get(), until.get()) == 1;
  for (const auto& [serial, since] : revoked) ok = ok && add_revoked(crl.get(), serial, since);
  ok = ok && X509_CRL_sort(crl.get()) == 1 && add_extensions(crl.get(), ca.cert.get(), number) &&
       X509_CRL_sign(crl.get(), ca.key.get(), EVP_sha256()) > 0;
  if (ok) return crl;
  return fail(Failure::io, fmt::format("cannot sign CRL number {}: OpenSSL refused it", number));
}

Result<Crl> crl_from(const std::string& pem, const std::string& ca) {
  if (pem.size() > kCrlBytesMax) {
    return fail(Failure::bad_data,
                fmt::format("cannot read a CRL: it is over {} KiB", kCrlBytesMax >> 10));
  }
  WEIR_TRY(const Cert authority, cert_from(ca, "the CA's file"));
  const SignedCrl crl = signed_crl_from(pem);
  if (!crl) return fail(Failure::bad_data, "cannot read a CRL: this is none");
  if (X509_CRL_verify(crl.get(), X509_get0_pubkey(authority.get())) != 1 ||
      X509_NAME_cmp(X509_CRL_get_issuer(crl.get()), X509_get_subject_name(authority.get())) != 0) {
    return fail(Failure::denied, "cannot trust a CRL: it is not of this fleet's CA");
  }
  Crl out;
  WEIR_TRY(out.number, number_in(crl.get()));
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    WEIR_TRY(const WallTime since, wall_time(X509_REVOKED_get0_revocationDate(entry)));
    out.revoked.emplace(hex_of(X509_REVOKED_get0_serialNumber(entry)), since);
  }
  out.pem = pem_of(crl.get());  // what stood around it is left out
  return out;
}

Result<Crl> held_crl(Files& files, const std::string& folder) {
  const auto pem = files.read(folder + "/ca.crl");
  if (!pem && pem.error().failure == Failure::not_found) return Crl{};
  if (!pem) return fail(pem.error());
  WEIR_TRY(const std::string ca, files.read(folder + "/ca.crt"));
  auto crl = crl_from(*pem, ca);
  if (crl) return crl;
  return fail(Failure::bad_data, fmt::format("{}/ca.crl: {}", folder, crl.error().what),
              fmt::format("rm {}/ca.crl; it is taken from the store again", folder));
}

Result<Crl> keep_crl(Files& files, const std::string& folder, const std::string& pem) {
  WEIR_TRY(const std::string ca, files.read(folder + "/ca.crt"));
  WEIR_TRY(Crl crl, crl_from(pem, ca));
  // A damaged one is worth no more than none: the new one is signed.
  const Crl held = held_crl(files, folder).value_or(Crl{});
  if (crl.number == held.number) return held;
  if (crl.number < held.number) {
    return fail(Failure::refused,
                fmt::format("cannot take CRL number {}: number {} is held already", crl.number,
                            held.number));
  }
  WEIR_TRY_(files.write(folder + "/ca.crl", crl.pem, 0644));
  return crl;
}

std::string decimal_of(const std::string& serial) {
  const Number number = number_of(serial);
  char* text = number ? BN_bn2dec(number.get()) : nullptr;
  std::string out = text == nullptr ? std::string() : std::string(text);
  OPENSSL_free(text);
  return out;
}

Result<> note_signed(Files& files, const std::string& ca_folder, const std::string& host,
                     X509* cert, WallTime now) {
  WEIR_TRY(const CertFacts facts, facts_of(cert));
  const std::string folder = signed_folder(ca_folder, host);
  WEIR_TRY_(files.make_folder(folder, 0700));
  // What has ended needs no revocation.
  WEIR_TRY(const std::vector<std::string> names, files.list(folder));
  for (const std::string& name : names) {
    const auto text = files.read(folder + "/" + name);
    const auto json = text ? Json::parse(*text) : Result<Json>(fail(text.error()));
    if (!json || (*json)["until"].integer() >= seconds(now - kSkew)) continue;
    WEIR_TRY_(files.remove(folder + "/" + name));
  }
  const Json note = Json::object().set("format", kFormat).set("until", seconds(facts.until));
  return files.write(folder + "/" + facts.serial, note.dump(true), 0600);
}

Result<std::set<std::string>> signed_serials(Files& files, const std::string& ca_folder,
                                             const std::string& host) {
  const std::string folder = signed_folder(ca_folder, host);
  if (!files.exists(folder)) return std::set<std::string>();
  WEIR_TRY(const std::vector<std::string> names, files.list(folder));
  std::set<std::string> out;
  for (const std::string& name : names) {
    if (number_of(name)) out.insert(name);
  }
  return out;
}

}  // namespace weir::access
