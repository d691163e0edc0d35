# SPDX-License-Identifier: Apache-2.0
# Everything we use is looked for on this machine first and downloaded only when it is not there.
include(FetchContent)
find_package(Threads REQUIRED GLOBAL)

# moenda_dependency(package version TARGET t GIT url TAG tag INCLUDE folder)
# Afterwards target t exists. All of these are header-only, so a download needs no build of its own:
# SOURCE_SUBDIR names no folder on purpose, which keeps their CMake files out of ours.
function(moenda_dependency package version)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TARGET;GIT;TAG;INCLUDE" "")
  if(TARGET ${arg_TARGET})
    return()
  endif()
  FetchContent_Declare(${package} GIT_REPOSITORY ${arg_GIT} GIT_TAG ${arg_TAG} GIT_SHALLOW ON
                       SOURCE_SUBDIR none FIND_PACKAGE_ARGS ${version} GLOBAL)
  FetchContent_MakeAvailable(${package})
  if(NOT TARGET ${arg_TARGET})
    string(TOLOWER ${package} lower_case)
    add_library(${arg_TARGET} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${arg_TARGET} SYSTEM INTERFACE
                               "${${lower_case}_SOURCE_DIR}/${arg_INCLUDE}")
  endif()
endfunction()

moenda_dependency(Eigen3 3.4 TARGET Eigen3::Eigen
                  GIT https://gitlab.com/libeigen/eigen.git TAG 3.4.0 INCLUDE .)
# Of Boost we use Hana alone, and Hana needs nothing of the rest.
moenda_dependency(Boost 1.71 TARGET Boost::headers
                  GIT https://github.com/boostorg/hana.git TAG boost-1.83.0 INCLUDE include)
if(MOENDA_IO)
  moenda_dependency(tomlplusplus 3 TARGET tomlplusplus::tomlplusplus
                    GIT https://github.com/marzer/tomlplusplus.git TAG v3.3.0 INCLUDE include)
  moenda_dependency(nlohmann_json 3.9 TARGET nlohmann_json::nlohmann_json
                    GIT https://github.com/nlohmann/json.git TAG v3.11.2 INCLUDE include)
endif()
# Not downloaded: they are built by other means than CMake's, and only tokenizer.json needs them.
if(MOENDA_IMPORT)
  if(MOENDA_BUILD_RUNNER OR MOENDA_BUILD_TESTS)
    set(needed REQUIRED)
  else()
    set(needed QUIET)
  endif()
  find_package(PCRE2 MODULE ${needed})
  find_package(utf8proc MODULE ${needed})
endif()
if(MOENDA_BUILD_RUNNER)
  moenda_dependency(CLI11 2.1 TARGET CLI11::CLI11
                    GIT https://github.com/CLIUtils/CLI11.git TAG v2.1.2 INCLUDE include)
endif()
if(MOENDA_BUILD_TESTS)
  moenda_dependency(Catch2 2.13 TARGET Catch2::Catch2
                    GIT https://github.com/catchorg/Catch2.git TAG v2.13.10 INCLUDE single_include)
endif()
