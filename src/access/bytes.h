// Bytes as text, and digests of them.
#pragma once

#include <string>
#include <string_view>

namespace weir::access {

std::string sha256_hex(std::string_view bytes);
std::string base64(std::string_view bytes);
std::string from_base64(const std::string& text);  // empty for a text that is not base64
// Takes equally long wherever the first difference stands.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace weir::access
