// What both sides of the peer port ask of OpenSSL alike.
#pragma once

#include <optional>
#include <string>

#include "access/access.h"

struct ssl_ctx_st;
struct ssl_st;

namespace weir::peer {

// From now on connections of `context` refuse what `crl` lists; an empty one changes nothing.
// False if OpenSSL cannot use it.
bool check_revoked(ssl_ctx_st* context, const access::Crl& crl);

// What the other side has shown; nullopt: no certificate.
struct Shown {
  std::string name;    // CN
  std::string serial;  // as in access::CertFacts
};
std::optional<Shown> shown_by(const ssl_st* connection);

}  // namespace weir::peer
