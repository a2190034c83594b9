// Files that pass everything on, for tests that change one call of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "world/world.h"

namespace weir {

class PassingFiles : public Files {
 public:
  explicit PassingFiles(Files& files) : files_(files) {}
  Result<std::string> read(const std::string& path) override { return files_.read(path); }
  Result<FilePart> read_part(const std::string& path, std::uint64_t from,
                             std::size_t most) override {
    return files_.read_part(path, from, most);
  }
  Result<> write(const std::string& path, std::string_view content, int mode) override {
    return files_.write(path, content, mode);
  }
  Result<> append(const std::string& path, std::string_view content) override {
    return files_.append(path, content);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Result<> remove(const std::string& path) override { return files_.remove(path); }
  Result<> make_folder(const std::string& path, int mode) override {
    return files_.make_folder(path, mode);
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return files_.list(path);
  }
  bool exists(const std::string& path) override { return files_.exists(path); }

 private:
  Files& files_;
};

}  // namespace weir
