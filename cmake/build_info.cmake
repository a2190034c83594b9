# What `weir version` tells: written anew at each build, touched only when something in it changed.
# Run by itself with -P it writes the file; included, it adds that run to the build.
if(CMAKE_SCRIPT_MODE_FILE)
  find_package(Git QUIET)
  set(WEIR_COMMIT unknown)
  if(GIT_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${WEIR_SOURCE} describe --always --dirty
        --abbrev=12 --exclude=*
      OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0)
      set(WEIR_COMMIT ${described})
    endif()
  endif()
  configure_file(${WEIR_SOURCE}/cmake/build_info.cpp.in ${WEIR_OUT} @ONLY)
  return()
endif()

set(WEIR_BUILD_INFO ${CMAKE_BINARY_DIR}/build_info.cpp)
# `;` would be taken apart on its way through the command line.
string(CONCAT WEIR_LIBRARIES
  "Boost ${Boost_VERSION_STRING}|OpenSSL ${OPENSSL_VERSION}|SQLite ${SQLite3_VERSION}|"
  "libcurl ${CURL_VERSION_STRING}|libpq ${PostgreSQL_VERSION_STRING}|libyaml ${yaml_VERSION}|"
  "nlohmann_json ${nlohmann_json_VERSION}|fmt ${fmt_VERSION}")
add_custom_target(weir_build_info
  COMMAND ${CMAKE_COMMAND} -DWEIR_SOURCE=${CMAKE_SOURCE_DIR} -DWEIR_OUT=${WEIR_BUILD_INFO}
    -DWEIR_VERSION=${PROJECT_VERSION} "-DWEIR_LIBRARIES=${WEIR_LIBRARIES}"
    "-DWEIR_COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
    -DWEIR_BUILD=${CMAKE_BUILD_TYPE} -P ${CMAKE_CURRENT_LIST_FILE}
  BYPRODUCTS ${WEIR_BUILD_INFO} VERBATIM)
target_sources(weir_cli PRIVATE ${WEIR_BUILD_INFO})
add_dependencies(weir_cli weir_build_info)
