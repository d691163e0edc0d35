# SPDX-License-Identifier: Apache-2.0
# What only our own programs get: warnings as errors, ccache, kernels compiled once.
find_program(CCACHE_PROGRAM ccache)
mark_as_advanced(CCACHE_PROGRAM)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The variable lets ccache keep what was compiled with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE_PROGRAM}")
endif()
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(moenda_warnings INTERFACE)
target_compile_options(moenda_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                       $<$<BOOL:${MOENDA_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bug 105593: false reports in the compiler's own AVX-512 headers. clang checks this too.
  # GCC bug 105651: false -Wrestrict reports in std::string.
  target_compile_options(moenda_warnings INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
endif()

# The CPU kernels in one library: a model then compiles in a fraction of the time. Users get the
# same by including moenda/cpu/source.hpp in one file of their own.
file(CONFIGURE OUTPUT kernels.cpp CONTENT "#include <moenda/cpu/source.hpp>\n")
add_library(moenda_kernels STATIC "${CMAKE_CURRENT_BINARY_DIR}/kernels.cpp")
target_compile_definitions(moenda_kernels PUBLIC MOENDA_HEADER_ONLY=0)
target_link_libraries(moenda_kernels PUBLIC moenda::moenda PRIVATE moenda_warnings)

# moenda_program(target source...): one of our own executables, with all parts of the library.
function(moenda_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE moenda_kernels moenda_warnings)
  foreach(part moenda::io moenda::cuda)
    if(TARGET ${part})
      target_link_libraries(${target} PRIVATE ${part})
    endif()
  endforeach()
endfunction()
