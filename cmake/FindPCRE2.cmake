# SPDX-License-Identifier: Apache-2.0
# PCRE2 for texts in 8-bit units. Debian's package has no CMake configuration of its own.
if(NOT TARGET PCRE2::8BIT)
  find_path(PCRE2_INCLUDE_DIR pcre2.h)
  find_library(PCRE2_LIBRARY pcre2-8)
  mark_as_advanced(PCRE2_INCLUDE_DIR PCRE2_LIBRARY)
  if(PCRE2_INCLUDE_DIR AND PCRE2_LIBRARY)
    add_library(PCRE2::8BIT UNKNOWN IMPORTED GLOBAL)
    set_target_properties(PCRE2::8BIT PROPERTIES IMPORTED_LOCATION "${PCRE2_LIBRARY}"
                          INTERFACE_INCLUDE_DIRECTORIES "${PCRE2_INCLUDE_DIR}")
  endif()
endif()
if(TARGET PCRE2::8BIT)
  set(PCRE2_FOUND TRUE)
else()
  set(PCRE2_FOUND FALSE)
  if(PCRE2_FIND_REQUIRED)
    message(FATAL_ERROR "moenda::import: PCRE2 must be installed (header pcre2.h; "
                        "Debian: libpcre2-dev)")
  endif()
endif()
