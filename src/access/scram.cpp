// SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) as Postgres stores them, so that a password itself
// never travels to a server.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "access/access.h"
#include "access/bytes.h"
#include "base/check.h"
#include "base/text.h"

#include <fmt/format.h>

namespace weir::access {
namespace {

constexpr int kRounds = 4096;
constexpr std::size_t kSaltBytes = 16;
constexpr std::string_view kMethod = "SCRAM-SHA-256";

using Digest = std::array<unsigned char, 32>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest keyed(const Digest& key, std::string_view text) {
  Digest out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       out.data(), &size);
  return out;
}

std::string verifier_of(const std::string& password, const std::string& salt, int rounds) {
  Digest salted{};
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                    static_cast<int>(salt.size()), rounds, EVP_sha256(),
                    static_cast<int>(salted.size()), salted.data());
  const Digest client = keyed(salted, "Client Key");
  const Digest server = keyed(salted, "Server Key");
  Digest stored{};
  unsigned size = 0;
  EVP_Digest(client.data(), client.size(), stored.data(), &size, EVP_sha256(), nullptr);
  return fmt::format("{}${}:{}${}:{}", kMethod, rounds, base64(salt), base64(text_of(stored)),
                     base64(text_of(server)));
}

}  // namespace

Result<std::string> scram_verifier(const std::string& password, const std::string& salt) {
  WEIR_ASSERT(salt.size() == kSaltBytes);
  if (password.empty()) {
    return fail(Failure::bad_config, "cannot use an empty password: Postgres refuses it at login");
  }
  // Beyond ASCII a client normalises with SASLprep (RFC 4013) first; a verifier made without that
  // would lock its owner out, so it is refused here and not at the first login.
  const bool ascii = std::all_of(password.begin(), password.end(), [](char c) {
    return c != '\0' && static_cast<unsigned char>(c) < 0x80;
  });
  if (!ascii) {
    return fail(Failure::unsupported, "cannot use this password: it has characters outside ASCII");
  }
  return verifier_of(password, salt, kRounds);
}

Result<std::string> scram_verifier(const std::string& password, Random& random) {
  std::string salt;
  while (salt.size() < kSaltBytes) {
    const std::uint64_t word = random.next();
    for (unsigned shift = 0; shift < 64; shift += 8) salt += static_cast<char>(word >> shift);
  }
  return scram_verifier(password, salt);
}

bool scram_matches(const std::string& verifier, const std::string& password) {
  const std::vector<std::string> parts = split(verifier, '$');
  if (parts.size() != 3 || parts[0] != kMethod) return false;
  const std::vector<std::string> cost = split(parts[1], ':');
  if (cost.size() != 2) return false;
  int rounds = 0;
  const char* end = cost[0].data() + cost[0].size();
  const auto read = std::from_chars(cost[0].data(), end, rounds);
  if (read.ec != std::errc{} || read.ptr != end || rounds < 1) return false;
  const std::string salt = from_base64(cost[1]);
  if (salt.empty()) return false;
  const std::string ours = verifier_of(password, salt, rounds);
  return same_secret(ours, verifier);
}

}  // namespace weir::access
