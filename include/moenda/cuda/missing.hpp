// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernels that a GPU does not have yet: every name that operations call also has a template
// that takes any arguments and throws. A kernel of launch.hpp fits its call better and is taken
// instead, so moving a kernel to the GPU is one line there and its code.
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/cuda/backend.hpp"
#include "moenda/ops/kernel_names.hpp"

namespace moenda::cuda {
namespace detail {

/// Stands for any argument, also for a list in braces, which a template parameter would refuse.
struct Anything {
  template <class... X>
  constexpr Anything(X&&...) {}
};

/// Throws ConfigError.
[[noreturn]] inline void missing(char const* kernel) {
  throw ConfigError("cuda: " + std::string(kernel) +
                    " does not exist on the GPU yet: use cpu::Backend<float> for this model");
}

}  // namespace detail

// A kernel that exists but is called with other arguments must not turn into an error at run time.
#define MOENDA_MISSING(kernel)                                                                  \
  template <class T>                                                                            \
  void kernel(Backend<T>&, detail::Anything = {}, detail::Anything = {}, detail::Anything = {}, \
              detail::Anything = {}, detail::Anything = {}, detail::Anything = {},              \
              detail::Anything = {}, detail::Anything = {}, detail::Anything = {},              \
              detail::Anything = {}, detail::Anything = {}, detail::Anything = {},              \
              detail::Anything = {}) {                                                          \
    static_assert(sizeof(T) == 0 || !detail::exists(#kernel),                                   \
                  "cuda: this kernel exists, but with other arguments: see cuda/launch.hpp");   \
    detail::missing(#kernel);                                                                   \
  }
MOENDA_FOR_EACH_KERNEL(MOENDA_MISSING)
#undef MOENDA_MISSING

}  // namespace moenda::cuda
