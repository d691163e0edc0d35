// SPDX-License-Identifier: Apache-2.0
#pragma once
// With MOENDA_CUDA=1: include this in exactly one .cu file (source.cu is one) and compile it with
// nvcc; link cudart and cublasLt. It reads no Eigen, no toml++ and no model.
#include "kernels/elementwise.cuh"
#include "kernels/embedding.cuh"
#include "kernels/gelu.cuh"
#include "kernels/matmul.cuh"
#include "kernels/memory.cuh"
#include "kernels/rms_norm.cuh"
