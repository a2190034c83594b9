// Where in our own source something happened; carried by every Error.
#pragma once

namespace weir {

// A small stand-in for std::source_location, which clang with libstdc++ 12 cannot compile.
struct Here {
  const char* file = "";
  int line = 0;

  static constexpr Here now(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace weir
