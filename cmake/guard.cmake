# The guard is a static program of its own (libc only, so that it may be locked in memory), carried
# inside the library that starts it.
enable_language(ASM)

add_executable(weir_guard_program src/guard/guard.c src/guard/fence.c)
# Neither the sanitizers nor the linker of the rest: both bring more than libc.
set_target_properties(weir_guard_program PROPERTIES
  COMPILE_OPTIONS "" LINK_OPTIONS "" C_STANDARD 11 C_EXTENSIONS ON
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_include_directories(weir_guard_program PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(weir_guard_program PRIVATE -Os -Wall -Wextra -Wshadow -Werror)
target_link_options(weir_guard_program PRIVATE -static -s)

set(WEIR_GUARD_PROGRAM ${CMAKE_BINARY_DIR}/weir_guard_program)
set(WEIR_GUARD_IMAGE ${CMAKE_BINARY_DIR}/guard_image.S)
file(GENERATE OUTPUT ${WEIR_GUARD_IMAGE} CONTENT
"  .section .rodata
  .balign 16
  .global weir_guard_image
weir_guard_image:
  .incbin \"${WEIR_GUARD_PROGRAM}\"
  .global weir_guard_image_end
weir_guard_image_end:
  .section .note.GNU-stack,\"\",@progbits
")
set_source_files_properties(${WEIR_GUARD_IMAGE} PROPERTIES
  GENERATED ON OBJECT_DEPENDS ${WEIR_GUARD_PROGRAM})
target_sources(weir_guard PRIVATE ${WEIR_GUARD_IMAGE})
add_dependencies(weir_guard weir_guard_program)
