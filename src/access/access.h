// Identity and secrets: the fleet's own CA, certificates, passwords that nobody sees.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::access {

// Files of one identity: FOLDER/NAME.crt, FOLDER/NAME.key (0600) and FOLDER/ca.crt.
struct CertRequest {
  std::string name;              // CN, and DNS SAN
  std::vector<std::string> ips;  // IP SANs
  Duration valid = std::chrono::hours(24 * 90);
};

// Makes FOLDER/ca.crt and FOLDER/ca.key (0600, EC P-256, ten years); success without effect when
// both exist and belong together; bad_data if they do not.
Result<> make_ca(Files& files, const std::string& folder, const std::string& fleet, WallTime now);
// Signs with the CA in `ca_folder` and writes NAME.crt, NAME.key and ca.crt into `folder`.
// An existing certificate that is of this CA, names the same and is under two thirds of its life
// is kept.
Result<> issue(Files& files, const std::string& ca_folder, const std::string& folder,
               const CertRequest& request, WallTime now, Random& random);

struct CertFacts {
  std::string name;
  WallTime from{};
  WallTime until{};
};
Result<CertFacts> read_cert(Files& files, const std::string& path);

// A SCRAM-SHA-256 verifier as Postgres stores it (RFC 5803 form, 4096 rounds). `salt` is 16 bytes.
Result<std::string> scram_verifier(const std::string& password, const std::string& salt);
// Whether `verifier` was made from `password`.
bool scram_matches(const std::string& verifier, const std::string& password);
// 24 characters, over 120 bits of the system's strong randomness.
std::string new_password(Random& random);

// "env:NAME", "file:PATH": read here and now, on this host. Errors name the reference, never the
// value: not_found, denied, bad_config for another form.
Result<std::string> resolve(Files& files, const std::string& reference);

}  // namespace weir::access
