// What the files of this folder share of OpenSSL's X.509: owned objects, PEM texts, and the CA.
// The library's own headers stay in the .cpp files.
#pragma once

#include <memory>
#include <string>

#include "access/access.h"

struct evp_pkey_st;
struct x509_st;
struct X509_req_st;
struct X509_crl_st;
struct asn1_string_st;

namespace weir::access {

struct FreeX509 {
  void operator()(evp_pkey_st* key) const;
  void operator()(x509_st* cert) const;
  void operator()(X509_req_st* request) const;
  void operator()(X509_crl_st* crl) const;
};
using Key = std::unique_ptr<evp_pkey_st, FreeX509>;
using Cert = std::unique_ptr<x509_st, FreeX509>;
using Request = std::unique_ptr<X509_req_st, FreeX509>;
using SignedCrl = std::unique_ptr<X509_crl_st, FreeX509>;

std::string pem_of(x509_st* cert);
std::string pem_of(evp_pkey_st* key);  // PKCS#8, unencrypted
std::string pem_of(X509_req_st* request);
std::string pem_of(X509_crl_st* crl);
// `named` is what an error calls it.
Result<Cert> cert_from(const std::string& pem, const std::string& named);
Result<Request> request_from(const std::string& pem);
SignedCrl signed_crl_from(const std::string& pem);  // null for what is none
Result<Cert> load_cert(Files& files, const std::string& path);
Result<Key> load_key(Files& files, const std::string& path);
Result<Key> new_key();  // EC P-256
std::string public_pem_of(evp_pkey_st* key);
Result<Key> public_key_from(const std::string& pem);
// Loads the key at `path`, or makes one (EC P-256) and writes it there, 0600.
Result<Key> key_at(Files& files, const std::string& path);

std::string common_name(x509_st* cert);
std::string hex_of(const asn1_string_st* serial);
Result<WallTime> wall_time(const asn1_string_st* at);
Result<CertFacts> facts_of(x509_st* cert);
// SHA-256 of the DER form, hex: of a public key, of a whole certificate.
std::string hash_of(evp_pkey_st* key);
std::string hash_of(x509_st* cert);
// 1 to 64 letters, digits, '-', '_', '.': nothing that could mean something else in a certificate.
Result<> check_name(const std::string& name);

// The CA with its key.
struct Authority {
  Cert cert;
  Key key;
  std::string pem;
};
Result<Authority> load_authority(Files& files, const std::string& folder);
// A certificate of `key` with the names of `request`, for as long as it says.
Result<Cert> sign(const Authority& ca, evp_pkey_st* key, const CertRequest& request, WallTime now,
                  Random& random);

// CA_FOLDER/signed/HOST/SERIAL stands for every certificate that was signed and has not ended: what
// a revocation must name. Called before the certificate leaves.
Result<> note_signed(Files& files, const std::string& ca_folder, const std::string& host,
                     x509_st* cert, WallTime now);
Result<std::set<std::string>> signed_serials(Files& files, const std::string& ca_folder,
                                             const std::string& host);
// A CRL with what stands in `revoked`.
Result<SignedCrl> sign_crl(const Authority& ca, std::int64_t number,
                           const std::map<std::string, WallTime>& revoked, WallTime now);

// NAME.key.next and `pem`, which belong together, become NAME.key and NAME.crt.
Result<> put_in_place(Files& files, const std::string& folder, const std::string& name,
                      const std::string& pem);

}  // namespace weir::access
