# SPDX-License-Identifier: Apache-2.0
# What users link: headers and the libraries these headers need, and the kernels compiled. No warnings,
# sanitizers or processor flags here: those belong to the program.
file(GLOB_RECURSE moenda_header_files CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/include/*.hpp" "${PROJECT_SOURCE_DIR}/include/*.ipp"
     "${PROJECT_SOURCE_DIR}/include/*.inc" "${PROJECT_SOURCE_DIR}/include/*.cuh"
     "${PROJECT_SOURCE_DIR}/include/*.cu" "${PROJECT_SOURCE_DIR}/include/*.cpp")

add_library(moenda_core INTERFACE)
add_library(moenda::moenda ALIAS moenda_core)
set_target_properties(moenda_core PROPERTIES EXPORT_NAME moenda)
target_compile_features(moenda_core INTERFACE cxx_std_20)
target_sources(moenda_core INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
               FILES ${moenda_header_files})
# In this build a dependency may be a download that cannot be exported; after an install it is found
# again by name.
target_link_libraries(moenda_core INTERFACE
  $<BUILD_INTERFACE:Eigen3::Eigen> $<BUILD_INTERFACE:Boost::headers>
  $<INSTALL_INTERFACE:Eigen3::Eigen> $<INSTALL_INTERFACE:Boost::headers> Threads::Threads)

if(MOENDA_IO)
  add_library(moenda_io INTERFACE)
  add_library(moenda::io ALIAS moenda_io)
  set_target_properties(moenda_io PROPERTIES EXPORT_NAME io)
  target_link_libraries(moenda_io INTERFACE moenda_core
    $<BUILD_INTERFACE:tomlplusplus::tomlplusplus> $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>
    $<INSTALL_INTERFACE:tomlplusplus::tomlplusplus>
    $<INSTALL_INTERFACE:nlohmann_json::nlohmann_json>)
endif()

# moenda::import: what reads folders of other makers. Where its libraries are not there, only this
# target is missing.
if(MOENDA_IMPORT AND MOENDA_IO)
  if(TARGET PCRE2::8BIT AND TARGET utf8proc::utf8proc)
    add_library(moenda_import INTERFACE)
    add_library(moenda::import ALIAS moenda_import)
    set_target_properties(moenda_import PROPERTIES EXPORT_NAME import)
    target_link_libraries(moenda_import INTERFACE moenda_io PCRE2::8BIT utf8proc::utf8proc)
  else()
    message(STATUS "moenda::import is left out: it needs PCRE2 and utf8proc "
                   "(Debian: libpcre2-dev, libutf8proc-dev)")
  endif()
endif()

# moenda::kernels: every kernel, compiled once for each level of instructions (cpu/levels/); which of
# them run is decided when a backend is made. The files switch on what their level needs, so they are
# compiled for any processor of the family, and optimised whatever the build type is.
if(MOENDA_KERNELS)
  set(MOENDA_KERNEL_OPTIONS "-O3" CACHE STRING "Compiler options of moenda::kernels, after all others")
  mark_as_advanced(MOENDA_KERNEL_OPTIONS)
  file(GLOB moenda_level_files CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/include/moenda/cpu/levels/*.cpp")
  add_library(moenda_kernels STATIC ${moenda_level_files})
  add_library(moenda::kernels ALIAS moenda_kernels)
  set_target_properties(moenda_kernels PROPERTIES EXPORT_NAME kernels POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(moenda_kernels INTERFACE MOENDA_HEADER_ONLY=0)
  target_link_libraries(moenda_kernels PUBLIC moenda_core)
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    separate_arguments(kernel_options UNIX_COMMAND "${MOENDA_KERNEL_OPTIONS}")
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
      list(APPEND kernel_options -march=x86-64 -mtune=generic)
    endif()
    target_compile_options(moenda_kernels PRIVATE ${kernel_options})
  endif()
  if(NOT MOENDA_INSTALL)  # built for those who link it
    set_target_properties(moenda_kernels PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endif()
