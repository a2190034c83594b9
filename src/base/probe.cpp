// One table for the process: passages are rare, so one lock does for all of them.
#include "base/probe.h"

#include <mutex>

namespace weir {
namespace {

struct Passed {
  std::mutex mutex;
  std::map<std::string, std::uint64_t, std::less<>> counts;
};

Passed& passed() {
  static Passed all;
  return all;
}

}  // namespace

void probe(std::string_view name) {
  const std::lock_guard lock(passed().mutex);
  const auto found = passed().counts.find(name);
  if (found != passed().counts.end()) {
    ++found->second;
  } else {
    passed().counts.emplace(name, 1);
  }
}

std::map<std::string, std::uint64_t, std::less<>> probes_passed() {
  const std::lock_guard lock(passed().mutex);
  return passed().counts;
}

}  // namespace weir
