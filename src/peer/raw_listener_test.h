// A TLS listener that dies at the worst moment: it reads a request to its end and answers nothing.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "peer/peer.h"

namespace weir::peer {

class RawListener {
 public:
  // Answers `answers` requests with {}, ends the connection at the next, then goes on answering.
  RawListener(const std::string& ip, const Identity& identity, int answers)
      : context_(SSL_CTX_new(TLS_server_method())),
        socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        answers_(answers) {
    SSL_CTX_use_certificate_chain_file(context_, identity.cert.c_str());
    SSL_CTX_use_PrivateKey_file(context_, identity.key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_num_tickets(context_, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    ::inet_pton(AF_INET, ip.c_str(), &here.sin_addr);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&here), sizeof here);
    ::listen(socket_, 8);
    socklen_t size = sizeof here;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size);
    port_ = ntohs(here.sin_port);
    thread_ = std::thread([this] { work(); });
  }
  // Call it once the clients are gone.
  ~RawListener() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
    SSL_CTX_free(context_);
  }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  std::uint16_t port() const { return port_; }
  int requests() const { return requests_; }
  int connections() const { return connections_; }

 private:
  void work() {
    while (true) {
      const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      SSL* tls = SSL_new(context_);
      SSL_set_fd(tls, client);
      if (SSL_accept(tls) == 1) {
        ++connections_;
        serve(tls);
      }
      SSL_free(tls);
      ::close(client);
    }
  }

  void serve(SSL* tls) {
    std::string text;
    char bytes[4096];
    while (true) {
      const int size = SSL_read(tls, bytes, sizeof bytes);
      if (size <= 0) return;
      text.append(bytes, static_cast<std::size_t>(size));
      if (!text.ends_with('}')) continue;
      text.clear();
      if (++requests_ == answers_ + 1) return;
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
      SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
    }
  }

  SSL_CTX* context_;
  int socket_;
  const int answers_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_{0};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

}  // namespace weir::peer
