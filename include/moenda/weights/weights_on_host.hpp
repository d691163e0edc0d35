// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>

#include "moenda/core/array.hpp"
#include "moenda/core/tensor.hpp"
#include "moenda/weights/quantised/check.hpp"
#include "moenda/weights/quantised/encode.hpp"

namespace moenda {

/// Where the host writes one weight [rows, cols], in the format that it is kept in.
template <class T>
struct WeightPlace {
  int rows = 0, cols = 0;
  Format format = Format::fp32;
  T* values = nullptr;  ///< of plain weights; others have codes, and scales where the format does
  std::byte* codes = nullptr;
  std::byte* scales = nullptr;

  [[nodiscard]] std::ptrdiff_t size() const { return std::ptrdiff_t(rows) * cols; }
  [[nodiscard]] StoredBytes bytes() const { return stored_bytes(format, rows, cols); }
  /// Whether what was put had no number too large for the format.
  [[nodiscard]] bool is_sound() const {
    return quantised::are_sound(format, codes, scales, rows, cols);
  }
  /// x [rows, cols]: its numbers. By `in_parts`, as encode() does.
  template <class Number, class InParts = quantised::InOnePart>
  void put(Number const* x, InParts const& in_parts = {}) const {
    if (format != Format::fp32) {
      return quantised::encode(format, codes, scales, x, rows, cols, in_parts);
    }
    std::transform(x, x + size(), values, [](Number value) { return T(value); });
  }
};

/// The weights of Parameters, for the host to write. The backend has them after give_back().
template <class P>
class WeightsOnHost {
 public:
  using Scalar = typename P::Scalar;

  explicit WeightsOnHost(P& parameters) : WeightsOnHost(parameters.values, parameters.stored) {}
  template <class Values, class Stored>
  WeightsOnHost(Values& values, Stored& stored) : values_(values), stored_(stored) {}

  template <class W>
  [[nodiscard]] WeightPlace<Scalar> operator()(W const& weight) {
    WeightPlace<Scalar> place{weight.rows, weight.cols, weight.stored.format};
    if (weight.stored.is_plain()) {
      place.values = values_.at(weight.data);
    } else {
      place.codes = stored_.at(static_cast<std::byte const*>(weight.stored.data));
      auto const* scales = static_cast<std::byte const*>(weight.stored.scales);
      if (scales != nullptr) place.scales = stored_.at(scales);
    }
    return place;
  }
  void give_back() {
    values_.give_back();
    stored_.give_back();
  }

 private:
  OnHost<decltype(P::values)> values_;
  OnHost<decltype(P::stored)> stored_;
};

}  // namespace moenda
