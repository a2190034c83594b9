// Cutting the offending line out of the file, without ever showing a secret or a control character.
#include "config/complaints.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kShownMax = 160;  // characters of a line
constexpr std::size_t kLead = 60;       // characters shown before the mistake in a longer one

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

// The characters of a line; what is not UTF-8 or would move a terminal's cursor is a question mark.
std::u32string characters(std::string_view line) {
  std::u32string out;
  while (!line.empty()) {
    std::size_t length = 1;
    while (length <= 4 && length <= line.size() && !is_utf8(line.substr(0, length))) ++length;
    if (length > 4 || length > line.size()) {
      out += U'?';
      line.remove_prefix(1);
      continue;
    }
    auto c = static_cast<char32_t>(static_cast<unsigned char>(line[0]));
    if (length > 1) c &= 0x7fu >> length;
    for (std::size_t i = 1; i < length; ++i) {
      c = c << 6 | (static_cast<unsigned char>(line[i]) & 0x3fu);
    }
    out += is_control(c) && c != U'\t' ? U'?' : c;
    line.remove_prefix(length);
  }
  return out;
}

std::string encode(std::u32string_view text) {
  std::string out;
  const auto put = [&out](char32_t bits) { out += static_cast<char>(bits); };
  for (const char32_t c : text) {
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xc0 | c >> 6);
      put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      put(0xe0 | c >> 12);
      put(0x80 | (c >> 6 & 0x3f));
      put(0x80 | (c & 0x3f));
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
      put(0x80 | (c >> 6 & 0x3f));
      put(0x80 | (c & 0x3f));
    }
  }
  return out;
}

// Lines as libyaml counts them: it breaks at NEL, LS and PS too.
std::vector<std::string_view> lines_of(std::string_view text) {
  static constexpr std::string_view kBreaks[] = {"\r\n",     "\n",           "\r",
                                                 "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto found = std::find_if(std::begin(kBreaks), std::end(kBreaks), [&](const auto& mark) {
      return starts_with(text.substr(i), mark);
    });
    if (found == std::end(kBreaks)) {
      ++i;
      continue;
    }
    lines.push_back(text.substr(begin, i - begin));
    i += found->size();
    begin = i;
  }
  lines.push_back(text.substr(begin));
  return lines;
}

bool is_word(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Where the scalar ends that begins at `at`: at its closing quote, else where YAML ends a plain
// one.
std::size_t scalar_end(const std::u32string& line, std::size_t at) {
  if (line[at] == '"' || line[at] == '\'') {
    const std::size_t close = line.find(line[at], at + 1);
    return close == std::u32string::npos ? line.size() : close + 1;
  }
  std::size_t end = at;
  while (end < line.size() && line[end] != ',' && line[end] != '}' &&
         !(line[end] == '#' && line[end - 1] == ' ')) {
    ++end;
  }
  while (end > at && line[end - 1] == ' ') --end;
  return end;
}

// Stars over the values of secret keys, found without the tree: a file that is not YAML has none.
void mask_secrets(std::u32string& line) {
  for (std::size_t colon = line.find(U':'); colon != std::u32string::npos;
       colon = line.find(U':', colon + 1)) {
    std::size_t end = colon;
    while (end > 0 && !is_word(line[end - 1]) && end + 2 > colon) --end;  // a quote, a blank
    std::size_t begin = end;
    while (begin > 0 && is_word(line[begin - 1])) --begin;
    if (!is_secret_key(encode(std::u32string_view(line).substr(begin, end - begin)))) continue;
    const std::size_t value = line.find_first_not_of(U" \t", colon + 1);
    if (value == std::u32string::npos) continue;
    // A mapping belongs to a role whose name sounds secret; a list is a literal in a wrong shape.
    if (line[value] == '{') continue;
    const std::size_t stop = line[value] == '[' ? line.size() : scalar_end(line, value);
    if (is_reference(encode(std::u32string_view(line).substr(value, stop - value)))) continue;
    std::fill(line.begin() + static_cast<std::ptrdiff_t>(value),
              line.begin() + static_cast<std::ptrdiff_t>(stop), U'*');
  }
}

std::size_t indent_of(std::string_view line) {
  const std::size_t first = line.find_first_not_of(' ');
  return first == std::string_view::npos ? line.size() : first;
}

// Whether this line goes on with the value of a secret key on a line above. Below a role whose name
// only sounds secret there are keys, which stay readable.
bool continues_secret(const std::vector<std::string_view>& lines, std::size_t index) {
  const std::size_t indent = indent_of(lines[index]);
  for (std::size_t above = index; above-- > 0;) {
    const std::string line = trim(lines[above]);
    if (line.empty() || indent_of(lines[above]) >= indent) continue;
    const bool block = line.find_first_of("|>") != std::string::npos;
    const bool has_key = lines[index].find(':') != std::string_view::npos;
    return is_secret_key(line.substr(0, line.find(':'))) && (block || !has_key);
  }
  return false;
}

}  // namespace

