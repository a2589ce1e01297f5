# tern_test_room: the test files of one module, compiled with that module's view. tern_test_program: rooms linked into
# one program with one Catch2 main, registered with ctest.

add_library(tern_test_flags INTERFACE)
target_link_libraries(tern_test_flags INTERFACE Catch2::Catch2 rapidcheck fmt::fmt tern_flags)
target_include_directories(tern_test_flags INTERFACE "${CMAKE_SOURCE_DIR}/tests")
# Test data is named relative to the tree, so that a program of a moved build folder says what it misses.
target_compile_definitions(tern_test_flags INTERFACE TERN_TEST_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data"
                                                     TERN_TEST_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")

# The main is that of Debian's package: no build compiles Catch2 itself. Each precompiled header is compiled once; rooms that
# see the inside of the server have one with its headers where clang compiles them.
add_library(test_pch OBJECT "${CMAKE_SOURCE_DIR}/tests/support/test_pch.cpp")
target_link_libraries(test_pch PRIVATE tern_test_flags)
target_precompile_headers(test_pch PRIVATE "${CMAKE_SOURCE_DIR}/tests/support/catch.hpp")
target_compile_options(test_pch PRIVATE $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
set(server_test_pch test_pch)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND TARGET tern_server)
  set(server_test_pch server_test_pch)
  add_library(server_test_pch OBJECT "${CMAKE_SOURCE_DIR}/tests/support/test_pch.cpp")
  target_link_libraries(server_test_pch PRIVATE tern_server_inside tern_test_flags)
  tern_precompile(server_test_pch "${CMAKE_SOURCE_DIR}/tests/support/server_precompiled.hpp")
endif()

function(tern_test_room name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  tern_have(ready ${arg_LINKS})
  if(NOT arg_SOURCES OR NOT ready)
    return()
  endif()
  add_library(tests_${name} OBJECT ${arg_SOURCES})
  target_link_libraries(tests_${name} PUBLIC ${arg_LINKS} PRIVATE tern_test_flags)
  if("tern_server_inside" IN_LIST arg_LINKS)
    target_precompile_headers(tests_${name} REUSE_FROM ${server_test_pch})
  else()
    target_precompile_headers(tests_${name} REUSE_FROM test_pch)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(tests_${name} PRIVATE -fpch-preprocess)  # lets ccache look through the header
  endif()
endfunction()

# PROGRAMS: programs the tests start; built before, found in TERN_TEST_BIN_DIR. APART: tags whose test cases ctest runs as
# tests of their own, beside the rest; for cases that mostly wait.
function(tern_test_program name)
  cmake_parse_arguments(arg "" "TIMEOUT" "ROOMS;PROGRAMS;APART" ${ARGN})
  set(rooms)
  foreach(room IN LISTS arg_ROOMS)
    if(TARGET tests_${room})
      list(APPEND rooms tests_${room})
    endif()
  endforeach()
  if(NOT rooms)
    return()
  endif()
  add_executable(${name})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${name} PRIVATE ${rooms} tern_test_flags Catch2::Catch2WithMain)
  foreach(program IN LISTS arg_PROGRAMS)
    if(TARGET ${program})
      add_dependencies(${name} ${program})
    endif()
  endforeach()
  set(timeout ${arg_TIMEOUT})
  if(TERN_SANITIZE)
    math(EXPR timeout "4 * ${arg_TIMEOUT}")  # instrumented, and beside another one
  endif()
  set(others)
  set(tests)
  foreach(tag IN LISTS arg_APART)
    add_test(NAME ${name}_${tag} COMMAND ${name} "[${tag}]${others}" WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
    list(APPEND tests ${name}_${tag})
    string(APPEND others "~[${tag}]")
  endforeach()
  add_test(NAME ${name} COMMAND ${name} ${others} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
  # A gate must not be a lottery: rapidcheck draws from a fixed seed here and from a fresh one in the nightly run.
  # What may take longest begins first: the tests of processes mostly wait, and leave the others a processor.
  set_tests_properties(${name} ${tests} PROPERTIES TIMEOUT ${timeout} COST ${timeout} ENVIRONMENT_MODIFICATION
                       "RC_PARAMS=set:seed=20260701")
endfunction()

# tern_fuzz_target(fz_x SOURCES fuzz/fz_x.cpp LINKS tern_protocol): a libFuzzer program in the fuzz preset. In every other
# preset the same file runs over its corpus once, as a test, so that a finding stays found.
add_custom_target(fuzz_targets)
function(tern_fuzz_target name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  tern_have(ready ${arg_LINKS})
  if(NOT ready)
    return()
  endif()
  if(TERN_FUZZ)
    add_executable(${name} ${arg_SOURCES})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${arg_SOURCES} "${CMAKE_SOURCE_DIR}/tests/support/fuzz_replay.cpp")
    add_test(NAME ${name} COMMAND $<TARGET_FILE:${name}> "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    set_tests_properties(${name} PROPERTIES TIMEOUT 60)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_LINKS} tern_flags)
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  add_dependencies(fuzz_targets ${name})
endfunction()
