// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

namespace moenda {

/// In which numbers the factors of a matrix product meet. Weights, gradients and sums are kept in
/// the backend's scalar either way; bf16 rounds both factors to 8 bits of significand on their way
/// into the product.
enum class Precision { fp32, bf16 };
constexpr auto enum_names(Precision) { return std::array{"fp32", "bf16"}; }

}  // namespace moenda
