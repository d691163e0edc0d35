// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <system_error>

#include "moenda/core/error.hpp"
#include "moenda/files/file_descriptor.hpp"

namespace moenda::data {

/// The bytes of a regular file, at most the first `max_bytes`. Throws DataError with the path.
[[nodiscard]] inline std::string read_file(
    std::filesystem::path const& path,
    std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max()) {
  std::uint64_t size = 0;
  auto const file = io::open_for_reading(path, size);
  std::string bytes(static_cast<std::size_t>(std::min(size, max_bytes)), '\0');
  // The file may have shrunk since its size was taken.
  bytes.resize(file.read_at(0, bytes.data(), bytes.size()));
  return bytes;
}

/// Makes `folder` and the folders above it, unless it exists. Throws DataError with the path.
inline void make_folder(std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw DataError(folder.string() + ": cannot make this folder (" + error.message() + ")");
}

}  // namespace moenda::data
