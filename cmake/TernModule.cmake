# tern_module, tern_program: one way to say what a room of the tree is made of.

# Warnings and instrumentation, private to our own targets.
add_library(tern_flags INTERFACE)
target_compile_options(tern_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-qual -Wundef -Wimplicit-fallthrough -Wextra-semi -Wvla -Wno-missing-field-initializers
  ${TERN_INSTRUMENT})
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 19 blames us for what libstdc++ 12's own stable_sort calls.
  target_compile_options(tern_flags INTERFACE -Wno-deprecated-declarations)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 sees overlaps, overruns and uninitialised optionals in the standard library where there are none.
  target_compile_options(tern_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds
                         -Wno-stringop-overflow)
  # Sources compile in groups, where the rooms of their own look like those of a header.
  target_compile_options(tern_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()

# Of a BUSY module; behind those above.
add_library(tern_busy_flags INTERFACE)
target_compile_options(tern_busy_flags INTERFACE ${TERN_BUSY_FLAGS})

# What phones and WebAssembly get is compiled this way in every build, so that nobody finds out late.
add_library(tern_portable_flags INTERFACE)
target_compile_options(tern_portable_flags INTERFACE -fno-exceptions -fno-rtti)
target_compile_definitions(tern_portable_flags INTERFACE FMT_EXCEPTIONS=0 JSON_NOEXCEPTION)

# True in `result` when every target of ours among the arguments exists: a module whose source list is still empty has
# no target, and what stands on it waits.
function(tern_have result)
  set(${result} TRUE PARENT_SCOPE)
  foreach(link IN LISTS ARGN)
    if(link MATCHES "^tern_" AND NOT TARGET ${link})
      set(${result} FALSE PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# tern_module(tern_sync
#   ALIAS tern::sync
#   SOURCES src/fold.cpp ...            relative to the module's folder, by name
#   [LINKS tern_protocol ...]           what its public headers include
#   [PRIVATE_LINKS ...]                 what only its sources include
#   [PORTABLE]                          no exceptions, no RTTI, in every build
#   [BUSY]                              tests spend most of their time in it: optimised a little in debug presets, too
#   [PRECOMPILED src/precompiled.hpp]   what most of its sources include; clang reads it once, gcc would gain nothing
#   [NO_HEADERS]                        it has no include/ of its own
#   [SOURCE_ROOT .])                    where its private headers are found, when not src
#
# A static library. Its public headers are all of include/, and each must compile alone
# (target all_verify_interface_header_sets). Its own sources also see src/, by paths below it; tests of its inside link NAME_inside.
function(tern_module name)
  cmake_parse_arguments(arg "PORTABLE;BUSY;NO_HEADERS" "ALIAS;SOURCE_ROOT;PRECOMPILED" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tern_module(${name}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SOURCE_ROOT)
    set(arg_SOURCE_ROOT src)
  endif()
  get_filename_component(source_root "${arg_SOURCE_ROOT}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  tern_have(ready ${arg_LINKS} ${arg_PRIVATE_LINKS})
  if(NOT arg_SOURCES OR NOT ready)
    message(STATUS "${name}: nothing to build yet")
    return()
  endif()

  add_library(${name} STATIC ${arg_SOURCES})
  if(arg_ALIAS)
    add_library(${arg_ALIAS} ALIAS ${name})
  endif()
  target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS} $<BUILD_INTERFACE:tern_flags>)
  if(arg_BUSY)
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:tern_busy_flags>)
  endif()
  if(arg_PRECOMPILED)
    tern_precompile(${name} "${arg_PRECOMPILED}")
  endif()
  if(arg_PORTABLE)
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:tern_portable_flags>)
  endif()
  if(NOT arg_NO_HEADERS)
    # Globbed on purpose: no public header escapes the compile-alone check.
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/include/*.hpp"
         "${CMAKE_CURRENT_SOURCE_DIR}/include/*.h")
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}/include" FILES ${headers})
  endif()
  target_include_directories(${name} PRIVATE "${source_root}")

  add_library(${name}_inside INTERFACE)
  target_include_directories(${name}_inside INTERFACE "${source_root}")
  target_link_libraries(${name}_inside INTERFACE ${name} ${arg_PRIVATE_LINKS})
endfunction()

# tern_precompile(tern_server src/precompiled.hpp): what most sources of a target include, read once. Each source still
# includes what it uses: gcc's builds do not see this file. Unoptimised, clang reads headers for half of its time.
function(tern_precompile target header)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_precompile_headers(${target} PRIVATE "${header}")
    target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)  # lets ccache keep what uses it
  endif()
endfunction()

# tern_program(ternd SOURCES main.cpp ... LINKS tern_server ...): build/<preset>/bin/ternd. Those of apps/ are what the
# target `programs` builds. BUSY: tests start it thousands of times.
add_custom_target(programs)
function(tern_program name)
  cmake_parse_arguments(arg "BUSY" "" "SOURCES;LINKS" ${ARGN})
  tern_have(ready ${arg_LINKS})
  if(NOT arg_SOURCES OR NOT ready)
    message(STATUS "${name}: nothing to build yet")
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} tern_flags)
  if(arg_BUSY)
    target_link_libraries(${name} PRIVATE tern_busy_flags)
  endif()
  target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  if(CMAKE_CURRENT_SOURCE_DIR MATCHES "/apps/")
    add_dependencies(programs ${name})
  endif()
endfunction()

# tern_migrations(tern_client outbox tern::client src/outbox/migrations): the numbered SQL files 0001_name.sql ... of a
# folder as `tern::client::outbox_migrations`, an array of sqlite::Migration. The target's sources get it by
# #include "migrations_outbox.inc". Does nothing while the target does not exist.
function(tern_migrations target name namespace folder)
  if(NOT TARGET ${target})
    return()
  endif()
  file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.sql")
  list(SORT files)
  set(rows "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    get_filename_component(stem "${file}" NAME_WE)
    if(NOT stem MATCHES "^0*([0-9]+)_(.+)$")
      message(FATAL_ERROR "${file}: a migration is named like 0001_tickets.sql")
    endif()
    set(number "${CMAKE_MATCH_1}")
    set(title "${CMAKE_MATCH_2}")
    file(READ "${file}" sql)
    string(APPEND rows "    {${number}, \"${title}\", R\"sql(${sql})sql\"},\n")
  endforeach()
  set(header "// Made from ${folder}/*.sql\n#pragma once\n#include \"tern/sqlite/migrations.hpp\"\n")
  string(APPEND header "namespace ${namespace} {\ninline constexpr tern::sqlite::Migration ${name}_migrations[] = {\n")
  string(APPEND header "${rows}};\n}  // namespace ${namespace}\n")
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/migrations/migrations_${name}.inc" CONTENT "${header}" @ONLY)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/migrations")
  target_include_directories(${target}_inside INTERFACE "${CMAKE_CURRENT_BINARY_DIR}/migrations")
endfunction()

# tern_crash_points(src/a.cpp ...): the sources, of the module of this folder, in which tests may kill the program; see
# tern/protocol/crash_point.hpp. Only these are compiled differently, and only with -DTERN_CRASH_POINTS=ON.
function(tern_crash_points)
  if(TERN_CRASH_POINTS)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_DEFINITIONS TERN_CRASH_POINTS)
  endif()
endfunction()
