// What the fleet file may say per engine: one row each. A new engine adds a row and a table of
// keys.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/complaints.h"
#include "config/schema.h"
#include "config/tree.h"
#include "model/fleet.h"

namespace weir::config {

// A service while it is read; nodes stay beside the values, for complaints that need both.
struct Draft {
  Service service;
  const Node* name = nullptr;
  const Node* members = nullptr;
  const Node* sync = nullptr;
  const Node* port = nullptr;
  const Node* databases = nullptr;
  const Node* roles = nullptr;
  std::vector<const Node*> member_nodes;  // beside service.members
};

struct EngineSyntax {
  std::string_view name;
  bool here = false;  // this version runs it
  std::uint16_t standard_port = 0;
  std::vector<Key<Draft>> keys;  // beside those that every service has
  // What only the whole service shows; called once all its keys are read.
  void (*finish)(Complaints& complaints, Draft& draft) = nullptr;
};

const std::vector<EngineSyntax>& engines();
const EngineSyntax* find_engine(std::string_view name);

// The row of postgres; postgres.cpp.
EngineSyntax postgres_syntax();

}  // namespace weir::config
