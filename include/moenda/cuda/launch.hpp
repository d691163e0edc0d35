// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which kernels run on the GPU, and what starts them. launch::name checks its pointers and starts
// work on the device's stream. nvcc compiles these from kernels/*.cuh. What they compute, and the
// shapes, is said in moenda/kernels/.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "moenda/config.hpp"
#include "moenda/core/precision.hpp"
#include "moenda/core/random.hpp"
#include "moenda/cuda/device.hpp"
#include "moenda/kernels/names.hpp"
#include "moenda/kernels/shapes.hpp"

namespace moenda::cuda {
namespace detail {

/// The kernels that have code in kernels/*.cuh.
inline constexpr std::string_view kernels_with_code[] = {
    "matmul_forward",
    "matmul_backward_input",
    "matmul_backward_weight",
    "fill",
    "copy",
    "add_forward",
    "copy_blocks",
    "embedding_forward",
    "embedding_backward",
    "rms_norm_forward",
    "rms_norm_backward",
    "gelu_forward",
    "gelu_backward",
};
static_assert(std::all_of(std::begin(kernels_with_code), std::end(kernels_with_code), is_kernel),
              "cuda: every name must be one of the list in moenda/kernels/");

/// Whether a kernel of this name runs on the GPU: none does in a build without CUDA.
constexpr bool exists(std::string_view kernel) {
  auto const end = std::end(kernels_with_code);
  return MOENDA_CUDA && std::find(std::begin(kernels_with_code), end, kernel) != end;
}

/// In place of void for a kernel that does not exist: a definition that forgot the list above does
/// not compile.
struct NotInTheList;
template <bool exists>
using Launched = std::conditional_t<exists, void, NotInTheList>;

}  // namespace detail

namespace launch {

using T = float;  // of the list's parameters
#define MOENDA_KERNEL(name, arguments, ...) \
  detail::Launched<detail::exists(#name)> name(Device&, __VA_ARGS__);
#include "moenda/kernels/for_each_kernel.inc"

// y = gelu(h), h = x w^T; called by no operation yet, see backend.hpp
void matmul_gelu_forward(Device&, float* y, float* h, float const* x, float const* w, int rows,
                         int out, int in);

}  // namespace launch
}  // namespace moenda::cuda
