// What this binary was built from; cmake/build_info.cmake writes it.
#pragma once

namespace weir::cli {

struct BuildInfo {
  const char* version;
  const char* commit;     // with "-dirty" where the tree had changes; "unknown" without git
  const char* build;      // "RelWithDebInfo"
  const char* compiler;   // "GNU 12.2.0"
  const char* libraries;  // "NAME VERSION", separated by |
};
extern const BuildInfo kBuildInfo;

}  // namespace weir::cli
