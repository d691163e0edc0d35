// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/parallel.hpp"
#include "moenda/data/tokenizer/pretokenizer.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"

namespace moenda::data {

/// The tokens of every text, the same for any number of threads: long texts are cut only where
/// every tokenizer of ours cuts anyway.
[[nodiscard]] inline std::vector<std::vector<int>> encode_documents(
    Tokenizer const& tokenizer, std::vector<std::string_view> const& texts, ThreadPool& pool) {
  constexpr std::size_t block_bytes = std::size_t{1} << 18;
  struct Block {
    std::size_t text;
    std::string_view bytes;
    std::vector<int> ids;
  };
  std::vector<Block> blocks;
  for (std::size_t text = 0; text < texts.size(); ++text) {
    for (std::string_view rest = texts[text]; !rest.empty();) {
      std::size_t const cut = next_cut(rest, block_bytes);
      blocks.push_back({text, rest.substr(0, cut), {}});
      rest.remove_prefix(cut);
    }
  }
  pool.parallel_for(static_cast<std::int64_t>(blocks.size()),
                    [&](std::int64_t begin, std::int64_t end) {
                      Tokenizer::Encoder encoder(tokenizer);
                      for (auto i = begin; i < end; ++i) {
                        Block& block = blocks[static_cast<std::size_t>(i)];
                        encoder.append(block.bytes, block.ids);
                      }
                    });
  std::vector<std::vector<int>> result(texts.size());
  for (Block& block : blocks) {
    auto& ids = result[block.text];
    if (ids.empty()) {
      ids = std::move(block.ids);
    } else {
      ids.insert(ids.end(), block.ids.begin(), block.ids.end());
    }
    block.ids = {};
  }
  return result;
}

}  // namespace moenda::data
