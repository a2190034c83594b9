// Reading a mapping by a table of its keys: the whole grammar of the fleet file is such tables.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "config/complaints.h"
#include "config/config.h"
#include "config/tree.h"

namespace weir::config {

// One key of a mapping, what becomes of its value, and what `weir explain` tells of it.
template <class T>
struct Key {
  std::string_view name;
  bool needed = false;
  void (*read)(Complaints& complaints, const Node& value, T& into) = nullptr;
  std::string_view takes = {};
  std::string_view help = {};
  // The keys below it, where it takes a mapping with a table of its own.
  void (*inner)(const std::string& path, std::vector<FileKey>& out) = nullptr;
};

// The keys of a table, and all below them, as they are written below `path`.
template <class T>
void describe(const std::string& path, const std::vector<Key<T>>& keys, std::vector<FileKey>& out) {
  for (const Key<T>& key : keys) {
    const std::string here = path + (path.empty() ? "" : ".") + std::string(key.name);
    out.push_back({here, key.takes, key.help, key.needed});
    if (key.inner != nullptr) key.inner(here, out);
  }
}

// What was expected of a value that is of another kind.
void complain_of_kind(Complaints& complaints, const Node& node, std::string_view expected);

// Each complains and answers nothing if the node is of another kind.
const Node* as_map(Complaints& complaints, const Node& node, std::string_view expected);
const Node* as_list(Complaints& complaints, const Node& node, std::string_view expected);
std::optional<std::string> as_text(Complaints& complaints, const Node& node,
                                   std::string_view expected);
std::optional<bool> as_bool(Complaints& complaints, const Node& node);
std::optional<std::int64_t> as_integer(Complaints& complaints, const Node& node, std::int64_t least,
                                       std::int64_t greatest);

// Names of fleets, hosts and services: [a-z][a-z0-9_-]{0,30}. Complains of others.
bool check_name(Complaints& complaints, const Node& name, std::string_view thing);
// The same for what lies inside a server, up to 63 characters as Postgres has it.
bool check_identifier(Complaints& complaints, const Node& name, std::string_view thing);

// Reads `node` by `keys`. `thing` names it in complaints ("service `orders`"); a missing key is
// complained of at `at`, its name or the mapping itself. Nothing written reads as an empty mapping.
template <class T>
void read_mapping(Complaints& complaints, const Node& at, const Node& node, std::string_view thing,
                  const std::vector<Key<T>>& keys, T& into) {
  if (!node.is_null() && as_map(complaints, node, "a mapping") == nullptr) return;
  std::vector<std::string> known, meant;
  for (const Key<T>& key : keys) known.emplace_back(key.name);
  for (const Node::Entry& entry : node.entries) {
    const auto key = std::find(known.begin(), known.end(), entry.key->text);
    if (key == known.end()) {
      complaints.add(*entry.key, fmt::format("{} has no key `{}`", thing, entry.key->text),
                     suggestion(entry.key->text, known));
      meant.push_back(nearest(entry.key->text, known));
      continue;
    }
    keys[static_cast<std::size_t>(key - known.begin())].read(complaints, *entry.value, into);
  }
  for (const Key<T>& key : keys) {
    // A misspelt key was complained of already; it is not missing as well.
    const bool misspelt = std::find(meant.begin(), meant.end(), key.name) != meant.end();
    if (key.needed && !misspelt && node.find(key.name) == nullptr) {
      complaints.add(at, fmt::format("{} needs the key `{}`", thing, key.name));
    }
  }
}

}  // namespace weir::config
