// How a member's server is called among the guards: world/world.h, ServerSpec.
#pragma once

#include <string>

#include "model/fleet.h"

namespace weir {

// FLEET/HOST/SERVICE-MEMBER
inline std::string server_name(const FleetName& fleet, const Member& member) {
  return fleet.text + "/" + member.host.text + "/" + member.service.text + "-" + member.name.text;
}

}  // namespace weir
