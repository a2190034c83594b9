// The YAML file as a bounded tree of our own, each node with its place. Only tree.cpp knows
// libyaml.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::config {

class Complaints;

struct Mark {
  int line = 1;
  int column = 1;  // in characters
  auto operator<=>(const Mark&) const = default;
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;

// Shared, so that an alias costs nothing; how much they would unfold to is bounded all the same.
struct Node {
  enum class Kind { scalar, list, map };
  struct Entry {
    NodePtr key;  // always a scalar
    NodePtr value;
  };

  Kind kind = Kind::scalar;
  std::string text;            // scalars
  bool plain = false;          // a scalar without quotes
  Mark begin, end;             // `end` is one past the last character
  std::vector<NodePtr> items;  // lists
  std::vector<Entry> entries;  // maps, in file order, without duplicates
  std::size_t size = 1;        // nodes in it, aliases unfolded
  int height = 1;              // levels in it, aliases unfolded

  // Nothing was written: `key:`, `key: ~` or `key: null`.
  bool is_null() const;
  const Node* find(std::string_view key) const;  // a map's value
};

constexpr std::size_t kNodesMax = 1'000'000;  // in one file
constexpr std::size_t kUnfoldedMax = 10'000;  // added by aliases
const char* name_of(Node::Kind kind);         // "a text", "a list", "a mapping"

// Where the byte at `offset` stands.
Mark mark_at(std::string_view text, std::size_t offset);

// The tree of one document; nullptr if it could not be read at all. Complains of everything that is
// not the YAML that a fleet file is written in: bad syntax, depth, size, aliases, duplicate keys.
NodePtr read_tree(const std::string& text, Complaints& complaints);

}  // namespace weir::config
