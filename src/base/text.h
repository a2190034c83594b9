// Small pure helpers on text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string trim(std::string_view text);
bool starts_with(std::string_view text, std::string_view prefix);

// The candidate nearest to `word` for a "did you mean": at most two edits (Damerau-Levenshtein)
// and fewer than half of the word's letters; empty when none is near enough.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);
bool is_utf8(std::string_view text);

}  // namespace weir
