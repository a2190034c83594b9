// Test only: SQLite's file layer with a disk that is full, or whose fsync fails, when told to.
#pragma once

#include <atomic>

namespace weir::store {

// Becomes the default of every database that this process opens later; what is not told to fail
// passes through. Faults hit the write-ahead log only, where commits live or die.
struct FaultVfs {
  static void install();
  static inline std::atomic<bool> full = false;
  static inline std::atomic<bool> sync_fails = false;
  static inline std::atomic<int> syncs = 0;
};

}  // namespace weir::store
