// What only certain hosts may read: ECDH on P-256 with an ephemeral key, HKDF-SHA256, AES-256-GCM.
// Each message has a key of its own, so its nonce, which is derived too, is never used twice.
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <optional>
#include <string_view>

#include "access/bytes.h"
#include "access/x509.h"
#include "base/json.h"
#include "base/text.h"

#include <fmt/format.h>

namespace weir::access {
namespace {

constexpr std::string_view kSealed = "sealed:";
constexpr const char* kKeyFile = "/seal.key";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string shared_secret(EVP_PKEY* own, EVP_PKEY* other) {
  const KeyContext context(EVP_PKEY_CTX_new(own, nullptr));
  std::size_t size = 0;
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), other) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
    return {};
  }
  std::string secret(size, '\0');
  if (EVP_PKEY_derive(context.get(), bytes_of(secret), &size) != 1) return {};
  secret.resize(size);
  return secret;
}

// Key and nonce, bound to both public keys.
std::string derived(const std::string& secret, const std::string& info) {
  const KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  std::string out(kKeyBytes + kNonceBytes, '\0');
  std::size_t size = out.size();
  const bool ok = !secret.empty() && context && EVP_PKEY_derive_init(context.get()) == 1 &&
                  EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
                  EVP_PKEY_CTX_set1_hkdf_key(context.get(), bytes_of(secret),
                                             static_cast<int>(secret.size())) == 1 &&
                  EVP_PKEY_CTX_add1_hkdf_info(context.get(), bytes_of(info),
                                              static_cast<int>(info.size())) == 1 &&
                  EVP_PKEY_derive(context.get(), bytes_of(out), &size) == 1;
  return ok ? out : std::string();
}

// The cipher text with its tag behind it; empty if OpenSSL refuses.
std::string locked(const std::string& keys, const std::string& plain) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(plain.size() + kTagBytes, '\0');
  int size = 0;
  int rest = 0;
  const bool ok = !keys.empty() && context &&
                  EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(keys),
                                     bytes_of(keys) + kKeyBytes) == 1 &&
                  EVP_EncryptUpdate(context.get(), bytes_of(out), &size, bytes_of(plain),
                                    static_cast<int>(plain.size())) == 1 &&
                  EVP_EncryptFinal_ex(context.get(), bytes_of(out) + size, &rest) == 1 &&
                  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                                      bytes_of(out) + plain.size()) == 1;
  return ok ? out : std::string();
}

std::optional<std::string> unlocked(const std::string& keys, std::string text) {
  if (text.size() < kTagBytes || keys.empty()) return std::nullopt;
  std::string tag = text.substr(text.size() - kTagBytes);
  text.resize(text.size() - kTagBytes);
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0');
  int size = 0;
  int rest = 0;
  const bool ok =
      context &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(keys),
                         bytes_of(keys) + kKeyBytes) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(out), &size, bytes_of(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, bytes_of(tag)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), bytes_of(out) + size, &rest) == 1;
  return ok ? std::optional(out) : std::nullopt;
}

std::string info_of(EVP_PKEY* ephemeral, EVP_PKEY* host) {
  return "weir seal 1 " + hash_of(ephemeral) + hash_of(host);
}

}  // namespace

Result<std::string> make_seal(Files& files, const std::string& folder) {
  WEIR_TRY(const Key key, key_at(files, folder + kKeyFile));
  return public_pem_of(key.get());
}

Result<> keep_seal(Files& files, const std::string& ca_folder, const std::string& host,
                   const std::string& pem) {
  WEIR_TRY_(check_name(host));
  if (const auto key = public_key_from(pem); !key) return fail(key.error());
  WEIR_TRY_(files.make_folder(ca_folder + "/seals", 0700));
  const std::string path = fmt::format("{}/seals/{}.pub", ca_folder, host);
  if (const auto before = files.read(path); before && *before == pem) return {};
  return files.write(path, pem, 0600);
}

Result<std::string> seal_of(Files& files, const std::string& ca_folder, const std::string& host) {
  WEIR_TRY_(check_name(host));
  auto pem = files.read(fmt::format("{}/seals/{}.pub", ca_folder, host));
  if (pem) return pem;
  return fail(Failure::not_found,
              fmt::format("cannot seal anything for host {}: it has not joined", host),
              fmt::format("weir token --host {}, then weir join there", host));
}

bool is_sealed(const std::string& text) { return starts_with(text, kSealed); }

Result<std::string> seal(const std::map<std::string, std::string>& hosts,
                         const std::string& secret) {
  Json sealed = Json::object();
  for (const auto& [host, pem] : hosts) {
    WEIR_TRY(const Key to, public_key_from(pem));
    WEIR_TRY(const Key ephemeral, new_key());
    const std::string keys =
        derived(shared_secret(ephemeral.get(), to.get()), info_of(ephemeral.get(), to.get()));
    const std::string text = locked(keys, secret);
    if (text.empty()) {
      return fail(Failure::io, fmt::format("cannot seal for host {}: OpenSSL refused it", host));
    }
    sealed.set(host,
               Json::object().set("key", public_pem_of(ephemeral.get())).set("text", base64(text)));
  }
  return std::string(kSealed) + base64(sealed.dump());
}

Result<std::set<std::string>> sealed_for(const std::string& text) {
  const auto json = is_sealed(text) ? Json::parse(from_base64(text.substr(kSealed.size())))
                                    : Result<Json>(Json());
  if (!json || !json->is_object()) return fail(Failure::bad_data, "a sealed value is not whole");
  std::set<std::string> hosts;
  for (const auto& [host, one] : json->members()) hosts.insert(host);
  return hosts;
}

Result<std::string> unseal(Files& files, const std::string& folder, const std::string& host,
                           const std::string& text) {
  WEIR_TRY(const std::set<std::string> hosts, sealed_for(text));
  if (!hosts.contains(host)) {
    return fail(Failure::not_found, fmt::format("a sealed value is not for host {}", host),
                "weir apply -f FILE seals it anew");
  }
  WEIR_TRY(const Json json, Json::parse(from_base64(text.substr(kSealed.size()))));
  WEIR_TRY(const Key own, load_key(files, folder + kKeyFile));
  WEIR_TRY(const Key ephemeral, public_key_from(json[host]["key"].text()));
  const std::string keys =
      derived(shared_secret(own.get(), ephemeral.get()), info_of(ephemeral.get(), own.get()));
  auto plain = unlocked(keys, from_base64(json[host]["text"].text()));
  if (plain) return std::move(*plain);
  return fail(Failure::bad_data,
              fmt::format("a sealed value cannot be opened by host {}: it was made for another key "
                          "or is damaged",
                          host),
              "weir apply -f FILE seals it anew");
}

}  // namespace weir::access
