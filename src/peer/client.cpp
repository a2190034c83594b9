// The calling side of the peer port. libcurl stays in this file.
//
// What matters here is to know whether a request may have been handled. libcurl by itself sends a
// POST again when a reused connection ends without an answer, also if the other side died after it
// did the work. So no socket is opened for a call whose body has begun to leave, and the body is
// given by a callback that cannot be rewound.
#include <curl/curl.h>

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "peer/peer.h"
#include "peer/tls.h"
#include "peer/wire.h"

namespace weir::peer {
namespace {

// Shorter than the listener's idle time, so that we do not reuse what it is about to end.
constexpr long kReuseSeconds = 50;
constexpr std::size_t kIdlePerTargetMax = 16;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

// One connection to one target, with the options that never change. Serves one call at a time.
struct Line {
  std::unique_ptr<CURL, FreeHandle> handle;
  List headers;
  List connect_to;
  std::int64_t crl = 0;  // number of the list by which its connections were judged
};

// What one call has sent and received so far.
struct Exchange {
  std::string_view unsent;
  bool sent = false;
  std::string answer;
  bool too_large = false;
};

std::size_t give(char* to, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = std::min(size * count, exchange.unsent.size());
  std::memcpy(to, exchange.unsent.data(), bytes);
  exchange.unsent.remove_prefix(bytes);
  exchange.sent = true;
  return bytes;
}

// A new connection is right for a call that has sent nothing, and a repetition for any other.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* to) {
  if (static_cast<const Exchange*>(user)->sent) return CURL_SOCKET_BAD;
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

std::size_t take(char* from, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  if (exchange.answer.size() + bytes > kBodyBytesMax) {
    exchange.too_large = true;
    return 0;
  }
  exchange.answer.append(from, bytes);
  return bytes;
}

// An alert about our certificate means that the other side never finished the handshake. With TLS
// 1.3 it reaches us only after we have sent the request.
bool says_not_you(std::string_view words) {
  if (words.find("alert") == std::string_view::npos) return false;
  return words.find("certificate") != std::string_view::npos ||
         words.find("unknown ca") != std::string_view::npos ||
         words.find("decrypt error") != std::string_view::npos;
}

bool says_revoked(std::string_view words) {
  return words.find("certificate revoked") != std::string_view::npos;
}

// At each new connection: what counts no more is told to OpenSSL, which looks at both ends' chains.
CURLcode tell_revoked(CURL*, void* context, void* user) {
  const auto* revoked = static_cast<const Revoked*>(user);
  return check_revoked(static_cast<ssl_ctx_st*>(context), *revoked->known())
             ? CURLE_OK
             : CURLE_SSL_CRL_BADFILE;
}

// An Error for a call that ended without an answer.
tl::unexpected<Error> no_answer(CURLcode code, const Exchange& exchange, const std::string& target,
                                std::string_view words) {
  if (exchange.too_large) {
    return fail(Failure::bad_data, fmt::format("cannot read the answer of {}: it is over {} MiB",
                                               target, kBodyBytesMax >> 20));
  }
  const std::string why = words.empty() ? curl_easy_strerror(code) : std::string(words);
  if (code == CURLE_PEER_FAILED_VERIFICATION && says_revoked(why)) {
    return fail(Failure::denied,
                fmt::format("cannot trust {}: its certificate was revoked", target));
  }
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return fail(Failure::denied,
                fmt::format("cannot trust {}: its certificate is not that of the name, "
                            "or not of this fleet ({})",
                            target, why));
  }
  if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE) {
    return fail(
        Failure::denied,
        fmt::format("cannot call {}: our own certificate cannot be used ({})", target, why));
  }
  if (says_not_you(words) && says_revoked(words)) {
    return fail(Failure::denied,
                fmt::format("{} does not accept our certificate: it was revoked", target));
  }
  if (says_not_you(words)) {
    return fail(Failure::denied,
                fmt::format("{} does not accept our certificate ({})", target, why));
  }
  if (exchange.sent) {
    return fail(Failure::outcome_unknown,
                fmt::format("no answer from {} after the request was sent: {}", target,
                            code == CURLE_COULDNT_CONNECT ? "the connection ended" : why));
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(Failure::timed_out, fmt::format("cannot call {} in time: {}", target, why));
  }
  return fail(Failure::unreachable, fmt::format("cannot reach {}: {}", target, why));
}

