// The listening side of the peer port. The only file that includes Beast: it costs 20 s to compile.
// One io_context thread speaks with all connections and never blocks; handlers run on a Crew.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "peer/crew.h"
#include "peer/peer.h"
#include "peer/tls.h"
#include "peer/wire.h"

namespace weir::peer {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kRequestTime = 10s;   // handshake, or a request from its first byte to its last
constexpr auto kIdleTime = 60s;      // between requests; clients stop reusing at 50 s
constexpr auto kAnswerTime = 30s;    // 16 MiB over a slow link
constexpr auto kLingerTime = 2s;     // so that a refused sender reads why, instead of a reset
constexpr auto kAcceptPause = 50ms;  // when the process is out of descriptors
constexpr auto kRenewalLook = 5s;    // how soon a renewed certificate is served
constexpr auto kCrlLook = 500ms;     // how soon a revoked caller's connections are ended
constexpr std::size_t kReadBytes = 16u << 10;
constexpr std::uint32_t kHeaderBytesMax = 16u << 10;
constexpr std::size_t kStrangerBytesMax = 64u << 10;
constexpr std::size_t kConnectionsMax = 2048;
constexpr std::size_t kWaitingMax = 1000;

using Tls = std::shared_ptr<ssl::context>;

// The three PEM texts of an Identity, as they lie on disk now.
struct Pem {
  std::string cert, key, ca;
  bool operator==(const Pem&) const = default;
};

Result<std::string> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Failure::denied, fmt::format("cannot read the identity file {}", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<Pem> read_pem(const Identity& identity) {
  Pem pem;
  WEIR_TRY(pem.cert, read_whole(identity.cert));
  WEIR_TRY(pem.key, read_whole(identity.key));
  WEIR_TRY(pem.ca, read_whole(identity.ca));
  return pem;
}

Result<Tls> make_tls(const Pem& pem, const Identity& identity, bool strangers) {
  const auto crl = identity.revoked ? identity.revoked->known() : nullptr;
  try {
    auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* native = tls->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    // Connections are kept, so sessions need not be: a resumed one would outlive a certificate.
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_num_tickets(native, 0);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    tls->use_certificate_chain(asio::buffer(pem.cert));
    tls->use_private_key(asio::buffer(pem.key), ssl::context::pem);
    tls->add_certificate_authority(asio::buffer(pem.ca));
    // What is shown is verified in any case; strangers may show nothing.
    tls->set_verify_mode(strangers ? ssl::verify_peer
                                   : ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    if (crl && !check_revoked(native, *crl)) {
      return fail(Failure::bad_data, fmt::format("cannot use CRL number {}", crl->number));
    }
    return tls;
  } catch (const boost::system::system_error& error) {
    return fail(Failure::denied, fmt::format("cannot use the certificate {} with its key: {}",
                                             identity.cert, error.code().message()));
  }
}

class Connection;

// Who hears the callers of this CA, and who those that have no certificate; the latter may be
// empty.
struct Handlers {
  Handler known;
  Handler strangers;
  std::shared_ptr<Revoked> revoked;  // may be null
};

// Which connections are open, so that a stop can end them. Any thread: a job that is dropped may
// hold the last reference.
class Register {
 public:
  void add(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex_);
    open_[connection.get()] = connection;
  }
  void drop(Connection* connection) {
    const std::lock_guard lock(mutex_);
    open_.erase(connection);
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }
  std::vector<std::shared_ptr<Connection>> all() {
    std::vector<std::shared_ptr<Connection>> out;
    const std::lock_guard lock(mutex_);
    for (const auto& [raw, weak] : open_) {
      if (auto connection = weak.lock()) out.push_back(std::move(connection));
    }
    return out;
  }

 private:
  std::mutex mutex_;
  std::map<Connection*, std::weak_ptr<Connection>> open_;
};

// One client. All methods run on the io thread; whatever is pending holds a shared_ptr.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Tls tls, const Handlers& handlers, Crew& crew, Register& open)
      : tls_(std::move(tls)),
        stream_(std::move(socket), *tls_),
        handlers_(handlers),
        crew_(crew),
        open_(open) {}
  ~Connection() { open_.drop(this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() {
    open_.add(shared_from_this());
    lowest().expires_after(kRequestTime);
    stream_.async_handshake(ssl::stream_base::server,
                            [self = shared_from_this()](error_code error) {
                              if (error) return self->linger();
                              auto shown = shown_by(self->stream_.native_handle());
                              self->stranger_ = !shown;
                              self->shown_ = std::move(shown).value_or(Shown{});
                              // The handshake may have begun before the list came.
                              if (self->is_revoked()) return self->close();
                              self->wait(kRequestTime);
                            });
  }

  void close() { lowest().close(); }
  bool is_revoked() const {
    return handlers_.revoked && handlers_.revoked->known()->revoked.contains(shown_.serial);
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  // Waits for the first byte apart from the rest: an idle client may take long, a slow one not.
  void wait(Duration limit) {
    if (buffer_.size() > 0) return read();
    lowest().expires_after(limit);
    stream_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (error) return self->close();
                              self->buffer_.commit(size);
                              self->read();
                            });
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(stranger_ ? kStrangerBytesMax : kBodyBytesMax);
    parser_->header_limit(kHeaderBytesMax);
    lowest().expires_after(kRequestTime);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->take(error); });
  }

