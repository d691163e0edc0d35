// SPDX-License-Identifier: Apache-2.0
#pragma once
// The folders step_######## of a run's checkpoints.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/own_files.hpp"

namespace moenda {

/// The folder of a step below `folder`.
[[nodiscard]] inline std::filesystem::path checkpoint_folder(std::filesystem::path const& folder,
                                                             std::int64_t step) {
  auto number = std::to_string(step);
  if (number.size() < 8) number.insert(0, 8 - number.size(), '0');
  return folder / ("step_" + number);
}
/// The checkpoints below `folder` by rising step. Other folders do not count. Throws DataError when
/// they cannot be seen.
[[nodiscard]] inline std::vector<std::filesystem::path> list_checkpoints(
    std::filesystem::path const& folder) {
  std::vector<std::pair<std::int64_t, std::filesystem::path>> found;
  if (!io::is_there(folder)) return {};
  for (auto const& name : io::names_in(folder)) {
    std::int64_t step = -1;
    constexpr std::string_view prefix = "step_";
    if (!name.starts_with(prefix)) continue;
    auto const* const end = name.data() + name.size();
    auto const read = std::from_chars(name.data() + prefix.size(), end, step);
    if (read.ec == std::errc() && read.ptr == end && step >= 0)
      found.emplace_back(step, folder / name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::filesystem::path> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}
/// The newest checkpoint below `folder`, if there is one. Throws DataError when one of them, or one
/// of its files, is a link.
[[nodiscard]] inline std::optional<std::filesystem::path> newest_checkpoint(
    std::filesystem::path const& folder) {
  io::require_own_folder(folder);
  auto const all = list_checkpoints(folder);
  if (all.empty()) return std::nullopt;
  io::require_own_files(all.back(), true);
  return all.back();
}

}  // namespace moenda
