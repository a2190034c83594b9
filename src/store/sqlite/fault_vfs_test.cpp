// The faulty file layer: wraps the methods of the files that the system's layer opens.
#include "store/sqlite/fault_vfs.h"

#include <sqlite3.h>

#include <string_view>

namespace weir::store {
namespace {

sqlite3_vfs* real = nullptr;
sqlite3_vfs faulty;
const sqlite3_io_methods* real_methods = nullptr;
sqlite3_io_methods faulty_methods;

int write_log(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
  if (FaultVfs::full) return SQLITE_FULL;
  return real_methods->xWrite(file, data, size, at);
}

int sync_log(sqlite3_file* file, int flags) {
  ++FaultVfs::syncs;
  if (FaultVfs::sync_fails) return SQLITE_IOERR_FSYNC;
  return real_methods->xSync(file, flags);
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = real->xOpen(real, name, file, flags, out_flags);
  if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return code;
  real_methods = file->pMethods;
  faulty_methods = *real_methods;
  faulty_methods.xWrite = write_log;
  faulty_methods.xSync = sync_log;
  file->pMethods = &faulty_methods;
  return code;
}

}  // namespace

void FaultVfs::install() {
  if (real != nullptr) return;
  real = sqlite3_vfs_find(nullptr);
  faulty = *real;
  faulty.zName = "weir-faulty";
  faulty.xOpen = open_file;
  sqlite3_vfs_register(&faulty, 1);
}

}  // namespace weir::store
