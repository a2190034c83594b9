# The simulator: its library, `weir_sim`, its tests, and the same sources once more with mutants.

file(GLOB_RECURSE sim_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sim/*.cpp)
set(sim_tests ${sim_sources})
list(FILTER sim_sources EXCLUDE REGEX "_test\\.cpp$|/main\\.cpp$")
list(FILTER sim_tests INCLUDE REGEX "_test\\.cpp$")
list(FILTER sim_tests EXCLUDE REGEX "mutants_test\\.cpp$")

add_library(weir_simulator STATIC ${sim_sources})
target_link_libraries(weir_simulator PUBLIC weir_agent weir_ledger Boost::context)
weir_precompiled(weir_simulator)

add_executable(weir_sim sim/main.cpp)
target_link_libraries(weir_sim PRIVATE weir_simulator)

add_executable(sim_test ${sim_tests})
target_link_libraries(sim_test PRIVATE weir_simulator GTest::gtest_main)
weir_precompiled_test(sim_test)
target_compile_definitions(sim_test PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
  WEIR_SCENARIOS="${CMAKE_SOURCE_DIR}/tests/scenarios")
add_test(NAME sim COMMAND sim_test)
set_tests_properties(sim PROPERTIES LABELS sim TIMEOUT 600)

# Only the folders that hold a mutant, or that inline `mutant`, are compiled a second time; the
# linker takes them before the libraries of the same folders.
file(GLOB mutated CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/src/failover/*.cpp ${CMAKE_SOURCE_DIR}/src/engine/fake/*.cpp
  ${CMAKE_SOURCE_DIR}/src/agent/*.cpp ${CMAKE_SOURCE_DIR}/src/provision/*.cpp
  ${CMAKE_SOURCE_DIR}/src/store/record_io.cpp ${CMAKE_SOURCE_DIR}/sim/store.cpp)
list(FILTER mutated EXCLUDE REGEX "_test\\.cpp$")
add_library(weir_mutated OBJECT ${mutated})
target_compile_definitions(weir_mutated PUBLIC WEIR_MUTANTS)
target_link_libraries(weir_mutated PUBLIC weir_simulator)
weir_precompiled(weir_mutated)

# `weir_sim` with rules that can be switched off: --mutant NAME.
add_executable(weir_sim_mutants sim/main.cpp)
target_link_libraries(weir_sim_mutants PRIVATE weir_mutated)

file(GLOB sim_mutants_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sim/*mutants_test.cpp)
add_executable(sim_mutants_test ${sim_mutants_tests})
target_compile_definitions(sim_mutants_test PRIVATE
  WEIR_SCENARIOS="${CMAKE_SOURCE_DIR}/tests/scenarios")
target_link_libraries(sim_mutants_test PRIVATE weir_mutated GTest::gtest_main)
weir_precompiled_test(sim_mutants_test)
add_test(NAME sim_mutants COMMAND sim_mutants_test)
set_tests_properties(sim_mutants PROPERTIES LABELS sim TIMEOUT 600)
