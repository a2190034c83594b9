# Tests of real things: they start real servers and are run two at a time at most.
file(GLOB_RECURSE real_postgres_sources CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/tests/real/postgres/*_test.cpp)
if(real_postgres_sources)
  add_library(weir_real_support STATIC ${CMAKE_SOURCE_DIR}/tests/real/support.cpp)
  target_link_libraries(weir_real_support PUBLIC weir_engine weir_guard weir_access GTest::gtest)
  add_executable(real_postgres_test ${real_postgres_sources})
  target_link_libraries(real_postgres_test PRIVATE weir_real_support weir_ledger
    GTest::gtest_main)
  target_compile_definitions(real_postgres_test PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME real_postgres COMMAND real_postgres_test)
  set_tests_properties(real_postgres PROPERTIES LABELS real TIMEOUT 900)
endif()
