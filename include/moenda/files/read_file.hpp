// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/files/file_descriptor.hpp"

namespace moenda::data {

/// Throws DataError: the content of `path` needs `bytes` of memory, which are not there.
[[noreturn]] inline void refuse_for_memory(std::filesystem::path const& path, std::uint64_t bytes) {
  throw DataError(path.string() + ": reading it needs " + std::to_string(bytes) +
                  " bytes of memory, and there is not as much");
}

/// The bytes of a regular file, at most the first `max_bytes`. Throws DataError with the path, and
/// with the need where memory is short.
[[nodiscard]] inline std::string read_file(
    std::filesystem::path const& path,
    std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max()) {
  std::uint64_t size = 0;
  auto const file = io::open_for_reading(path, size);
  std::string bytes;
  try {
    bytes.resize(static_cast<std::size_t>(std::min(size, max_bytes)));
  } catch (std::bad_alloc const&) {
    refuse_for_memory(path, std::min(size, max_bytes));
  } catch (std::length_error const&) {  // a sparse file may claim more than any string can hold
    refuse_for_memory(path, std::min(size, max_bytes));
  }
  // The file may have shrunk since its size was taken.
  bytes.resize(file.read_at(0, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace moenda::data
