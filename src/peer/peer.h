// Agents, store and CLI speak to each other: JSON over HTTP/1.1 with mutual TLS from the fleet's
// own CA. One POST per call; the caller is whom its certificate's CN names.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "access/access.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::peer {

// Which certificates of the fleet count no more, as this process knows: shared by its listener and
// its callers, who refuse them on both sides of a connection. Any thread; asks no disk.
class Revoked {
 public:
  explicit Revoked(access::Crl crl = {});
  // Takes the place of what is known; one whose number is not above it changes nothing.
  void learn(access::Crl crl);
  std::shared_ptr<const access::Crl> known() const;  // never null
  // Somebody whose own certificate is good told us, in a handshake, that ours was revoked.
  void note_own() { own_ = true; }
  void forget_own() { own_ = false; }
  bool own() const { return own_; }

 private:
  mutable std::mutex mutex_;  // guards crl_
  std::shared_ptr<const access::Crl> crl_;
  std::atomic<bool> own_ = false;
};

// The paths of one side's certificate (chain), key and the fleet's CA certificate.
struct Identity {
  std::string name;  // CN: a host's name, "store", "operator"
  std::string cert;
  std::string key;
  std::string ca;
  std::shared_ptr<Revoked> revoked = {};  // null: nothing is ever revoked
};

struct Address {
  std::string name;  // the name that the other side's certificate must carry (DNS SAN)
  std::string ip;
  std::uint16_t port = 0;
};

struct Request {
  std::string path;  // "/heartbeat"
  Json body;
  std::string from;         // CN of the caller's certificate; empty: a stranger
  std::string serial = {};  // of that certificate, as in access::CertFacts
};

// Runs on a worker; an Error answers the caller as that same Error (Failure kept).
using Handler = std::function<Result<Json>(const Request&)>;

class Caller {
 public:
  virtual ~Caller() = default;
  // Any thread. Connections are kept and used again. Errors: unreachable (refused, no route, TLS
  // refused before anything was sent), timed_out or outcome_unknown (sent, no answer by the
  // deadline), denied (a certificate, ours or theirs, is of another CA, has ended or was revoked),
  // bad_data (an answer that is no JSON, or too large: 16 MiB), else the handler's own Error.
  virtual Result<Json> call(const Address& to, const std::string& path, const Json& body,
                            Deadline deadline) = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // stops accepting, ends open calls, joins
  virtual std::uint16_t port() const = 0;
};

// The real ones (Beast, OpenSSL, libcurl). `listen` refuses with Failure::held if the address is
// taken, naming it; requests over 16 MiB, without a client certificate of this CA, or slower than
// 10 s are cut. At most `calls_max` handlers run at once, the rest wait up to 1,000, then 503.
// An open connection whose caller's certificate was revoked is ended within a second.
// With `strangers`, a caller without a certificate is let in and heard by that handler alone, up to
// 64 KiB a request; a certificate of another CA stays refused.
std::unique_ptr<Caller> make_caller(Clock& clock, Identity identity);
// A caller that has no certificate yet. Without `ca` (a path) it believes whoever answers: then
// nothing secret may be said, and the answer proves nothing.
std::unique_ptr<Caller> make_stranger(Clock& clock, std::string ca);
Result<std::unique_ptr<Listener>> listen(const std::string& ip, std::uint16_t port,
                                         const Identity& identity, Handler handler,
                                         int calls_max = 16, Handler strangers = {});

constexpr std::uint16_t kAgentPort = 7401;
constexpr std::uint16_t kStorePort = 7400;

}  // namespace weir::peer
