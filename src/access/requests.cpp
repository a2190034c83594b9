// The side of a host that wants a certificate: its key is made here and never leaves.
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <fmt/format.h>

#include "access/x509.h"

namespace weir::access {
namespace {

std::string base_of(const std::string& folder, const std::string& name) {
  return folder + "/" + name;
}

bool belong_together(Files& files, const std::string& crt, const std::string& key) {
  const auto cert = load_cert(files, crt);
  const auto own = load_key(files, key);
  return cert && own && X509_check_private_key(cert->get(), own->get()) == 1;
}

}  // namespace

Result<std::string> request_cert(Files& files, const std::string& folder, const std::string& name) {
  WEIR_TRY_(check_name(name));
  WEIR_TRY_(files.make_folder(folder));
  WEIR_TRY(const Key key, key_at(files, base_of(folder, name) + ".key.next"));
  const Request request(X509_REQ_new());
  const bool ok =
      request && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
      X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request.get()), NID_commonName,
                                 MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) == 1 &&
      X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
  if (!ok) {
    return fail(Failure::io,
                fmt::format("cannot ask for a certificate of {}: OpenSSL refused it", name));
  }
  return pem_of(request.get());
}

Result<> accept_cert(Files& files, const std::string& folder, const std::string& name,
                     const std::string& pem) {
  WEIR_TRY(const Cert cert, cert_from(pem, "the answer"));
  WEIR_TRY(const Cert ca, load_cert(files, folder + "/ca.crt"));
  WEIR_TRY(const Key key, load_key(files, base_of(folder, name) + ".key.next"));
  if (X509_verify(cert.get(), X509_get0_pubkey(ca.get())) != 1) {
    return fail(
        Failure::denied,
        fmt::format("cannot accept a certificate of {}: it is not of this fleet's CA", name));
  }
  if (X509_check_private_key(cert.get(), key.get()) != 1 || common_name(cert.get()) != name) {
    return fail(
        Failure::bad_data,
        fmt::format("cannot accept a certificate of {}: it is for another key or name", name));
  }
  return put_in_place(files, folder, name, pem_of(cert.get()));
}

// Two renames cannot be one. Until the second is done no pair fits together, which readers take
// for a renewal under way; whoever comes after a cut finishes it by `mend`.
Result<> put_in_place(Files& files, const std::string& folder, const std::string& name,
                      const std::string& pem) {
  const std::string base = base_of(folder, name);
  WEIR_TRY_(files.write(base + ".crt", pem, 0644));
  return files.rename(base + ".key.next", base + ".key");
}

Result<> mend(Files& files, const std::string& folder, const std::string& name) {
  const std::string base = base_of(folder, name);
  if (!files.exists(base + ".key.next")) return {};
  if (!belong_together(files, base + ".crt", base + ".key.next")) return {};
  return files.rename(base + ".key.next", base + ".key");
}

}  // namespace weir::access
