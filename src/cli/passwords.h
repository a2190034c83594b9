// Passwords that a fleet file leaves to weir.
#pragma once

#include "cli/session.h"

namespace weir::cli {

// Each `password: generated` becomes a verifier that only the hosts of the service's members can
// open; the password itself is kept in a 0600 file for its owner and goes nowhere (safety.md S15).
// One that `known` has for the same hosts is kept.
Result<> generate_passwords(Session& session, Service& service, const Service* known);

}  // namespace weir::cli
