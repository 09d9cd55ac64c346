# Compiler settings that hold for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(VEDETTE_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined")
option(VEDETTE_COVERAGE "Build for gcov" OFF)
option(VEDETTE_FUZZ "Build the libFuzzer targets (clang)" OFF)
option(VEDETTE_DEBUG_INFO "Keep -g in RelWithDebInfo" ON)

if(NOT VEDETTE_DEBUG_INFO)
  string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # One cache serves every build folder of this checkout.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

add_library(vedette_flags INTERFACE)
target_compile_options(vedette_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough -fno-math-errno -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports paths that cannot happen inside its own library with these.
  target_compile_options(vedette_flags INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(vedette_flags INTERFACE _FORTIFY_SOURCE=2)
  target_compile_options(vedette_flags INTERFACE -fstack-protector-strong)
endif()
if(VEDETTE_SANITIZE)
  target_compile_options(vedette_flags INTERFACE -fsanitize=${VEDETTE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(vedette_flags INTERFACE -fsanitize=${VEDETTE_SANITIZE})
endif()
if(VEDETTE_FUZZ)
  target_compile_options(vedette_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(VEDETTE_COVERAGE)
  target_compile_options(vedette_flags INTERFACE --coverage)
  target_link_options(vedette_flags INTERFACE --coverage)
endif()
