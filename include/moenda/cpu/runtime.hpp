// SPDX-License-Identifier: Apache-2.0
#pragma once
// What runs kernels on the CPU: threads, and memory that they keep between calls.
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "moenda/config.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/parallel.hpp"
#include "moenda/core/precision.hpp"
#include "moenda/core/space.hpp"
#include "moenda/cpu/levels/choose.hpp"

namespace moenda::cpu {

/// Working memory of one worker, kept between calls so that a steady step allocates nothing.
class Scratch {
 public:
  /// At least `bytes`, aligned to 64. What it held before is lost.
  [[nodiscard]] void* take(std::size_t bytes) {
    if (bytes > size_) {
      data_.reset();
      size_ = 0;  // should the allocation fail
      data_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64})));
      prefer_huge_pages(data_.get(), bytes);
      size_ = bytes;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// Runs models on this machine's processors. T is float for use, double for gradient checks.
template <class T>
class Backend {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                "cpu::Backend: the scalar must be float or double");

 public:
  using Scalar = T;
  using Space = HostSpace;

  /// `threads` = 0 takes every processor. `kernels`: see choose_level. Throws ConfigError unless 0
  /// <= threads <= 1024, for a level that is not there, and for bf16 in double: gradient checks
  /// need every digit.
  explicit Backend(int threads = 0, MatmulKernel matmul = MatmulKernel::packed,
                   Precision matmul_precision = Precision::fp32, Level kernels = Level::automatic)
      : matmul_kernel(matmul),
        precision(matmul_precision),
        level(choose_level(kernels, matmul).level),
        pool(threads),
        scratch_(static_cast<std::size_t>(pool.threads()) * num_uses) {
    if (std::is_same_v<T, double> && precision == Precision::bf16) {
      throw ConfigError("cpu::Backend: precision must be fp32 when the scalar is double, got bf16");
    }
  }

  [[nodiscard]] static Space space() { return {}; }

  /// What a kernel keeps in its scratch. Kernels that call each other use different ones.
  enum Use { matmul_left, matmul_right, attention, reduction, num_uses };
  /// Working memory of the calling worker, for one use.
  template <class S = T>
  [[nodiscard]] S* scratch(Use use, std::size_t count) {
    auto const slot = static_cast<std::size_t>(pool.worker()) * num_uses + use;
    return static_cast<S*>(scratch_[slot].take(count * sizeof(S)));
  }

  MatmulKernel matmul_kernel;
  Precision precision;  ///< of matrix products; a router's are always fp32
  Level level;          ///< of the kernels that run
  ThreadPool pool;

 private:
  std::vector<Scratch> scratch_;
};

}  // namespace moenda::cpu
