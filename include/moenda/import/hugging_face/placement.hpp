// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
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

  [[nodiscard]] std::uint64_t size() const { return std::uint64_t(rows) * std::uint64_t(cols); }
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
  /// Calls f(index in [rows, cols], index in their tensor) for every number.
  template <class F>
  void each(F&& f) const {
    if (auto const first = begin()) {
      for (std::size_t i = 0; i < std::size_t(size()); ++i) f(i, std::size_t(*first) + i);
      return;
    }
    auto const r = std::size_t(rows);
    if (form == Form::transposed) return each_transposed(r, 0, f);
    std::size_t const third = form == Form::second_third ? 1 : form == Form::last_third ? 2 : 0;
    each_transposed(3 * r, third * r, f);
  }
  /// Where it begins in their tensor, if its numbers follow each other there.
  [[nodiscard]] std::optional<std::uint64_t> begin() const {
    switch (form) {
      case Form::transposed:
        return std::nullopt;
      case Form::first_third:
        return is_row ? std::optional<std::uint64_t>(0) : std::nullopt;
      case Form::second_third:
        return is_row ? std::optional(size()) : std::nullopt;
      case Form::last_third:
        return is_row ? std::optional(2 * size()) : std::nullopt;
      case Form::of_experts:
        return number * size();
      case Form::upper_half:
        return 2 * number * size();
      case Form::lower_half:
        return (2 * number + 1) * size();
      case Form::plain:
      case Form::minus_one:
        break;
    }
    return 0;
  }
  /// What is added to their numbers.
  [[nodiscard]] float added() const { return form == Form::minus_one ? 1.0f : 0.0f; }

 private:
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
