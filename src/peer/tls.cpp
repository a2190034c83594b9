// Certificates as a connection shows them, and those that count no more.
#include "peer/tls.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <utility>

#include "base/text.h"
#include "peer/peer.h"

namespace weir::peer {

Revoked::Revoked(access::Crl crl) : crl_(std::make_shared<const access::Crl>(std::move(crl))) {}

void Revoked::learn(access::Crl crl) {
  auto next = std::make_shared<const access::Crl>(std::move(crl));
  const std::lock_guard lock(mutex_);
  if (next->number > crl_->number) crl_ = std::move(next);
}

std::shared_ptr<const access::Crl> Revoked::known() const {
  const std::lock_guard lock(mutex_);
  return crl_;
}

bool check_revoked(SSL_CTX* context, const access::Crl& crl) {
  if (crl.pem.empty()) return true;
  BIO* reader = BIO_new_mem_buf(crl.pem.data(), static_cast<int>(crl.pem.size()));
  X509_CRL* list = PEM_read_bio_X509_CRL(reader, nullptr, nullptr, nullptr);
  BIO_free(reader);
  if (list == nullptr) return false;
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  const bool added = X509_STORE_add_crl(store, list) == 1 &&
                     X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
  X509_CRL_free(list);
  return added;
}

std::optional<Shown> shown_by(const SSL* connection) {
  X509* cert = SSL_get1_peer_certificate(connection);
  if (cert == nullptr) return std::nullopt;
  Shown shown;
  char text[256] = {};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
                                             static_cast<int>(sizeof text));
  if (size > 0) shown.name.assign(text, static_cast<std::size_t>(size));
  const ASN1_INTEGER* serial = X509_get0_serialNumber(cert);
  shown.serial = to_hex({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                         static_cast<std::size_t>(ASN1_STRING_length(serial))});
  X509_free(cert);
  return shown;
}

}  // namespace weir::peer
