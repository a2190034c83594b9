// The engine `postgres`: PostgreSQL 15, streaming replication, quorum commit.
#pragma once

#include <memory>

#include "engine/engine.h"

namespace weir::engine {

// Borrows `world` for its life. Nothing is touched until a face is called.
std::unique_ptr<Engine> make_postgres(World& world, Setting setting);

}  // namespace weir::engine