class CurlCaller : public Caller {
 public:
  CurlCaller(Clock& clock, Identity identity) : clock_(clock), identity_(std::move(identity)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  Result<Json> call(const Address& to, const std::string& path, const Json& body,
                    Deadline deadline) override {
    const std::string key = fmt::format("{} at {}:{}", to.name, to.ip, to.port);
    const std::string text = body.dump();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.at - clock_.now());
    if (left <= 0ms) {
      return fail(Failure::timed_out, fmt::format("cannot call {}: the deadline has passed", key));
    }
    Line line = line_to(key, to);
    if (!line.handle) return fail(Failure::io, "cannot call anybody: libcurl has no memory");

    CURL* handle = line.handle.get();
    Exchange exchange{.unsent = text, .sent = false, .answer = {}, .too_large = false};
    char words[CURL_ERROR_SIZE] = {};
    const std::string url = fmt::format("https://{}:{}{}", to.name, to.port, path);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(handle, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text.size()));
    const auto limit = static_cast<long>(std::min<std::int64_t>(left.count(), 1 << 30));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, limit);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, limit);
    const CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
    // A line that failed is not kept: whatever is left on its connection is nobody's answer.
    if (code != CURLE_OK) {
      if (identity_.revoked && says_not_you(words) && says_revoked(words)) {
        identity_.revoked->note_own();
      }
      return no_answer(code, exchange, key, words);
    }
    if (identity_.revoked && identity_.revoked->own()) identity_.revoked->forget_own();

    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    give_back(key, std::move(line));
    auto answer = answer_from(status, exchange.answer);
    if (!answer && answer.error().failure == Failure::bad_data) {
      answer.error().what = fmt::format("{}: {}", key, answer.error().what);
    }
    return answer;
  }

 private:
  Line line_to(const std::string& key, const Address& to) {
    {
      const std::lock_guard lock(mutex_);
      forget_judged_before();
      const auto idle = idle_.find(key);
      if (idle != idle_.end() && !idle->second.empty()) {
        // The one used last, so that those which are not needed grow old and end.
        Line line = std::move(idle->second.back());
        idle->second.pop_back();
        return line;
      }
    }
    return new_line(to);
  }

  void give_back(const std::string& key, Line line) {
    const std::lock_guard lock(mutex_);
    forget_judged_before();
    if (line.crl != crl_) return;
    std::vector<Line>& idle = idle_[key];
    if (idle.size() < kIdlePerTargetMax) idle.push_back(std::move(line));
  }

  std::int64_t crl_number() const {
    return identity_.revoked ? identity_.revoked->known()->number : 0;
  }

  // Needs mutex_. Connections to whoever was revoked since must not be used again.
  void forget_judged_before() {
    const std::int64_t number = crl_number();
    if (number != crl_) idle_.clear();
    crl_ = number;
  }

  Line new_line(const Address& to) const {
    Line line;
    line.crl = crl_number();
    line.handle.reset(curl_easy_init());
    CURL* handle = line.handle.get();
    if (handle == nullptr) return line;
    // The name in the URL is checked against the certificate; the address needs no DNS.
    const bool six = to.ip.find(':') != std::string::npos;
    const std::string connect_to = fmt::format("{}:{}:{}{}{}:{}", to.name, to.port, six ? "[" : "",
                                               to.ip, six ? "]" : "", to.port);
    line.connect_to.reset(curl_slist_append(nullptr, connect_to.c_str()));
    curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
    line.headers.reset(curl_slist_append(headers, "Expect:"));
    curl_easy_setopt(handle, CURLOPT_CONNECT_TO, line.connect_to.get());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, line.headers.get());
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXCONNECTS, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, kReuseSeconds);
    // The files are read at each new connection, the CA's too, so that a renewal needs no restart.
    curl_easy_setopt(handle, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!identity_.cert.empty()) {
      curl_easy_setopt(handle, CURLOPT_SSLCERT, identity_.cert.c_str());
      curl_easy_setopt(handle, CURLOPT_SSLKEY, identity_.key.c_str());
    }
    if (identity_.revoked) {
      curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, tell_revoked);
      curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, identity_.revoked.get());
    }
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    if (identity_.ca.empty()) {
      curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
      curl_easy_setopt(handle, CURLOPT_CAINFO, identity_.ca.c_str());
    }
    return line;
  }

  Clock& clock_;
  const Identity identity_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, std::vector<Line>> idle_;
  std::int64_t crl_ = 0;  // number of the list by which all of idle_ were judged
};

}  // namespace

std::unique_ptr<Caller> make_caller(Clock& clock, Identity identity) {
  return std::make_unique<CurlCaller>(clock, std::move(identity));
}

std::unique_ptr<Caller> make_stranger(Clock& clock, std::string ca) {
  return std::make_unique<CurlCaller>(clock, Identity{{}, {}, {}, std::move(ca), {}});
}

}  // namespace weir::peer
