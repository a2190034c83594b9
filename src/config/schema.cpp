// What every table of keys needs: values of one kind, and names that are safe wherever they go.
#include "config/schema.h"

#include <charconv>

namespace weir::config {
namespace {

bool is_name(std::string_view text, std::size_t length_max) {
  if (text.empty() || text.size() > length_max || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool check(Complaints& complaints, const Node& name, std::string_view thing,
           std::size_t length_max) {
  if (is_name(name.text, length_max)) return true;
  complaints.add(name, fmt::format("`{}` cannot be the name of a {}", name.text, thing),
                 fmt::format("a name begins with a letter, has only a-z, 0-9, _ and -, and at most "
                             "{} characters",
                             length_max));
  return false;
}

}  // namespace

void complain_of_kind(Complaints& complaints, const Node& node, std::string_view expected) {
  const std::string got = node.is_null()                    ? "nothing"
                          : node.kind == Node::Kind::scalar ? fmt::format("'{}'", node.text)
                                                            : name_of(node.kind);
  complaints.add(node, fmt::format("expected {}, got {}", expected, got));
}

const Node* as_map(Complaints& complaints, const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::map) return &node;
  complain_of_kind(complaints, node, expected);
  return nullptr;
}

const Node* as_list(Complaints& complaints, const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::list) return &node;
  complain_of_kind(complaints, node, expected);
  return nullptr;
}

std::optional<std::string> as_text(Complaints& complaints, const Node& node,
                                   std::string_view expected) {
  if (node.kind == Node::Kind::scalar && !node.is_null()) return node.text;
  complain_of_kind(complaints, node, expected);
  return std::nullopt;
}

std::optional<bool> as_bool(Complaints& complaints, const Node& node) {
  if (node.kind == Node::Kind::scalar) {
    for (const std::string_view yes : {"true", "yes", "on"}) {
      if (node.text == yes) return true;
    }
    for (const std::string_view no : {"false", "no", "off"}) {
      if (node.text == no) return false;
    }
  }
  complain_of_kind(complaints, node, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> as_integer(Complaints& complaints, const Node& node, std::int64_t least,
                                       std::int64_t greatest) {
  std::int64_t value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, value);
  if (node.kind == Node::Kind::scalar && error == std::errc{} && stop == end && value >= least &&
      value <= greatest) {
    return value;
  }
  complain_of_kind(complaints, node, fmt::format("a whole number from {} to {}", least, greatest));
  return std::nullopt;
}

bool check_name(Complaints& complaints, const Node& name, std::string_view thing) {
  return check(complaints, name, thing, 31);
}

bool check_identifier(Complaints& complaints, const Node& name, std::string_view thing) {
  return check(complaints, name, thing, 63);
}

}  // namespace weir::config