  void take(error_code error) {
    if (error == http::error::body_limit) {
      return refuse(http::status::payload_too_large, Failure::bad_data,
                    fmt::format("the request is over {} KiB",
                                (stranger_ ? kStrangerBytesMax : kBodyBytesMax) >> 10));
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return refuse(http::status::bad_request, Failure::bad_data,
                    "the request is not HTTP: " + error.message());
    }
    if (error) return close();
    const auto& request = parser_->get();
    keep_ = request.keep_alive();
    if (request.method() != http::verb::post) {
      return refuse(http::status::method_not_allowed, Failure::unsupported,
                    "the request is no POST");
    }
    hand_over({std::string(request.target()), Json(), shown_.name, shown_.serial},
              std::move(parser_->get().body()));
  }

  void hand_over(Request request, std::string body) {
    lowest().expires_never();
    auto job = [self = shared_from_this(), request = std::move(request),
                body = std::move(body)]() mutable {
      auto [status, text] = self->run(request, body);
      // The job's own reference moves on with the answer, so that the io thread drops the last.
      auto executor = self->stream_.get_executor();
      asio::post(executor, [self = std::move(self), status, text = std::move(text)]() mutable {
        self->answer(status, std::move(text));
      });
    };
    if (!crew_.begin(std::move(job))) {
      answer_error(http::status::service_unavailable, Failure::unreachable,
                   "too many calls wait already");
    }
  }

  // On a thread of the crew.
  std::pair<http::status, std::string> run(Request& request, const std::string& body) const {
    auto json = Json::parse(body, kBodyBytesMax);
    auto result = json ? Result<Json>(Json()) : Result<Json>(fail(json.error()));
    if (json) {
      request.body = std::move(*json);
      result = stranger_ ? handlers_.strangers(request) : handlers_.known(request);
    }
    if (result) {
      std::string text = result->dump();
      if (text.size() <= kBodyBytesMax) return {http::status::ok, std::move(text)};
      result =
          fail(Failure::bad_data, fmt::format("the answer is over {} MiB", kBodyBytesMax >> 20));
    }
    const auto status = static_cast<unsigned>(status_of(result.error().failure));
    return {http::int_to_status(status), to_json(result.error()).dump()};
  }

  // Answers, and ends the connection: what follows on it cannot be understood.
  void refuse(http::status status, Failure failure, std::string what) {
    keep_ = false;
    answer_error(status, failure, std::move(what));
  }

  void answer_error(http::status status, Failure failure, std::string what) {
    answer(status, to_json(Error{failure, std::move(what), {}, Here::now()}).dump());
  }

  void answer(http::status status, std::string text) {
    response_ = {};
    response_.result(status);
    response_.version(11);
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(keep_);
    response_.body() = std::move(text);
    response_.prepare_payload();
    lowest().expires_after(kAnswerTime);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error) return self->close();
                        if (!self->keep_) return self->linger();
                        self->wait(kIdleTime);
                      });
  }

  // A socket closed with unread bytes answers with a reset, which overtakes what we wrote last: a
  // TLS alert or the reason of a refusal. So we end our half and read theirs for a while.
  void linger() {
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    lowest().expires_after(kLingerTime);
    discard();
  }

  void discard() {
    lowest().async_read_some(asio::buffer(waste_),
                             [self = shared_from_this()](error_code error, std::size_t) {
                               if (error) return self->close();
                               self->discard();
                             });
  }

  Tls tls_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  const Handlers& handlers_;
  Crew& crew_;
  Register& open_;
  Shown shown_;
  bool stranger_ = false;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::array<char, kReadBytes> waste_{};
  bool keep_ = true;
};

class Server : public Listener {
 public:
  Server(Identity identity, Handlers handlers, int calls_max)
      : identity_(std::move(identity)),
        handlers_(std::move(handlers)),
        crew_(static_cast<std::size_t>(calls_max), kWaitingMax) {}

