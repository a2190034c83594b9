# Headers of others that most sources include, parsed once for all of them: in a typical source they
# take longer than the rest. Each source still includes what it uses; `./dev night` builds its units
# with WEIR_PRECOMPILED off, where one that does not fails.
function(weir_precompiled target)
endfunction()
function(weir_precompiled_test target)
endfunction()
if(NOT WEIR_PRECOMPILED)
  return()
endif()

# In what comes from a precompiled header g++ 12 warns of copies inside std::string that cannot be;
# the sanitizers' build looks for such things for us.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(weir_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>)
endif()

set(headers <algorithm> <array> <atomic> <chrono> <cstdint> <cstdlib> <functional> <map> <memory>
  <mutex> <optional> <set> <string> <string_view> <thread> <utility> <variant> <vector>
  <fmt/format.h> <tl/expected.hpp>)
foreach(kind headers test_headers)
  set(source ${CMAKE_BINARY_DIR}/weir_${kind}.cpp)
  file(GENERATE OUTPUT ${source} CONTENT "")
  add_library(weir_${kind} OBJECT ${source})
  target_link_libraries(weir_${kind} PRIVATE weir_flags)
  target_precompile_headers(weir_${kind} PRIVATE ${headers})
endforeach()
target_link_libraries(weir_test_headers PRIVATE GTest::gtest)
target_precompile_headers(weir_test_headers PRIVATE <gtest/gtest.h>)

function(weir_precompiled target)
  target_precompile_headers(${target} REUSE_FROM weir_headers)
endfunction()
function(weir_precompiled_test target)
  target_precompile_headers(${target} REUSE_FROM weir_test_headers)
endfunction()
