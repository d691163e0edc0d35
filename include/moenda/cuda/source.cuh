// SPDX-License-Identifier: Apache-2.0
#pragma once
// With MOENDA_CUDA=1: include this in exactly one .cu file (source.cu is one) and compile it with
// nvcc; link cudart and cublasLt. It reads no Eigen, no toml++ and no model.
#include "moenda/cuda/kernels/elementwise/elementwise.cuh"
#include "moenda/cuda/kernels/elementwise/gelu.cuh"
#include "moenda/cuda/kernels/linear/embedding.cuh"
#include "moenda/cuda/kernels/linear/matmul.cuh"
#include "moenda/cuda/kernels/memory.cuh"
#include "moenda/cuda/kernels/norm/rms_norm.cuh"