bool is_secret_key(std::string_view key) {
  std::string word(key);
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view part : {"passw", "pwd", "secret", "token"}) {
    if (word.find(part) != std::string::npos) return true;
  }
  return !nearest(word, {"password"}).empty();
}

bool is_reference(std::string_view text) {
  if (text == "generated") return true;
  if (starts_with(text, "file:/")) return text.size() > 6;
  if (!starts_with(text, "env:") || text.size() == 4) return false;
  const std::string_view name = text.substr(4);
  return (name[0] < '0' || name[0] > '9') && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  if (!near.empty()) return fmt::format("did you mean `{}`?", near);
  return known.size() > 20 ? std::string{} : "known here: " + join(known, ", ");
}

Complaints::Complaints(std::string file, const std::string& text)
    : file_(std::move(file)), text_(text) {}

void Complaints::add(const Node& at, std::string what, std::string hint) {
  const bool one_line = at.kind == Node::Kind::scalar && at.begin.line == at.end.line;
  add(at.begin, one_line ? at.end.column - at.begin.column : 1, std::move(what), std::move(hint));
}

void Complaints::add(Mark at, int width, std::string what, std::string hint) {
  if (complaints_.size() >= kComplaintsMax) {
    ++left_out_;
    return;
  }
  complaints_.push_back({.file = file_,
                         .line = at.line,
                         .column = at.column,
                         .what = std::move(what),
                         .text = {},
                         .caret = at.column,
                         .width = std::max(width, 1),
                         .hint = std::move(hint)});
}

void Complaints::mask(const Node& node) { masks_.push_back({node.begin, node.end}); }

void Complaints::cut_line(Complaint& complaint, const std::vector<std::string_view>& lines) const {
  const auto index = static_cast<std::size_t>(complaint.line - 1);
  if (index >= lines.size()) return;
  std::u32string line = characters(lines[index]);
  for (const Span& span : masks_) {
    if (complaint.line < span.begin.line || complaint.line > span.end.line) continue;
    const bool first = complaint.line == span.begin.line, last = complaint.line == span.end.line;
    std::size_t at = first ? static_cast<std::size_t>(span.begin.column - 1) : 0;
    const std::size_t end = last ? static_cast<std::size_t>(span.end.column - 1) : line.size();
    for (; at < std::min(end, line.size()); ++at) line[at] = line[at] == ' ' ? U' ' : U'*';
  }
  mask_secrets(line);
  if (continues_secret(lines, index)) std::fill(line.begin(), line.end(), U'*');
  const auto at = static_cast<std::size_t>(complaint.column - 1);
  const std::size_t rest = at < line.size() ? line.size() - at : 1;
  complaint.width = static_cast<int>(std::min(static_cast<std::size_t>(complaint.width), rest));
  if (line.size() > kShownMax) {
    const std::size_t from = at > kLead ? at - kLead : 0;
    line = line.substr(std::min(from, line.size()), kShownMax);
    complaint.caret = complaint.column - static_cast<int>(from);
    const int room = static_cast<int>(kShownMax) - complaint.caret + 1;
    complaint.width = std::min(complaint.width, room);
  }
  complaint.text = encode(line);
}

std::vector<Complaint> Complaints::finish() {
  const std::vector<std::string_view> lines =
      complaints_.empty() ? std::vector<std::string_view>{} : lines_of(text_);
  for (Complaint& complaint : complaints_) cut_line(complaint, lines);
  std::stable_sort(complaints_.begin(), complaints_.end(),
                   [](const Complaint& a, const Complaint& b) {
                     return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                   });
  if (left_out_ > 0) {
    complaints_.back().hint = fmt::format("{} more mistakes are not shown", left_out_);
  }
  return std::move(complaints_);
}

std::string show(const Complaint& complaint) {
  std::string out =
      fmt::format("{}:{}:{}: {}", complaint.file, complaint.line, complaint.column, complaint.what);
  if (!trim(complaint.text).empty()) {
    // Tabs stay tabs, so that the caret stands under its character however wide they are.
    std::string lead;
    for (const char32_t c : characters(complaint.text)) {
      if (lead.size() + 1 >= static_cast<std::size_t>(complaint.caret)) break;
      lead += c == U'\t' ? '\t' : ' ';
    }
    lead.resize(std::max(lead.size(), static_cast<std::size_t>(complaint.caret - 1)), ' ');
    out += fmt::format("\n{}\n{}{}", complaint.text, lead,
                       std::string(static_cast<std::size_t>(complaint.width), '^'));
  }
  if (!complaint.hint.empty()) out += "\nhint: " + complaint.hint;
  return out;
}

}  // namespace weir::config
