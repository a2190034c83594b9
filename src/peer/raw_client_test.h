// A TLS client that does what our own client never would: no certificate, broken HTTP, silence.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "peer/peer.h"

namespace weir::peer {

class RawClient {
 public:
  // Connects and shakes hands; `identity` null: shows no certificate. It verifies nothing.
  RawClient(const std::string& ip, std::uint16_t port, const Identity* identity)
      : context_(SSL_CTX_new(TLS_client_method())),
        socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (identity != nullptr) {
      SSL_CTX_use_certificate_chain_file(context_, identity->cert.c_str());
      SSL_CTX_use_PrivateKey_file(context_, identity->key.c_str(), SSL_FILETYPE_PEM);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, ip.c_str(), &to.sin_addr);
    const timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return;
    tls_ = SSL_new(context_);
    SSL_set_fd(tls_, socket_);
    shaken_ = SSL_connect(tls_) == 1;
  }
  ~RawClient() {
    if (tls_ != nullptr) SSL_free(tls_);
    SSL_CTX_free(context_);
    ::close(socket_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(const std::string& text) {
    return shaken_ && SSL_write(tls_, text.data(), static_cast<int>(text.size())) > 0;
  }

  // Sends `text` and returns what comes back first; empty if the connection ends instead.
  std::string exchange(const std::string& text) {
    if (!send(text)) return {};
    char bytes[4096];
    std::string out;
    // The head and the body of an answer may come in two records.
    while (out.find("\r\n\r\n") == std::string::npos || out.ends_with("\r\n\r\n")) {
      const int size = SSL_read(tls_, bytes, sizeof bytes);
      if (size <= 0) break;
      out.append(bytes, static_cast<std::size_t>(size));
    }
    return out;
  }

  std::string serial_of_listener() const {
    X509* cert = tls_ == nullptr ? nullptr : SSL_get1_peer_certificate(tls_);
    if (cert == nullptr) return {};
    BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), nullptr);
    char* text = BN_bn2hex(number);
    std::string out = text;
    OPENSSL_free(text);
    BN_free(number);
    X509_free(cert);
    return out;
  }

 private:
  SSL_CTX* context_;
  int socket_;
  SSL* tls_ = nullptr;
  bool shaken_ = false;
};

}  // namespace weir::peer
