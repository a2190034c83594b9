// The fleet's own CA and the certificates that it signs. OpenSSL's X.509 calls stay in this file.
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>

#include "access/access.h"

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
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, FreeBy<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;
using Number = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;

// Clocks of hosts differ: a certificate made now must be valid on a host that is a little behind.
constexpr Duration kSkew = std::chrono::hours(1);
constexpr Duration kCaLife = std::chrono::hours(24 * 3653);
constexpr std::size_t kNameBytesMax = 64;  // X.509's own bound of a common name

struct Authority {
  Cert cert;
  Key key;
  std::string pem;
};

std::time_t seconds(WallTime at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

Result<WallTime> wall_time(const ASN1_TIME* at) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1) {
    return fail(Failure::bad_data, "cannot read a certificate's time: it is not a valid date");
  }
  return WallTime{std::chrono::seconds(timegm(&parts))};
}

std::string content(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string pem_of(X509* cert) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), cert);
  return content(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return content(bio.get());
}

Result<Cert> load_cert(Files& files, const std::string& path) {
  WEIR_TRY(const std::string text, files.read(path));
  Cert cert(PEM_read_bio_X509(reader(text).get(), nullptr, nullptr, nullptr));
  if (!cert) return fail(Failure::bad_data, fmt::format("{} holds no certificate", path));
  return cert;
}

Result<Key> load_key(Files& files, const std::string& path) {
  WEIR_TRY(const std::string text, files.read(path));
  // An empty pass phrase, so that an encrypted key fails instead of asking at the terminal.
  char none[] = "";
  Key key(PEM_read_bio_PrivateKey(reader(text).get(), nullptr, nullptr, none));
  if (!key) return fail(Failure::bad_data, fmt::format("{} holds no private key", path));
  return key;
}

Result<Key> new_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return fail(Failure::io, "cannot make a private key: OpenSSL has no P-256");
  return key;
}

// Loads the key at `path`, or makes one and writes it there.
Result<Key> key_at(Files& files, const std::string& path) {
  if (files.exists(path)) return load_key(files, path);
  WEIR_TRY(Key key, new_key());
  WEIR_TRY_(files.write(path, pem_of(key.get()), 0600));
  return key;
}

std::string common_name(X509* cert) {
  char text[256] = {};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
                                             static_cast<int>(sizeof text));
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
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

Result<Cert> signed_by(const Authority& ca, EVP_PKEY* key, const CertRequest& request, WallTime now,
                       Random& random) {
  WEIR_TRY(const WallTime ca_until, wall_time(X509_get0_notAfter(ca.cert.get())));
  WEIR_TRY(const Names names, alternative_names(request));
  unsigned char serial[16] = {};
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = random.next();
    for (std::size_t i = 0; i < 8; ++i, word >>= 8) {
      serial[half * 8 + i] = static_cast<unsigned char>(word & 0xff);
    }
  }
  Cert cert = blank_cert(key, now - kSkew, std::min(now + request.valid, ca_until));
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

bool under_two_thirds(X509* cert, WallTime now) {
  const auto from = wall_time(X509_get0_notBefore(cert));
  const auto until = wall_time(X509_get0_notAfter(cert));
  return from && until && now >= *from && now < *from + (*until - *from) / 3 * 2;
}

bool may_be_kept(Files& files, const std::string& crt, EVP_PKEY* key, const Authority& ca,
                 const CertRequest& request, WallTime now) {
  const auto cert = load_cert(files, crt);
  return cert && X509_check_private_key(cert->get(), key) == 1 &&
         X509_verify(cert->get(), ca.key.get()) == 1 && names_the_same(cert->get(), request) &&
         under_two_thirds(cert->get(), now);
}

}  // namespace

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
  if (!is_plain_name(request.name)) {
    return fail(Failure::bad_config,
                fmt::format("cannot certify '{}': a name is 1 to {} letters, digits, '-', '_', '.'",
                            request.name, kNameBytesMax));
  }
  WEIR_TRY(const Authority ca, load_authority(files, ca_folder));
  WEIR_TRY_(files.make_folder(folder));
  if (const auto have = files.read(folder + "/ca.crt"); !have || *have != ca.pem) {
    WEIR_TRY_(files.write(folder + "/ca.crt", ca.pem, 0644));
  }
  // A renewal keeps the key: certificate and key then change together, by one rename.
  const std::string crt = folder + "/" + request.name + ".crt";
  WEIR_TRY(const Key key, key_at(files, folder + "/" + request.name + ".key"));
  if (may_be_kept(files, crt, key.get(), ca, request, now)) return {};
  WEIR_TRY(const Cert cert, signed_by(ca, key.get(), request, now, random));
  return files.write(crt, pem_of(cert.get()), 0644);
}

Result<CertFacts> read_cert(Files& files, const std::string& path) {
  WEIR_TRY(const Cert cert, load_cert(files, path));
  CertFacts facts;
  facts.name = common_name(cert.get());
  WEIR_TRY(facts.from, wall_time(X509_get0_notBefore(cert.get())));
  WEIR_TRY(facts.until, wall_time(X509_get0_notAfter(cert.get())));
  return facts;
}

}  // namespace weir::access
