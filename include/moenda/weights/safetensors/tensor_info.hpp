// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "moenda/weights/safetensors/dtype.hpp"

namespace moenda::io {

inline constexpr std::size_t max_rank = 8;
inline constexpr std::uint64_t max_tensor_size = std::numeric_limits<std::int64_t>::max();

/// One entry of a safetensors header.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<std::uint64_t> shape;  ///< empty for a scalar; outermost dimension first
  std::uint64_t begin = 0;           ///< first byte, counted from the end of the header
  std::uint64_t end = 0;             ///< one past the last byte

  [[nodiscard]] std::uint64_t size() const { return (end - begin) / dtype_size(dtype); }
};

/// "[2, 3]"
[[nodiscard]] inline std::string shape_text(std::vector<std::uint64_t> const& shape) {
  std::string text;
  for (auto size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

/// Bytes of a tensor, or max_tensor_size + 1 when that is too large. Sizes of zero are left out
/// of the limit check, so that [2^63, 2^63, 0] is too large: its strides would overflow.
[[nodiscard]] inline std::uint64_t tensor_byte_size(std::vector<std::uint64_t> const& shape,
                                                    Dtype dtype) {
  std::uint64_t bytes = dtype_size(dtype);
  bool empty = false;
  for (auto size : shape) {
    empty = empty || size == 0;
    if (size > 0 && bytes > max_tensor_size / size) return max_tensor_size + 1;
    if (size > 0) bytes *= size;
  }
  return empty ? 0 : bytes;
}

}  // namespace moenda::io
