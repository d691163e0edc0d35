# SPDX-License-Identifier: Apache-2.0
# What only our own programs get: warnings as errors, ccache.
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

target_compile_options(moenda_kernels
                       PRIVATE $<TARGET_PROPERTY:moenda_warnings,INTERFACE_COMPILE_OPTIONS>)

# moenda_for_this_processor(target): for programs that compile kernels of their own.
function(moenda_for_this_processor target)
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE -march=native)
  endif()
endfunction()

# moenda_program(target source...): one of our own executables, with all parts of the library.
function(moenda_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE moenda_kernels moenda_warnings)
  foreach(part moenda::io moenda::import moenda::cuda)
    if(TARGET ${part})
      target_link_libraries(${target} PRIVATE ${part})
    endif()
  endforeach()
endfunction()
