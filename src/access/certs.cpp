// The fleet's own CA and the certificates that it signs.
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "access/x509.h"

#include <fmt/format.h>

namespace weir::access {
namespace {

template <auto free_it>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    free_it(object);
  }
};
using Extension = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;
using Number = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;

// Clocks of hosts differ: a certificate made now must be valid on a host that is a little behind.
constexpr Duration kSkew = std::chrono::hours(1);
constexpr Duration kCaLife = std::chrono::hours(24 * 3653);

std::time_t seconds(WallTime at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

bool set_serial(X509* cert, unsigned char (&bytes)[16]) {
  // Positive and never zero, as RFC 5280 asks.
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3f) | 0x40);
  const Number number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert)) != nullptr;
}

bool set_common_name(X509_NAME* subject, const std::string& name) {
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool add_extension(X509* cert, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(cert, extension.get(), -1) == 1;
}

// Built from values, never from a text in which a name could smuggle in another one.
Result<Names> alternative_names(const CertRequest& request) {
  Names names(GENERAL_NAMES_new());
  GENERAL_NAME* dns = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, request.name.data(), static_cast<int>(request.name.size()));
  GENERAL_NAME_set0_value(dns, GEN_DNS, text);
  sk_GENERAL_NAME_push(names.get(), dns);
  for (const std::string& ip : request.ips) {
    ASN1_OCTET_STRING* bytes = a2i_IPADDRESS(ip.c_str());
    if (bytes == nullptr) {
      return fail(Failure::bad_config,
                  fmt::format("cannot certify {}: {} is not an IP address", request.name, ip));
    }
    GENERAL_NAME* address = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(address, GEN_IPADD, bytes);
    sk_GENERAL_NAME_push(names.get(), address);
  }
  return names;
}

Cert blank_cert(EVP_PKEY* key, WallTime from, WallTime until) {
  Cert cert(X509_new());
  if (!cert || X509_set_version(cert.get(), X509_VERSION_3) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(cert.get()), seconds(from)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(cert.get()), seconds(until)) == nullptr ||
      X509_set_pubkey(cert.get(), key) != 1) {
    return nullptr;
  }
  return cert;
}

Result<Cert> self_signed(EVP_PKEY* key, const std::string& fleet, WallTime now) {
  Cert cert = blank_cert(key, now - kSkew, now + kCaLife);
  unsigned char serial[16] = {};
  const bool ok =
      cert && RAND_bytes(serial, sizeof serial) == 1 && set_serial(cert.get(), serial) &&
      set_common_name(X509_get_subject_name(cert.get()), "weir CA of " + fleet) &&
      X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get())) == 1 &&
      add_extension(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(cert.get(), cert.get(), NID_subject_key_identifier, "hash") &&
      X509_sign(cert.get(), key, EVP_sha256()) > 0;
  if (!ok) {
    return fail(Failure::io, fmt::format("cannot make the certificate of the CA of {}: "
                                         "OpenSSL refused it",
                                         fleet));
  }
  return cert;
}
// A short life gets a small part of it before now, so that two thirds of it still lie ahead.
WallTime begin_of(const CertRequest& request, WallTime now) {
  return now - std::min(kSkew, request.valid / 10);
}

// The names of `cert` are exactly those that are asked for.
bool names_the_same(X509* cert, const CertRequest& request) {
  if (common_name(cert) != request.name) return false;
  const Names have(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  if (!have || sk_GENERAL_NAME_num(have.get()) != static_cast<int>(request.ips.size()) + 1) {
    return false;
  }
  return X509_check_host(cert, request.name.data(), request.name.size(), 0, nullptr) == 1 &&
         std::all_of(request.ips.begin(), request.ips.end(), [cert](const std::string& ip) {
           return X509_check_ip_asc(cert, ip.c_str(), 0) == 1;
         });
}

bool may_be_kept(Files& files, const std::string& crt, const std::string& key_path,
                 const Authority& ca, const CertRequest& request, WallTime now) {
  const auto cert = load_cert(files, crt);
  const auto key = load_key(files, key_path);
  if (!cert || !key) return false;
  const auto facts = facts_of(cert->get());
  return X509_check_private_key(cert->get(), key->get()) == 1 &&
         X509_verify(cert->get(), ca.key.get()) == 1 && names_the_same(cert->get(), request) &&
         facts && !renewal_due(*facts, now);
}

}  // namespace

