// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "moenda/data/text/token_cache.hpp"

namespace moenda::data::test {

/// Writes the tokens of named documents as a token cache.
inline void write_token_cache(
    std::filesystem::path const& path, TokenCacheKey const& key,
    std::vector<std::pair<std::string, std::vector<int>>> const& documents) {
  TokenCacheWriter cache(path, key);
  for (auto const& [name, ids] : documents) {
    cache.append(ids);
    cache.end_document(name);
  }
  cache.commit();
}

}  // namespace moenda::data::test
