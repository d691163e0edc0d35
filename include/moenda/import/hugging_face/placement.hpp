// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "moenda/import/hugging_face/names.hpp"

namespace moenda::hugging_face {

/// One of our weights, of [rows, cols], and where it lies in their tensor.
struct Placement {
  std::string ours;
  int rows = 0, cols = 0;
  bool is_row = false;  ///< a gain or a bias: [cols] in the file
  Form form = Form::plain;
  std::uint64_t number = 0;   ///< of the expert
  std::uint64_t experts = 0;  ///< how many the tensor holds
  float* values = nullptr;    ///< [rows, cols]

  /// The shape that their tensor must have.
  [[nodiscard]] std::vector<std::uint64_t> shape() const {
    auto const r = std::uint64_t(rows), c = std::uint64_t(cols);
    switch (form) {
      case Form::transposed:
        return {c, r};
      case Form::first_third:
      case Form::second_third:
      case Form::last_third:
        if (is_row) return {3 * c};
        return {c, 3 * r};
      case Form::of_experts:
        return {experts, r, c};
      case Form::upper_half:
      case Form::lower_half:
        return {experts, 2 * r, c};
      case Form::plain:
      case Form::minus_one:
        break;
    }
    if (is_row) return {c};
    return {r, c};
  }
  /// Calls f(index in `values`, index in their tensor) for every number.
  template <class F>
  void each(F&& f) const {
    auto const r = std::size_t(rows), c = std::size_t(cols), size = r * c;
    std::size_t const third = form == Form::second_third ? 1 : form == Form::last_third ? 2 : 0;
    switch (form) {
      case Form::first_third:
      case Form::second_third:
      case Form::last_third:
        if (!is_row) return each_transposed(3 * r, third * r, f);
        return each_from(third * size, f);
      case Form::transposed:
        return each_transposed(r, 0, f);
      case Form::of_experts:
        return each_from(number * size, f);
      case Form::upper_half:
        return each_from(2 * number * size, f);
      case Form::lower_half:
        return each_from((2 * number + 1) * size, f);
      case Form::plain:
      case Form::minus_one:
        return each_from(0, f);
    }
  }
  /// What is added to their numbers.
  [[nodiscard]] float added() const { return form == Form::minus_one ? 1.0f : 0.0f; }

 private:
  template <class F>
  void each_from(std::size_t begin, F& f) const {
    for (std::size_t i = 0; i < std::size_t(rows) * std::size_t(cols); ++i) f(i, begin + i);
  }
  /// Their rows are `width` long, and ours begin at `first` of them.
  template <class F>
  void each_transposed(std::size_t width, std::size_t first, F& f) const {
    auto const r = std::size_t(rows), c = std::size_t(cols);
    for (std::size_t j = 0; j < c; ++j) {
      for (std::size_t i = 0; i < r; ++i) f(i * c + j, j * width + first + i);
    }
  }
};

}  // namespace moenda::hugging_face
