// This host's certificate, renewed at two thirds of its life; and, where the CA's key lies beside
// us, what is signed for the others.
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
  // `renewed` is called when the host's own pair is another one, on the loop's thread.
  Certificates(World& world, peer::Caller& caller, const Setting& setting,
               std::function<void()> renewed);
  ~Certificates() { join(); }

  // What a caller without a certificate may ask: the CA's certificate, and to join.
  Result<Json> admit(const peer::Request& request);
  // A host whose certificate is still good asks for the next one.
  Result<Json> renew(const peer::Request& request);
  // What there is to know of the host's own certificate; null before the first look.
  Json tell() const;
  void stop();
  void join();  // stops and waits

 private:
  void turn();
  void see_to(const Papers::Pair& pair, bool own);
  Result<> renew_pair(const Papers::Pair& pair);
  Result<std::string> ask_signer(const std::string& request);
  void note(const std::optional<access::CertFacts>& facts, const std::string& trouble);

  World& world_;
  peer::Caller& caller_;
  const Setting& setting_;
  const std::function<void()> renewed_;
  access::Signer signer_;
  mutable std::mutex mutex_;  // guards told_
  Json told_;
  std::string serial_;  // of the host's own pair, as last seen; the turn's own
  std::unique_ptr<Loop> loop_;
};

}  // namespace weir::agent
