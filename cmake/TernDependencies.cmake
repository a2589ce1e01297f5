# Everything that comes from the system, found once. Heavy ones are only found where they are used.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(zstd REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET GLOBAL libsodium>=1.0.18)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET GLOBAL libutf8proc)

add_library(tern_sodium ALIAS PkgConfig::sodium)
add_library(tern_zstd ALIAS zstd::libzstd_shared)
add_library(tern_utf8proc ALIAS PkgConfig::utf8proc)

if(TERN_PORTABLE_ONLY)
  return()
endif()

find_package(Poco 1.11 REQUIRED COMPONENTS Foundation Net NetSSL Util Crypto)
# Debian's Poco asks whoever uses it for the interfaces of 1998; the C++ library has those of today, and says so at each
# precompiled header.
get_target_property(tern_poco_definitions Poco::Foundation INTERFACE_COMPILE_DEFINITIONS)
list(REMOVE_ITEM tern_poco_definitions "_XOPEN_SOURCE=500")
set_target_properties(Poco::Foundation PROPERTIES INTERFACE_COMPILE_DEFINITIONS "${tern_poco_definitions}")
include(TernPocoPatched)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CLI11 REQUIRED)
find_package(date REQUIRED)
find_package(wslay REQUIRED)
pkg_check_modules(qrencode REQUIRED IMPORTED_TARGET GLOBAL libqrencode)

# Debian's http_parser has neither a CMake nor a pkg-config file.
find_path(HTTP_PARSER_INCLUDE_DIR http_parser.h REQUIRED)
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
add_library(http_parser UNKNOWN IMPORTED GLOBAL)
set_target_properties(http_parser PROPERTIES IMPORTED_LOCATION "${HTTP_PARSER_LIBRARY}"
                                             INTERFACE_INCLUDE_DIRECTORIES "${HTTP_PARSER_INCLUDE_DIR}")