Result<Cert> sign(const Authority& ca, EVP_PKEY* key, const CertRequest& request, WallTime now,
                  Random& random) {
  WEIR_TRY(const CertFacts authority, facts_of(ca.cert.get()));
  WEIR_TRY(const Names names, alternative_names(request));
  unsigned char serial[16] = {};
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = random.next();
    for (std::size_t i = 0; i < 8; ++i, word >>= 8) {
      serial[half * 8 + i] = static_cast<unsigned char>(word & 0xff);
    }
  }
  Cert cert =
      blank_cert(key, begin_of(request, now), std::min(now + request.valid, authority.until));
  const bool ok =
      cert && set_serial(cert.get(), serial) &&
      set_common_name(X509_get_subject_name(cert.get()), request.name) &&
      X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.cert.get())) == 1 &&
      add_extension(cert.get(), ca.cert.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(cert.get(), ca.cert.get(), NID_key_usage, "critical,digitalSignature") &&
      add_extension(cert.get(), ca.cert.get(), NID_ext_key_usage, "serverAuth,clientAuth") &&
      add_extension(cert.get(), ca.cert.get(), NID_subject_key_identifier, "hash") &&
      add_extension(cert.get(), ca.cert.get(), NID_authority_key_identifier, "keyid:always") &&
      X509_add1_ext_i2d(cert.get(), NID_subject_alt_name, names.get(), 0, 0) == 1 &&
      X509_sign(cert.get(), ca.key.get(), EVP_sha256()) > 0;
  if (!ok) {
    return fail(Failure::io,
                fmt::format("cannot sign the certificate of {}: OpenSSL refused it", request.name));
  }
  return cert;
}

Result<Authority> load_authority(Files& files, const std::string& folder) {
  Authority ca;
  WEIR_TRY(ca.cert, load_cert(files, folder + "/ca.crt"));
  WEIR_TRY(ca.key, load_key(files, folder + "/ca.key"));
  if (X509_check_private_key(ca.cert.get(), ca.key.get()) != 1) {
    return fail(Failure::bad_data,
                fmt::format("{}/ca.crt and {}/ca.key do not belong together", folder, folder));
  }
  ca.pem = pem_of(ca.cert.get());
  return ca;
}

Result<> make_ca(Files& files, const std::string& folder, const std::string& fleet, WallTime now) {
  const std::string crt = folder + "/ca.crt";
  const std::string key_path = folder + "/ca.key";
  if (files.exists(crt)) {
    if (!files.exists(key_path)) {
      return fail(
          Failure::bad_data,
          fmt::format("cannot use the CA in {}: ca.crt is there but ca.key is not", folder));
    }
    WEIR_TRY_(load_authority(files, folder));
    return {};
  }
  WEIR_TRY_(files.make_folder(folder));
  // The key goes first: whoever was killed before the certificate was written is continued here.
  WEIR_TRY(const Key key, key_at(files, key_path));
  WEIR_TRY(const Cert cert, self_signed(key.get(), fleet, now));
  return files.write(crt, pem_of(cert.get()), 0644);
}

Result<> issue(Files& files, const std::string& ca_folder, const std::string& folder,
               const CertRequest& request, WallTime now, Random& random) {
  WEIR_TRY_(check_name(request.name));
  WEIR_TRY(const Authority ca, load_authority(files, ca_folder));
  WEIR_TRY_(files.make_folder(folder));
  if (const auto have = files.read(folder + "/ca.crt"); !have || *have != ca.pem) {
    WEIR_TRY_(files.write(folder + "/ca.crt", ca.pem, 0644));
  }
  WEIR_TRY_(mend(files, folder, request.name));
  const std::string base = folder + "/" + request.name;
  if (may_be_kept(files, base + ".crt", base + ".key", ca, request, now)) return {};
  WEIR_TRY(const Key key, key_at(files, base + ".key.next"));
  WEIR_TRY(const Cert cert, sign(ca, key.get(), request, now, random));
  WEIR_TRY_(note_signed(files, ca_folder, request.name, cert.get(), now));
  return put_in_place(files, folder, request.name, pem_of(cert.get()));
}

Result<std::string> hash_of_cert(const std::string& pem) {
  WEIR_TRY(const Cert cert, cert_from(pem, "the answer"));
  return hash_of(cert.get());
}

Result<CertFacts> read_cert(Files& files, const std::string& path) {
  WEIR_TRY(const Cert cert, load_cert(files, path));
  return facts_of(cert.get());
}

}  // namespace weir::access
