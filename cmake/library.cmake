# SPDX-License-Identifier: Apache-2.0
# What users link: headers and the libraries these headers need, nothing else. No warnings,
# sanitizers or processor flags here: those belong to the program.
file(GLOB_RECURSE moenda_header_files CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/include/*.hpp" "${PROJECT_SOURCE_DIR}/include/*.ipp"
     "${PROJECT_SOURCE_DIR}/include/*.inc" "${PROJECT_SOURCE_DIR}/include/*.cuh"
     "${PROJECT_SOURCE_DIR}/include/*.cu")

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
