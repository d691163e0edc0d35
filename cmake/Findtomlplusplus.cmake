# SPDX-License-Identifier: Apache-2.0
# toml++ comes with or without a CMake configuration, depending on the packager: take it when there
# is one, else the header alone is enough.
find_package(tomlplusplus CONFIG QUIET GLOBAL)
if(NOT TARGET tomlplusplus::tomlplusplus)
  find_path(tomlplusplus_INCLUDE_DIR toml++/toml.h)
  mark_as_advanced(tomlplusplus_INCLUDE_DIR)
  if(tomlplusplus_INCLUDE_DIR)
    add_library(tomlplusplus::tomlplusplus INTERFACE IMPORTED GLOBAL)
    target_include_directories(tomlplusplus::tomlplusplus SYSTEM
                               INTERFACE "${tomlplusplus_INCLUDE_DIR}")
  endif()
endif()
if(TARGET tomlplusplus::tomlplusplus)
  set(tomlplusplus_FOUND TRUE)
else()
  set(tomlplusplus_FOUND FALSE)
  if(tomlplusplus_FIND_REQUIRED)
    message(FATAL_ERROR "moenda::io: toml++ must be installed (header toml++/toml.h; "
                        "Debian: libtomlplusplus-dev)")
  endif()
endif()
