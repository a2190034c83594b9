// This host's certificate, renewed at two thirds of its life; what the fleet has revoked; and,
// where the CA's key lies beside us, what is signed for the others.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "access/access.h"
#include "agent/loop.h"
#include "agent/ports.h"

namespace weir::agent {

class Certificates {
 public:
  // `changed` is called when the host's own pair or the list of the revoked is another one, on the
  // loop's thread.
  Certificates(World& world, peer::Caller& caller, const Setting& setting,
               std::function<void()> changed);
  ~Certificates() { join(); }

  // What a caller without a certificate may ask: the CA's certificate, and to join.
  Result<Json> admit(const peer::Request& request);
  // A host whose certificate is still good asks for the next one.
  Result<Json> renew(const peer::Request& request);
  // What the store says of revoked certificates; any thread, returns at once. A list that is not of
  // this fleet's CA, or older than the one held, is not taken. One that names this host's own
  // certificate goes no further: its servers are left as they are, and the trouble is told.
  void learn_revoked(const Json& list);
  // What there is to know of the host's own certificate; null before the first look.
  Json tell() const;
  void stop();
  void join();  // stops and waits

 private:
  void turn();
  void see_to_revoked();
  Result<> keep_revoked(const std::string& pem);
  bool names_own(const access::Crl& crl);
  std::string revoked_trouble() const;
  void see_to(const Papers::Pair& pair, bool own);
  Result<> renew_pair(const Papers::Pair& pair);
  Result<std::string> ask_signer(const std::string& request);
  void note(const std::optional<access::CertFacts>& facts, const std::string& trouble);

  World& world_;
  peer::Caller& caller_;
  const Setting& setting_;
  const std::function<void()> changed_;
  access::Signer signer_;
  mutable std::mutex mutex_;  // guards told_ and list_
  Json told_;
  std::optional<Json> list_;    // of the store, not yet looked at
  std::string revoked_serial_;  // our own, once a list named it; the turn's own
  std::string serial_;          // of the host's own pair, as last seen; the turn's own
  std::unique_ptr<Loop> loop_;
};

}  // namespace weir::agent
