// The one generic diff of all engines. It knows how values compare and in which order things are
// made; what an attribute means and does is the engine's table.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <tuple>

#include "base/quantity.h"
#include "base/text.h"
#include "engine/engine.h"

namespace weir::engine {
namespace {

// What is named later may refer to what is named earlier: a grant to a database, that to its owner.
constexpr std::string_view kOrder[] = {"param", "role", "database", "grant"};
// From the weakest to the strongest.
constexpr std::string_view kEffects[] = {"", "reload", "restart", "replace"};

std::size_t rank_of(const std::string& kind) {
  return static_cast<std::size_t>(std::find(std::begin(kOrder), std::end(kOrder), kind) -
                                  std::begin(kOrder));
}

std::size_t strength(const std::string& effect) {
  return static_cast<std::size_t>(std::find(std::begin(kEffects), std::end(kEffects), effect) -
                                  std::begin(kEffects));
}

std::optional<bool> boolean_from(const std::string& text) {
  for (const std::string_view yes : {"on", "true", "yes", "1", "t"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"off", "false", "no", "0", "f"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<double> number_from(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

std::vector<std::string> list_from(const std::string& text) {
  std::vector<std::string> items;
  for (const std::string& part : split(text, ',')) items.push_back(trim(part));
  return items;
}

template <class T>
bool equal_if_read(const T& a, const T& b) {
  return a && b && *a == *b;
}

// Whether two texts say the same. What cannot be read as `canonical` is compared as text.
bool same_value(const std::string& a, const std::string& b, const std::string& canonical) {
  if (a == b) return true;
  if (canonical == "bytes") return equal_if_read(parse_bytes(a), parse_bytes(b));
  if (canonical == "duration") return equal_if_read(parse_duration(a), parse_duration(b));
  if (canonical == "bool") return equal_if_read(boolean_from(a), boolean_from(b));
  if (canonical == "number") return equal_if_read(number_from(a), number_from(b));
  if (canonical == "list") return list_from(a) == list_from(b);
  return false;
}

// The engine's row for one attribute; of a parameter its own name is asked for.
const Attribute* row_of(const std::vector<Attribute>& table, const Resource& resource,
                        const std::string& attribute) {
  const std::string& name = resource.kind == "param" ? resource.name : attribute;
  const auto found = std::find_if(table.begin(), table.end(), [&](const Attribute& row) {
    return row.kind == resource.kind && row.name == name;
  });
  return found == table.end() ? nullptr : &*found;
}

std::string sentence(const std::string& subject, const std::string& effect) {
  if (effect == "reload") return subject + " takes effect when the server reloads";
  if (effect == "restart") return subject + " takes effect when the server restarts";
  if (effect == "replace") return subject + " cannot be changed in place";
  return subject + " differs";
}

// What differs of a resource that is there; nullopt if nothing does.
std::optional<Difference> compare(const Resource& wanted, const Resource& present,
                                  const std::vector<Attribute>& table) {
  std::vector<std::string> differing;
  std::string effect;
  for (const auto& [name, value] : wanted.attributes) {
    const auto found = present.attributes.find(name);
    const bool there = found != present.attributes.end();
    // A verifier that either side does not know says nothing about the password.
    if (name == "password" && (value.empty() || !there || found->second.empty())) continue;
    const Attribute* row = row_of(table, wanted, name);
    if (there && same_value(value, found->second, row == nullptr ? "text" : row->canonical)) {
      continue;
    }
    differing.push_back(wanted.kind == "param" ? wanted.name : name);
    if (row != nullptr && strength(row->effect) > strength(effect)) effect = row->effect;
  }
  if (differing.empty()) return std::nullopt;
  return Difference{wanted, present, effect, sentence(join(differing, ", "), effect)};
}

Difference creation(const Resource& wanted, const std::vector<Attribute>& table) {
  const Attribute* row = wanted.kind == "param" ? row_of(table, wanted, "value") : nullptr;
  const std::string effect = row == nullptr ? "" : row->effect;
  const std::string declared = "it is declared, but not there";
  return {wanted, {}, effect, effect.empty() ? declared : sentence(wanted.name, effect)};
}

std::vector<Resource> in_order(std::vector<Resource> resources) {
  std::sort(resources.begin(), resources.end(), [](const Resource& a, const Resource& b) {
    return std::tuple(rank_of(a.kind), std::tie(a.kind, a.name)) <
           std::tuple(rank_of(b.kind), std::tie(b.kind, b.name));
  });
  return resources;
}

const Resource* find(const std::vector<Resource>& resources, const Resource& like) {
  const auto found =
      std::find_if(resources.begin(), resources.end(), [&](const Resource& resource) {
        return resource.kind == like.kind && resource.name == like.name;
      });
  return found == resources.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Difference> diff(const std::vector<Resource>& wanted,
                             const std::vector<Resource>& present,
                             const std::vector<Attribute>& attributes) {
  std::vector<Difference> differences;
  for (const Resource& resource : in_order(wanted)) {
    const Resource* there = find(present, resource);
    if (there == nullptr) {
      differences.push_back(creation(resource, attributes));
    } else if (auto difference = compare(resource, *there, attributes)) {
      differences.push_back(std::move(*difference));
    }
  }
  // Deleted in the reverse order, after all changes: a database may first need another owner.
  std::vector<Resource> gone = in_order(present);
  std::reverse(gone.begin(), gone.end());
  for (const Resource& resource : gone) {
    if (find(wanted, resource) != nullptr) continue;
    if (resource.kind == "param") {
      const Attribute* row = row_of(attributes, resource, "value");
      const std::string effect = row == nullptr ? "reload" : row->effect;
      differences.push_back({{},
                             resource,
                             effect,
                             resource.name +
                                 " is set on the server and not declared: its default "
                                 "returns when the server " +
                                 (effect == "restart" ? "restarts" : "reloads")});
      continue;
    }
    differences.push_back({{}, resource, "", "it is there, but no longer declared"});
  }
  return differences;
}

}  // namespace weir::engine
