// WEIR_ASSERT: what we did wrong, as opposed to what the world does. It stays on in release.
#pragma once

#include <cstdio>
#include <cstdlib>

// Prints the broken expectation with its place and aborts; the journal makes the restart safe.
#define WEIR_ASSERT(condition)                                                              \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      std::fprintf(stderr, "weir: broken expectation: %s at %s:%d\n", #condition, __FILE__, \
                   __LINE__);                                                               \
      std::abort();                                                                         \
    }                                                                                       \
  } while (false)
