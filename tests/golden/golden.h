// Texts that tests compare with files. WEIR_REGENERATE=1 writes them anew, to be read in the diff.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace weir::golden {

inline std::filesystem::path folder() {
  return std::filesystem::path(WEIR_SOURCE_DIR) / "tests" / "golden";
}

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// `name` is relative to tests/golden. An absent file differs from every text.
inline void expect(const std::string& name, const std::string& text) {
  const std::filesystem::path path = folder() / name;
  const char* regenerate = std::getenv("WEIR_REGENERATE");
  if (regenerate != nullptr && std::string(regenerate) == "1") {
    std::ofstream(path, std::ios::binary) << text;
  }
  ASSERT_TRUE(std::filesystem::exists(path)) << name << " is absent; set WEIR_REGENERATE=1";
  EXPECT_EQ(read(path), text) << "in tests/golden/" << name;
}

}  // namespace weir::golden
