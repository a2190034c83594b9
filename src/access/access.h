// Identity and secrets: the fleet's own CA, certificates, passwords that nobody sees.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "access/crl.h"
#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::access {

// Files of one identity: FOLDER/NAME.crt, FOLDER/NAME.key (0600) and FOLDER/ca.crt. While it is
// renewed: NAME.key.next.
struct CertRequest {
  std::string name;              // CN, and DNS SAN
  std::vector<std::string> ips;  // IP SANs
  Duration valid = std::chrono::hours(24 * 90);
};

// Makes FOLDER/ca.crt and FOLDER/ca.key (0600, EC P-256, ten years); success without effect when
// both exist and belong together; bad_data if they do not.
Result<> make_ca(Files& files, const std::string& folder, const std::string& fleet, WallTime now);
// Signs with the CA in `ca_folder` and writes NAME.crt, NAME.key (made anew) and ca.crt into
// `folder`. An existing certificate that is of this CA, names the same and whose renewal is not due
// is kept.
Result<> issue(Files& files, const std::string& ca_folder, const std::string& folder,
               const CertRequest& request, WallTime now, Random& random);

struct CertFacts {
  std::string name;
  std::string serial;  // hex
  WallTime from{};
  WallTime until{};
};
Result<CertFacts> read_cert(Files& files, const std::string& path);
// From two thirds of its life on, and before its life began: then a clock was set back.
bool renewal_due(const CertFacts& facts, WallTime now);
// The SHA-256 of a certificate in PEM, hex: by it a token names the CA. bad_data for no
// certificate.
Result<std::string> hash_of_cert(const std::string& pem);

// The host's side. The key is made in FOLDER (NAME.key.next; one that is there is used again) and
// never leaves; what returns is the request to be signed.
Result<std::string> request_cert(Files& files, const std::string& folder, const std::string& name);
// The answer to it. denied if it is not of the CA in FOLDER/ca.crt, bad_data if it is for another
// key or name; then the old pair stays.
Result<> accept_cert(Files& files, const std::string& folder, const std::string& name,
                     const std::string& pem);
// Finishes an acceptance that was cut off.
Result<> mend(Files& files, const std::string& folder, const std::string& name);

// What an operator carries to a new host, as one word. Lives 15 minutes, for one key.
struct Token {
  std::string fleet;
  std::string host;
  std::string address;  // of that host, as the fleet file declares it
  std::string ca;       // SHA-256 of the CA's certificate, hex
  std::string signer;   // who signs: the host beside the CA's key, and where its agent listens
  std::string ip;
  std::uint16_t port = 0;
  std::string id;
  std::string secret;
};
std::string word_of(const Token& token);
Result<Token> token_from(std::string word);

// A host's key for what only it may read: FOLDER/seal.key, made once; the public half (PEM).
Result<std::string> make_seal(Files& files, const std::string& folder);
// Beside the CA lie the public halves of all hosts, as they came with their joins.
Result<> keep_seal(Files& files, const std::string& ca_folder, const std::string& host,
                   const std::string& pem);
Result<std::string> seal_of(Files& files, const std::string& ca_folder, const std::string& host);
// `secret` as text that each of these hosts can open (by name, with its public half), and nobody
// else.
Result<std::string> seal(const std::map<std::string, std::string>& hosts,
                         const std::string& secret);
bool is_sealed(const std::string& text);
Result<std::set<std::string>> sealed_for(const std::string& text);
// With FOLDER/seal.key of `host`. not_found: it is not for that host; bad_data: another key,
// damaged.
Result<std::string> unseal(Files& files, const std::string& folder, const std::string& host,
                           const std::string& text);

// For whom the CA in `ca_folder` may sign: kept there as ca_folder/hosts/NAME.json.
Result<> declare(Files& files, const std::string& ca_folder, const CertRequest& host);

// The CA at work for other hosts, beside its key. Any thread.
class Signer {
 public:
  Signer(Files& files, Random& random, std::string ca_folder);
  bool beside_key() const;
  // The CA's certificate, for everybody.
  Result<std::string> ca() const;
  // A token for a declared host; the caller fills in fleet and signer. Durable before it returns.
  Result<Token> mint(const std::string& host, WallTime now);
  // A certificate (PEM) for the key of `request`, if the token allows it: denied for an unknown,
  // used or expired one. Asked again with the same key it answers again. `seal` is kept as the
  // host's.
  Result<std::string> admit(const std::string& id, const std::string& secret,
                            const std::string& request, const std::string& seal, WallTime now);
  // The same for a host that the caller has recognised by its present certificate, whose serial is
  // `serial`: denied if that one was revoked. Empty: the caller is beside the key.
  Result<std::string> renew(const std::string& host, const std::string& serial,
                            const std::string& request, WallTime now);
  // Ends every certificate signed for `host` until now, those of `also` (serials, from before the
  // signer remembered them) and its tokens. Returns the CRL that says so, kept beside the key; its
  // number is above that of `published` (PEM; empty: none). Repeated without anything new to end
  // it returns the one that is there. not_found: nothing was ever signed for that host.
  Result<Crl> revoke(const std::string& host, const std::set<std::string>& also,
                     const std::string& published, WallTime now);

 private:
  std::string token_path(const std::string& id) const;
  Result<> forget_old_tokens(WallTime now);
  Result<std::string> redeem(const std::string& id, const std::string& secret,
                             const std::string& key_hash, WallTime now);
  Result<std::string> sign_request(const std::string& host, const std::string& pem, WallTime now);
  Result<> drop_tokens(const std::string& host);

  Files& files_;
  Random& random_;
  const std::string folder_;
  std::mutex mutex_;  // guards in_hand_, never held over a port call
  std::set<std::string> in_hand_;
};

// A SCRAM-SHA-256 verifier as Postgres stores it (RFC 5803 form, 4096 rounds). `salt` is 16 bytes.
Result<std::string> scram_verifier(const std::string& password, const std::string& salt);
// The same with a salt drawn from `random`.
Result<std::string> scram_verifier(const std::string& password, Random& random);
// Whether `verifier` was made from `password`.
bool scram_matches(const std::string& verifier, const std::string& password);
// 24 characters, over 120 bits of the system's strong randomness.
std::string new_password(Random& random);

// "env:NAME", "file:PATH": read here and now, on this host. Errors name the reference, never the
// value: not_found, denied, bad_config for another form.
Result<std::string> resolve(Files& files, const std::string& reference);

}  // namespace weir::access
