// The list of certificates that count no more. A part of the door of this folder, apart for its
// length.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::access {

// Which certificates of the fleet count no more: a CRL (RFC 5280) that its CA signed. It lies as
// FOLDER/ca.crl beside FOLDER/ca.crt; a fleet that has revoked nothing has none.
struct Crl {
  std::int64_t number = 0;                  // grows with each; 0: there is none yet
  std::map<std::string, WallTime> revoked;  // serial as in CertFacts, and since when
  std::string pem;                          // empty: there is none yet
};
constexpr std::size_t kCrlBytesMax = 1u << 20;  // some 15,000 certificates
// bad_data for what is no CRL, has no number or is over kCrlBytesMax; denied if it is not of the CA
// whose certificate is `ca` (PEM).
Result<Crl> crl_from(const std::string& pem, const std::string& ca);
// What is held in FOLDER; number 0 where there is none. bad_data if what is there is damaged.
Result<Crl> held_crl(Files& files, const std::string& folder);
// Keeps `pem` in FOLDER, if it is of the CA there; what is held then. As crl_from, and refused for
// a number below that of the one held: whoever brings an old list wants somebody forgotten.
Result<Crl> keep_crl(Files& files, const std::string& folder, const std::string& pem);
// A serial as a decimal number, as Postgres shows it.
std::string decimal_of(const std::string& serial);

}  // namespace weir::access