  ~Server() override {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      renewal_timer_.cancel();
      crl_timer_.cancel();
      for (const auto& connection : open_.all()) connection->close();
    });
    crew_.stop();
    io_.stop();
    thread_.join();
  }

  std::uint16_t port() const override { return port_; }

  Result<> start(const std::string& ip, std::uint16_t port) {
    WEIR_TRY(pem_, read_pem(identity_));
    WEIR_TRY(tls_, make_tls(pem_, identity_, handlers_.strangers != nullptr));
    error_code error;
    const auto address = asio::ip::make_address(ip, error);
    if (error) {
      return fail(Failure::bad_config, fmt::format("cannot listen on '{}': it is no address", ip));
    }
    const tcp::endpoint here(address, port);
    acceptor_.open(here.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(here, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(ip, port, error);
    port_ = acceptor_.local_endpoint(error).port();
    look_again();
    look_for_crl();
    accept();
    try {
      thread_ = std::thread([this] { io_.run(); });
    } catch (const std::system_error& exhausted) {
      return fail(Failure::io, fmt::format("cannot listen on {}:{}: no thread: {}", ip, port,
                                           exhausted.code().message()));
    }
    return {};
  }

 private:
  static tl::unexpected<Error> cannot_listen(const std::string& ip, std::uint16_t port,
                                             error_code error) {
    const std::string where = fmt::format("{}:{}", ip, port);
    if (error == asio::error::address_in_use) {
      return fail(Failure::held,
                  fmt::format("cannot listen on {}: another process has this address", where),
                  fmt::format("ss -ltnp 'src {}'", where));
    }
    if (error == asio::error::access_denied) {
      return fail(Failure::denied, fmt::format("cannot listen on {}: {}", where, error.message()));
    }
    if (error == boost::system::errc::address_not_available) {
      return fail(Failure::bad_config,
                  fmt::format("cannot listen on {}: this machine has no such address", where));
    }
    return fail(Failure::io, fmt::format("cannot listen on {}: {}", where, error.message()));
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return pause();
      take(std::move(socket));
      accept();
    });
  }

  void pause() {
    timer_.expires_after(kAcceptPause);
    timer_.async_wait([this](error_code error) {
      if (!error && acceptor_.is_open()) accept();
    });
  }

  void take(tcp::socket socket) {
    if (open_.count() >= kConnectionsMax) return;
    if (identity_.revoked) obey_crl();
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::make_shared<Connection>(std::move(socket), tls_, handlers_, crew_, open_)->start();
    look_for_renewal();
  }

  void look_again() {
    renewal_timer_.expires_after(kRenewalLook);
    renewal_timer_.async_wait([this](error_code error) {
      if (error) return;
      look_for_renewal();
      look_again();
    });
  }

  // What this process learns of revocations lies in memory, so this may be done on the io thread.
  void look_for_crl() {
    if (!identity_.revoked) return;
    crl_timer_.expires_after(kCrlLook);
    crl_timer_.async_wait([this](error_code error) {
      if (error) return;
      obey_crl();
      look_for_crl();
    });
  }

  void obey_crl() {
    const auto crl = identity_.revoked->known();
    if (crl->number == crl_number_) return;
    auto tls = make_tls(pem_, identity_, handlers_.strangers != nullptr);
    if (!tls) return;
    tls_ = std::move(*tls);
    crl_number_ = crl->number;
    for (const auto& connection : open_.all()) {
      if (connection->is_revoked()) connection->close();
    }
  }

  // A renewed certificate is picked up by itself, also where nobody connects: the
  // files are read on the crew, because a disk that hangs must not silence the heartbeats on the io
  // thread.
  void look_for_renewal() {
    if (looking_) return;
    looking_ = crew_.begin([this, had = pem_] {
      auto pem = read_pem(identity_);
      Result<Tls> tls = pem && *pem != had
                            ? make_tls(*pem, identity_, handlers_.strangers != nullptr)
                            : Result<Tls>(Tls());
      asio::post(io_, [this, pem = std::move(pem), tls = std::move(tls)]() mutable {
        looking_ = false;
        // Files that do not fit together are a renewal under way; the old ones still serve.
        if (!pem || !tls || !*tls) return;
        pem_ = std::move(*pem);
        tls_ = std::move(*tls);
        // It was made beside us, perhaps by a list that is no longer the newest.
        crl_number_ = 0;
        if (identity_.revoked) obey_crl();
      });
    });
  }

  // Connections end with the io_context and use all that stands before it.
  const Identity identity_;
  const Handlers handlers_;
  Register open_;
  Crew crew_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer timer_{io_};
  asio::steady_timer renewal_timer_{io_};
  asio::steady_timer crl_timer_{io_};
  std::int64_t crl_number_ = 0;
  Pem pem_;
  Tls tls_;
  bool looking_ = false;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen(const std::string& ip, std::uint16_t port,
                                         const Identity& identity, Handler handler, int calls_max,
                                         Handler strangers) {
  auto server = std::make_unique<Server>(
      identity, Handlers{std::move(handler), std::move(strangers), identity.revoked}, calls_max);
  WEIR_TRY_(server->start(ip, port));
  return std::unique_ptr<Listener>(std::move(server));
}

}  // namespace weir::peer
