# The language, the linker, the compiler cache and the flags that every target of the build shares.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
if(TERN_PORTABLE_ONLY)
  set(CMAKE_OPTIMIZE_DEPENDENCIES ON)  # nothing is linked there, so SQLite need not be compiled for it
endif()
set(CMAKE_COMPILE_WARNING_AS_ERROR ${TERN_WERROR})

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# What runs once or twice for each time that it is compiled is not optimised: that would cost a third of the time. Where
# tests spend most of theirs is (tern_module, BUSY), and all that is fuzzed.
set(optimised -O0)
if(TERN_FUZZ)
  set(optimised -Og)
endif()
set(TERN_BUSY_FLAGS "")
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT TERN_SANITIZE STREQUAL "thread" AND NOT TERN_COVERAGE AND NOT TERN_PORTABLE_ONLY)
  list(APPEND TERN_BUSY_FLAGS -Og)
endif()
if(TERN_LINES)
  set(debug_info -g1)
else()
  set(debug_info -g0)
endif()
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_DEBUG "${optimised} ${debug_info}")
  set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O2 ${debug_info} -DNDEBUG")
endforeach()

add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(TERN_MUTANTS)
  add_compile_definitions(TERN_MUTANTS)
endif()
add_compile_options(-fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT TERN_SANITIZE)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
# One line of diagnostics looks the same on every machine, and no path of the machine ends up in a program.
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")

find_program(TERN_MOLD mold)
if(TERN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)

find_program(TERN_CCACHE ccache)
find_program(TERN_ENV env)
if(TERN_CCACHE AND TERN_ENV)
  # The sloppiness is what lets ccache keep objects that use a precompiled header. What an object depends on is told by
  # the compiler while it compiles, instead of by a preprocessor before it: what is not in the cache costs no more.
  set(launcher "${TERN_ENV}" "CCACHE_DEPEND=1" "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" "${TERN_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Instrumentation of our own code. It reaches targets through tern_flags (TernModule.cmake), so that SQLite and other
# third-party sources stay as fast as they are.
set(TERN_INSTRUMENT "")
if(TERN_SANITIZE STREQUAL "address")
  # Whether each pointer is aligned and not null is asked where bytes are read (BUSY): elsewhere nothing is cast that could
  # be misaligned, a null that is used ends the program anyway, and asking takes a fifth of the time of all.
  set(asked_of_pointers null,alignment,object-size)
  set(TERN_INSTRUMENT -fsanitize=address,undefined -fno-sanitize=vptr,${asked_of_pointers} -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
  list(APPEND TERN_BUSY_FLAGS -fsanitize=${asked_of_pointers} -fno-sanitize-recover=all)
elseif(TERN_SANITIZE STREQUAL "thread")
  set(TERN_INSTRUMENT -fsanitize=thread -fno-omit-frame-pointer)
elseif(TERN_SANITIZE)
  message(FATAL_ERROR "TERN_SANITIZE must be address, thread or empty, not '${TERN_SANITIZE}'")
endif()
if(TERN_COVERAGE)
  list(APPEND TERN_INSTRUMENT -fprofile-instr-generate -fcoverage-mapping)
endif()
set(TERN_INSTRUMENT_LINK ${TERN_INSTRUMENT})
if(TERN_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "The fuzz preset needs clang: libFuzzer is part of it")
  endif()
  list(APPEND TERN_INSTRUMENT -fsanitize=fuzzer-no-link)
endif()
if(TERN_INSTRUMENT_LINK)
  add_link_options(${TERN_INSTRUMENT_LINK})
endif()
