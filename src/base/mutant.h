// Mutants: in a test build each rule of safety.md can be switched off by name, so that the search
// that claims to check it is seen to fail (safety.md, Mutants). In what ships this is constant.
#pragma once

#ifdef WEIR_MUTANTS
#include <set>
#include <string>
#endif

namespace weir {

#ifdef WEIR_MUTANTS
inline std::set<std::string>& mutants_on() {
  static std::set<std::string> names;
  return names;
}
inline bool mutant(const char* name) { return mutants_on().contains(name); }
#else
constexpr bool mutant(const char*) { return false; }
#endif

}  // namespace weir
