// Words are found in the text that is printed anyway, so that nothing is laid out twice.
#include "cli/paint.h"

#include <array>
#include <string_view>

#include "base/text.h"

namespace weir::cli {
namespace {

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kYellow = "\x1b[33m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kPlain = "\x1b[0m";

struct Hue {
  std::string_view word;
  const char* colour;
};
// Longer ones first: "not healthy" is no "healthy".
constexpr std::array kWords{
    Hue{"not healthy", kRed},    Hue{"impossible", kRed}, Hue{"breached", kRed},
    Hue{"refused", kRed},        Hue{"silent", kRed},     Hue{"sick", kRed},
    Hue{"failed", kRed},         Hue{"unknown", kYellow}, Hue{"starting", kYellow},
    Hue{"not counted", kYellow}, Hue{"healthy", kGreen},  Hue{"possible", kGreen},
    Hue{"serving", kGreen},      Hue{"alive", kGreen},    Hue{"met", kGreen},
};
constexpr std::array kSigns{
    Hue{"-/+ ", kRed},    Hue{"  - ", kRed},    Hue{"  + ", kGreen},
    Hue{"  ~ ", kYellow}, Hue{"  ? ", kYellow},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Whether `word` stands at `at`, and is not a part of a longer one.
bool stands_at(std::string_view line, std::size_t at, std::string_view word) {
  if (line.substr(at, word.size()) != word) return false;
  const std::size_t end = at + word.size();
  return (at == 0 || !is_letter(line[at - 1])) && (end == line.size() || !is_letter(line[end]));
}

std::string coloured(std::string_view text, const char* colour) {
  return colour + std::string(text) + kPlain;
}

std::string painted_line(std::string_view line) {
  for (const Hue& sign : kSigns) {
    if (starts_with(line, sign.word)) return coloured(line, sign.colour);
  }
  std::string out;
  for (std::size_t at = 0; at < line.size();) {
    const Hue* found = nullptr;
    for (const Hue& hue : kWords) {
      if (found == nullptr && stands_at(line, at, hue.word)) found = &hue;
    }
    if (found == nullptr) {
      out += line[at++];
      continue;
    }
    out += coloured(found->word, found->colour);
    at += found->word.size();
  }
  return out;
}

}  // namespace

bool wants_colour(const std::string& option, bool terminal, const char* no_color,
                  const char* term) {
  if (option == "always") return true;
  if (option == "never" || !terminal) return false;
  if (no_color != nullptr && *no_color != '\0') return false;
  return term != nullptr && std::string_view(term) != "dumb";
}

std::string painted(const std::string& text) {
  std::string out;
  const std::vector<std::string> lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += (i == 0 ? "" : "\n") + painted_line(lines[i]);
  }
  return out;
}

}  // namespace weir::cli
