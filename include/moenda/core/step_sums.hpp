// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "moenda/core/array.hpp"

namespace moenda {

/// Sums that kernels write during an optimizer step, on the backend. The host reads all of them at
/// once, at its end: one synchronisation.
template <class B>
class StepSums {
 public:
  explicit StepSums(B& backend) : backend_(backend), sums_(backend, 64), seen_(64) {}

  /// Places for `count` sums, which begin as 0. They stay until clear(), unless take() is called
  /// again before they are written.
  [[nodiscard]] double* take(std::size_t count) {
    if (used_ + count > sums_.size()) grow(used_ + count);
    auto* const places = sums_.data() + used_;
    used_ += count;
    is_read_ = false;
    return places;
  }
  /// How many places are taken.
  [[nodiscard]] std::size_t size() const { return used_; }
  /// All sums that were taken, in order.
  [[nodiscard]] std::span<double const> read() {
    if (!is_read_ && used_ > 0) {
      backend_.space().copy_to_host(seen_.data(), sums_.data(), used_ * sizeof(double));
    }
    is_read_ = true;
    return std::span(seen_).first(used_);
  }
  void clear() {
    backend_.space().fill(sums_.data(), 0, used_ * sizeof(double));
    used_ = 0;
  }

 private:
  void grow(std::size_t needed) {
    auto kept = sums_.on_host();
    kept.resize(std::max(needed, 2 * kept.size()));
    Array<B, double> larger(backend_, kept.size());
    larger.assign(kept);
    seen_.resize(kept.size());
    sums_ = std::move(larger);
  }

  B& backend_;
  Array<B, double> sums_;
  std::vector<double> seen_;  // as sums_, on the host
  std::size_t used_ = 0;
  bool is_read_ = true;
};

}  // namespace moenda
