// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iterator>
#include <string_view>

namespace moenda {

/// The names of all kernels.
inline constexpr std::string_view kernel_names[] = {
#define MOENDA_KERNEL(name, arguments, ...) #name,
#include "moenda/kernels/for_each_kernel.inc"
};

/// Whether there is a kernel of this name.
constexpr bool is_kernel(std::string_view name) {
  return std::find(std::begin(kernel_names), std::end(kernel_names), name) !=
         std::end(kernel_names);
}

}  // namespace moenda
