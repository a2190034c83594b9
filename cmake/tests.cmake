# Tests of real things: they start real servers and are run two at a time at most.
file(GLOB_RECURSE real_postgres_sources CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/tests/real/postgres/*_test.cpp)
if(real_postgres_sources)
  add_library(weir_real_support STATIC ${CMAKE_SOURCE_DIR}/tests/real/support.cpp)
  target_link_libraries(weir_real_support PUBLIC weir_engine weir_guard weir_access GTest::gtest)
  add_executable(real_postgres_test ${real_postgres_sources})
  target_link_libraries(real_postgres_test PRIVATE weir_real_support weir_ledger
    GTest::gtest_main)
  weir_precompiled_test(real_postgres_test)
  target_compile_definitions(real_postgres_test PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME real_postgres COMMAND real_postgres_test)
  set_tests_properties(real_postgres PROPERTIES LABELS real TIMEOUT 900)
endif()

# The house rules: layering, sizes, banned calls, and the format of all sources.
add_executable(tidy_test ${CMAKE_SOURCE_DIR}/tests/tidy/tidy_test.cpp
  ${CMAKE_SOURCE_DIR}/tests/tidy/rules.cpp)
target_link_libraries(tidy_test PRIVATE weir_flags GTest::gtest_main)
target_compile_definitions(tidy_test PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
add_test(NAME tidy COMMAND tidy_test)
set_tests_properties(tidy PROPERTIES LABELS unit TIMEOUT 120)

add_test(NAME format COMMAND bash ${CMAKE_SOURCE_DIR}/tests/tidy/format.sh)
set_tests_properties(format PROPERTIES LABELS format TIMEOUT 120)

add_test(NAME units_unchanged COMMAND bash ${CMAKE_SOURCE_DIR}/tests/real/units_unchanged.sh)
set_tests_properties(units_unchanged PROPERTIES LABELS host TIMEOUT 60)

# A fleet of an ordinary user. Whole fleets share a lock, so that with real_postgres two things run
# at once; a test that skips itself has failed.
add_test(NAME as_user COMMAND bash ${CMAKE_SOURCE_DIR}/tests/real/as_user.sh)
set_tests_properties(as_user PROPERTIES LABELS real TIMEOUT 600 RESOURCE_LOCK fleets COST 100
  ENVIRONMENT "WEIR_BINARY=${CMAKE_BINARY_DIR}/weir" FAIL_REGULAR_EXPRESSION "SKIPPED")
if(TARGET real_postgres_test)
  set_tests_properties(real_postgres PROPERTIES COST 200 FAIL_REGULAR_EXPRESSION "SKIPPED")
endif()

# Whole fleets by the command line: every day; bad days, upgrades and the pages for three in the
# morning; and hosts that are network namespaces, which only root makes.
add_library(weir_live_fleet STATIC ${CMAKE_SOURCE_DIR}/tests/real/fleet/live_fleet.cpp)
target_link_libraries(weir_live_fleet PUBLIC weir_peer weir_access GTest::gtest)
target_compile_definitions(weir_live_fleet PUBLIC WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
  WEIR_BINARY_DEFAULT="${CMAKE_BINARY_DIR}/weir")
foreach(program fleet days hosts)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/real/${program}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/live_fleet\\.cpp$")
  add_executable(real_${program}_test ${sources})
  target_link_libraries(real_${program}_test PRIVATE weir_live_fleet GTest::gtest_main)
  weir_precompiled_test(real_${program}_test)
  add_dependencies(real_${program}_test weir)
  set(command $<TARGET_FILE:real_${program}_test>)
  if(program STREQUAL "hosts")
    set(command bash ${CMAKE_SOURCE_DIR}/tests/real/as_root.sh ${command})
  endif()
  add_test(NAME real_${program} COMMAND ${command})
  set_tests_properties(real_${program} PROPERTIES LABELS real TIMEOUT 2400 COST 300
    RESOURCE_LOCK fleets FAIL_REGULAR_EXPRESSION "SKIPPED")
endforeach()

# What `./dev` builds by one name each.
add_custom_target(units DEPENDS tidy_test)
foreach(folder base model world config access peer store journal engine ledger provision failover
    drill guard agent cli)
  if(TARGET ${folder}_test)
    add_dependencies(units ${folder}_test)
  endif()
endforeach()
add_custom_target(real_tests DEPENDS weir real_fleet_test real_days_test real_hosts_test)
if(TARGET real_postgres_test)
  add_dependencies(real_tests real_postgres_test)
endif()

# The same units and the simulator once more, built in build/asan by clang-16; one summary for all.
# That build is a test itself: it fills the core that the tests of real servers leave idle.
add_custom_target(sanitized)
if(NOT WEIR_SANITIZE)
  add_test(NAME asan_build COMMAND nice -n 19 ${CMAKE_COMMAND} --build ${CMAKE_SOURCE_DIR}/build/asan
    --target sanitized)
  set_tests_properties(asan_build PROPERTIES LABELS sanitize TIMEOUT 2400 COST 400
    FIXTURES_SETUP sanitized)
endif()
if(WEIR_SANITIZE)
  # Optimising Beast with both sanitizers takes a minute more than it ever gives back.
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/peer/server.cpp PROPERTIES
    COMPILE_OPTIONS -O0 SKIP_PRECOMPILE_HEADERS ON)
endif()
foreach(folder base model config store journal failover provision agent sim)
  if(TARGET ${folder}_test)
    add_dependencies(sanitized ${folder}_test)
    if(NOT WEIR_SANITIZE)
      # The kill points of whole hosts run without sanitizers: the agents' take the same paths.
      add_test(NAME asan_${folder} COMMAND ${CMAKE_SOURCE_DIR}/build/asan/${folder}_test
        --gtest_filter=-*/KillPoints.*Host)
      # A fiber begins on a stack frame of the fiber that made it, so no frame may move to the heap.
      set_tests_properties(asan_${folder} PROPERTIES LABELS sanitize TIMEOUT 1800
        FIXTURES_REQUIRED sanitized ENVIRONMENT ASAN_OPTIONS=detect_stack_use_after_return=0)
    endif()
  endif()
endforeach()

# The outside clients of the benches: libpq, and nothing of weir's.
add_custom_target(bench_clients)
foreach(client outage serves)
  add_executable(bench_${client} EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/${client}.cpp
    ${CMAKE_SOURCE_DIR}/bench/client.cpp)
  target_link_libraries(bench_${client} PRIVATE weir_flags PostgreSQL::PostgreSQL)
  add_dependencies(bench_clients bench_${client})
endforeach()

# What the binary says and how it ends, compared with tests/golden/cli.
add_executable(golden_test ${CMAKE_SOURCE_DIR}/tests/golden/cli_test.cpp)
target_link_libraries(golden_test PRIVATE weir_world GTest::gtest_main)
target_compile_definitions(golden_test PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
  WEIR_BINARY_DEFAULT="${CMAKE_BINARY_DIR}/weir")
add_dependencies(golden_test weir)
add_test(NAME golden COMMAND golden_test)
set_tests_properties(golden PROPERTIES LABELS unit TIMEOUT 120)
add_dependencies(units golden_test)

# The units of packaging/ are such as systemd accepts.
add_test(NAME units_verified COMMAND bash ${CMAKE_SOURCE_DIR}/tests/real/units_verified.sh)
set_tests_properties(units_verified PROPERTIES LABELS host TIMEOUT 60
  ENVIRONMENT "WEIR_BINARY=${CMAKE_BINARY_DIR}/weir")
