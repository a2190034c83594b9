// OpenSSL's X.509 calls: keys, certificates and what stands in them.
#include "access/x509.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "access/bytes.h"
#include "base/text.h"

#include <fmt/format.h>

namespace weir::access {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

constexpr std::size_t kNameBytesMax = 64;  // X.509's own bound of a common name

std::string content(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace

void FreeX509::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void FreeX509::operator()(x509_st* cert) const { X509_free(cert); }
void FreeX509::operator()(X509_req_st* request) const { X509_REQ_free(request); }
void FreeX509::operator()(X509_crl_st* crl) const { X509_CRL_free(crl); }

Result<WallTime> wall_time(const ASN1_TIME* at) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1) {
    return fail(Failure::bad_data, "cannot read a certificate's time: it is not a valid date");
  }
  return WallTime{std::chrono::seconds(timegm(&parts))};
}

std::string hex_of(const ASN1_INTEGER* serial) {
  return to_hex({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                 static_cast<std::size_t>(ASN1_STRING_length(serial))});
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

std::string pem_of(X509_REQ* request) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request);
  return content(bio.get());
}

std::string pem_of(X509_CRL* crl) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_CRL(bio.get(), crl);
  return content(bio.get());
}

SignedCrl signed_crl_from(const std::string& pem) {
  return SignedCrl(PEM_read_bio_X509_CRL(reader(pem).get(), nullptr, nullptr, nullptr));
}

Result<Cert> cert_from(const std::string& pem, const std::string& named) {
  Cert cert(PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
  if (!cert) return fail(Failure::bad_data, fmt::format("{} holds no certificate", named));
  return cert;
}

Result<Request> request_from(const std::string& pem) {
  Request request(PEM_read_bio_X509_REQ(reader(pem).get(), nullptr, nullptr, nullptr));
  if (!request) return fail(Failure::bad_data, "this is no certificate request");
  return request;
}

Result<Cert> load_cert(Files& files, const std::string& path) {
  WEIR_TRY(const std::string text, files.read(path));
  return cert_from(text, path);
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

std::string public_pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key);
  return content(bio.get());
}

Result<Key> public_key_from(const std::string& pem) {
  Key key(PEM_read_bio_PUBKEY(reader(pem).get(), nullptr, nullptr, nullptr));
  if (!key) return fail(Failure::bad_data, "this is no public key");
  return key;
}

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

Result<CertFacts> facts_of(X509* cert) {
  CertFacts facts;
  facts.name = common_name(cert);
  facts.serial = hex_of(X509_get0_serialNumber(cert));
  WEIR_TRY(facts.from, wall_time(X509_get0_notBefore(cert)));
  WEIR_TRY(facts.until, wall_time(X509_get0_notAfter(cert)));
  return facts;
}

std::string hash_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  std::string hash =
      size > 0 ? sha256_hex({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)}) : "";
  OPENSSL_free(der);
  return hash;
}

std::string hash_of(X509* cert) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(cert, EVP_sha256(), digest.data(), &size) != 1) return {};
  return to_hex({reinterpret_cast<char*>(digest.data()), size});
}

Result<> check_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= kNameBytesMax &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                     });
  if (plain) return {};
  return fail(Failure::bad_config,
              fmt::format("cannot certify '{}': a name is 1 to {} letters, digits, '-', '_', '.'",
                          name, kNameBytesMax));
}

bool renewal_due(const CertFacts& facts, WallTime now) {
  return now < facts.from || now >= facts.from + (facts.until - facts.from) / 3 * 2;
}

}  // namespace weir::access
