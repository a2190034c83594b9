# Fuzzers of everything that reads what others wrote; built by clang-16 beside the sanitized units,
# run by `./dev night`. The sources under test are compiled once more, with coverage marks; the
# linker takes them before the libraries of the same folders.
if(WEIR_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_custom_target(fuzzers)
  function(weir_fuzzer name library)
    add_executable(fuzz_${name} EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cpp ${ARGN})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${name} PRIVATE ${library})
    add_dependencies(fuzzers fuzz_${name})
  endfunction()

  set(src ${CMAKE_SOURCE_DIR}/src)
  file(GLOB config_sources CONFIGURE_DEPENDS ${src}/config/*.cpp)
  list(FILTER config_sources EXCLUDE REGEX "_test\\.cpp$")
  weir_fuzzer(config weir_config ${config_sources})
  weir_fuzzer(json weir_base ${src}/base/json.cpp)
  weir_fuzzer(record weir_model ${src}/model/record.cpp ${src}/base/json.cpp)
  weir_fuzzer(spoken weir_agent ${src}/agent/spoken.cpp ${src}/base/json.cpp)
  weir_fuzzer(journal weir_journal ${src}/journal/lines.cpp ${src}/base/json.cpp)
  weir_fuzzer(wal weir_engine ${src}/engine/postgres/wal_end.cpp
    ${src}/engine/postgres/wal_end_names.cpp)
endif()
