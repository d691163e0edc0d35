# SPDX-License-Identifier: Apache-2.0
# find_package(moenda COMPONENTS kernels io import cuda) after `cmake --install`, and pkg-config files.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(moenda_cmake_dir "${CMAKE_INSTALL_DATADIR}/cmake/moenda")

install(TARGETS moenda_core EXPORT moenda-core
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
set(moenda_exports core)
set(moenda_pkgconfig moenda)
set(moenda_architecture ARCH_INDEPENDENT)
if(MOENDA_KERNELS)
  install(TARGETS moenda_kernels EXPORT moenda-kernels
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  list(APPEND moenda_exports kernels)
  list(APPEND moenda_pkgconfig moenda-kernels)
  set(moenda_architecture "")
endif()
if(MOENDA_IO)
  install(TARGETS moenda_io EXPORT moenda-io)
  list(APPEND moenda_exports io)
  list(APPEND moenda_pkgconfig moenda-io)
endif()
if(TARGET moenda_import)
  install(TARGETS moenda_import EXPORT moenda-import)
  list(APPEND moenda_exports import)
  list(APPEND moenda_pkgconfig moenda-import)
endif()
if(MOENDA_CUDA)
  install(TARGETS moenda_cuda EXPORT moenda-cuda ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  list(APPEND moenda_exports cuda)
endif()
foreach(export IN LISTS moenda_exports)
  install(EXPORT moenda-${export} NAMESPACE moenda:: DESTINATION "${moenda_cmake_dir}"
          FILE moenda-${export}.cmake)
endforeach()

configure_package_config_file(cmake/moendaConfig.cmake.in moendaConfig.cmake
                              INSTALL_DESTINATION "${moenda_cmake_dir}"
                              NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(moendaConfigVersion.cmake COMPATIBILITY SameMinorVersion
                                 ${moenda_architecture})
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/moendaConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/moendaConfigVersion.cmake"
              cmake/Findtomlplusplus.cmake cmake/FindPCRE2.cmake cmake/Findutf8proc.cmake
        DESTINATION "${moenda_cmake_dir}")
foreach(name IN LISTS moenda_pkgconfig)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc"
          DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
endforeach()
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
