// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace moenda::runner {

/// Reads a JSON list of lists of ids. Throws DataError naming file and place.
std::vector<std::vector<int>> read_id_lists(std::filesystem::path const& path);

/// Writes `logits.I` [n, vocab_size] F32 of every list I into `file`: what `logits_of` returns for
/// it. Throws DataError when it cannot be written, NumericError when a number is not finite.
void write_logits(std::filesystem::path const& file, std::vector<std::vector<int>> const& lists,
                  int vocab_size,
                  std::function<std::vector<float>(std::span<int const>)> const& logits_of);

}  // namespace moenda::runner
