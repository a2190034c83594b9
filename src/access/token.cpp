// A token as one word that survives a terminal, a chat and a shell.
#include <algorithm>

#include "access/access.h"
#include "access/bytes.h"
#include "base/json.h"

namespace weir::access {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;

tl::unexpected<Error> no_token() {
  return fail(Failure::bad_config, "cannot read the token: it is not whole",
              "weir token --host HOST on the host where weir init ran");
}

}  // namespace

std::string word_of(const Token& token) {
  std::string word = base64(Json::object()
                                .set("format", 1)
                                .set("fleet", token.fleet)
                                .set("host", token.host)
                                .set("address", token.address)
                                .set("ca", token.ca)
                                .set("signer", token.signer)
                                .set("ip", token.ip)
                                .set("port", int{token.port})
                                .set("id", token.id)
                                .set("secret", token.secret)
                                .dump());
  std::erase(word, '=');
  std::ranges::replace(word, '+', '-');
  std::ranges::replace(word, '/', '_');
  return word;
}

Result<Token> token_from(std::string word) {
  if (word.size() > kTokenBytesMax) return no_token();
  std::ranges::replace(word, '-', '+');
  std::ranges::replace(word, '_', '/');
  while (word.size() % 4 != 0) word += '=';
  const auto json = Json::parse(from_base64(word));
  if (!json) return no_token();
  if ((*json)["format"].integer() > 1) {
    return fail(Failure::bad_data, "cannot read the token: it is of a newer weir");
  }
  Token token;
  for (auto& [field, name] : {std::pair{&token.fleet, "fleet"}, std::pair{&token.host, "host"},
                              std::pair{&token.address, "address"}, std::pair{&token.ca, "ca"},
                              std::pair{&token.signer, "signer"}, std::pair{&token.ip, "ip"},
                              std::pair{&token.id, "id"}, std::pair{&token.secret, "secret"}}) {
    *field = (*json)[name].text();
    if (field->empty()) return no_token();
  }
  const std::int64_t port = (*json)["port"].integer();
  if (port <= 0 || port > 65535) return no_token();
  token.port = static_cast<std::uint16_t>(port);
  return token;
}

}  // namespace weir::access
