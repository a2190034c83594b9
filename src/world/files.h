// The disk of one host, as a port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct FilePart {
  std::string bytes;
  std::uint64_t file_bytes = 0;  // of the whole file
};

// Files of this host, by absolute paths. Writes return after fsync of file and directory; `write`
// replaces the whole file atomically.
class Files {
 public:
  virtual ~Files() = default;
  virtual Result<std::string> read(const std::string& path) = 0;  // not_found if absent
  // What lies from byte `from` on, at most `most` of it; nothing from beyond the end.
  virtual Result<FilePart> read_part(const std::string& path, std::uint64_t from, std::size_t most);
  virtual Result<> write(const std::string& path, std::string_view content, int mode = 0600) = 0;
  virtual Result<> append(const std::string& path, std::string_view content) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> remove(const std::string& path) = 0;  // whole trees; absent is success
  virtual Result<> make_folder(const std::string& path, int mode = 0700) = 0;  // with its parents
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, sorted
  virtual bool exists(const std::string& path) = 0;
};

}  // namespace weir
