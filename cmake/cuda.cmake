# SPDX-License-Identifier: Apache-2.0
# moenda::cuda: the device kernels, compiled once by nvcc. nvcc sees launch declarations only:
# neither Eigen nor toml++ nor any model.
set(moenda_cuda_source "${PROJECT_SOURCE_DIR}/include/moenda/cuda/source.cu")
if(NOT EXISTS "${moenda_cuda_source}")
  message(FATAL_ERROR "MOENDA_CUDA: this version has no device kernels (expected "
                      "${moenda_cuda_source}); configure with -DMOENDA_CUDA=OFF")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90)
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

add_library(moenda_cuda STATIC "${moenda_cuda_source}")
add_library(moenda::cuda ALIAS moenda_cuda)
set_target_properties(moenda_cuda PROPERTIES EXPORT_NAME cuda POSITION_INDEPENDENT_CODE ON)
# Not CUDA_STANDARD: CMake 3.25 does not know that nvcc has C++20.
target_compile_options(moenda_cuda PRIVATE -std=c++20)
target_include_directories(moenda_cuda PRIVATE "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(moenda_cuda PUBLIC MOENDA_CUDA=1)
target_link_libraries(moenda_cuda INTERFACE moenda_core PUBLIC CUDA::cudart CUDA::cublasLt)
