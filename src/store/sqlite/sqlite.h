// The store in one SQLite file: what `weir store` owns.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"
#include "world/world.h"

namespace weir::store {

constexpr int kFileFormat = 1;

// Opens `path`, or makes it (0600) in a folder that exists. Everything acknowledged was synced to
// the disk before. Borrows both ports for its life. Errors: held (another process or store has it
// open), bad_data (damaged, not a store of ours, or of a higher format; it is left untouched),
// denied (permissions, a read-only file system), not_found (no such folder), io.
Result<std::unique_ptr<Store>> make_sqlite(Clock& clock, Workers& workers, const std::string& path);

}  // namespace weir::store
