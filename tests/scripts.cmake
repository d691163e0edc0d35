# SPDX-License-Identifier: Apache-2.0
# Everything that is checked by running a script.
set(tools "${PROJECT_SOURCE_DIR}/tools")

file(GLOB_RECURSE scripts RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS
     *_test.py *_test.sh)
foreach(script IN LISTS scripts)
  string(REGEX REPLACE "\\.(py|sh)$" "" name "${script}")
  if(script MATCHES "py$")
    set(interpreter Python3::Interpreter)
  else()
    set(interpreter bash)
  endif()
  set(programs "")
  cmake_path(GET script PARENT_PATH folder)
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM program)
    list(APPEND programs $<TARGET_FILE:${program}>)
    if(NOT TARGET ${program})
      moenda_test_program(${program} "${source}")
    endif()
  endforeach()
  moenda_ctest(${name} scripts
               COMMAND ${interpreter} "${CMAKE_CURRENT_SOURCE_DIR}/${script}" ${programs})
endforeach()

# Every way a program can use the library.
moenda_ctest(consumers consumers COMMAND Python3::Interpreter consumers/run
             --source "${PROJECT_SOURCE_DIR}" --build "${PROJECT_BINARY_DIR}" --work "${CMAKE_CURRENT_BINARY_DIR}/consumers"
             --compiler "${CMAKE_CXX_COMPILER}")
set_tests_properties(consumers PROPERTIES WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
                     COST 1000)  # long: it starts first

moenda_ctest(format style COMMAND Python3::Interpreter "${tools}/check_format")
moenda_ctest(reliability style COMMAND Python3::Interpreter "${tools}/reliability" --check)

# Every ```cpp block of a page compiles; complete programs run and print what the page says, and so do
# the commands of ```console blocks.
set(console "")
if(TARGET moenda)
  set(console --runner $<TARGET_FILE:moenda>)
endif()
file(GLOB pages RELATIVE "${PROJECT_SOURCE_DIR}" CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/docs/*.md"
     "${PROJECT_SOURCE_DIR}/docs/*/*.md" "${PROJECT_SOURCE_DIR}/experiments/*/*.md"
     "${PROJECT_SOURCE_DIR}/CONTRIBUTING.md")
foreach(page IN LISTS pages)
  moenda_ctest(snippets/${page} snippets COMMAND Python3::Interpreter "${tools}/check_snippets"
               --compiler "${CMAKE_CXX_COMPILER}" --kernels $<TARGET_FILE:moenda_kernels> ${console}
               ${page})
endforeach()

# Every experiment's file describes a model that can be built.
if(TARGET moenda)
  file(GLOB_RECURSE experiments RELATIVE "${PROJECT_SOURCE_DIR}" CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/experiments/*.toml" "${PROJECT_SOURCE_DIR}/examples/*.toml")
  list(FILTER experiments EXCLUDE REGEX "/base/")  # parts that other files extend
  foreach(experiment IN LISTS experiments)
    moenda_ctest(describe/${experiment} describe COMMAND moenda describe ${experiment})
  endforeach()
endif()
