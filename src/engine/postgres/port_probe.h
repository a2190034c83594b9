// Whether a port is free, and whose it is when it is not.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace weir::engine::postgres {

// Success: a server could listen there now. held: somebody listens there, named if we may know;
// bad_config: the address is not one of this machine.
Result<> probe_port(const std::string& address, std::uint16_t port);

}  // namespace weir::engine::postgres
