// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/parallel.hpp"
#include "moenda/data/text/corpus.hpp"
#include "moenda/data/text/encode_documents.hpp"
#include "moenda/data/text/token_cache.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"

namespace moenda::data {

/// Receives one sentence for the user.
using Message = std::function<void(std::string const&)>;

/// Reads and encodes the corpus and writes it to `path`. Every document is followed by the
/// tokenizer's end-of-text token, if it has one. Throws DataError.
inline void encode_corpus(std::filesystem::path const& path, TokenCacheKey const& key,
                          std::vector<SourceFile> const& sources, std::int64_t max_bytes,
                          Tokenizer const& tokenizer, ThreadPool& pool) {
  auto const documents = read_corpus(sources, max_bytes);
  std::vector<std::string_view> texts;
  for (auto const& document : documents) texts.push_back(document.text);
  auto ids = encode_documents(tokenizer, texts, pool);
  std::vector<std::pair<std::string, std::vector<int>>> encoded;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (auto const separator = tokenizer.end_of_text()) ids[i].push_back(*separator);
    encoded.emplace_back(documents[i].name, std::move(ids[i]));
  }
  write_token_cache(path, key, encoded);
}

/// The encoded corpus from `cache`, a file of the caller's choice. If that file is missing,
/// damaged, or made from other texts or by another tokenizer, the corpus is encoded and the file
/// replaced; `message` (may be empty) says so. Texts are recognised by name, size and time of
/// change. Throws DataError, ConfigError.
[[nodiscard]] inline TokenCache open_corpus(CorpusConfig const& config, Tokenizer const& tokenizer,
                                            std::filesystem::path const& cache, ThreadPool& pool,
                                            Message const& message = {}) {
  auto const say = [&](std::string const& text) {
    if (message) message(text);
  };
  auto const sources = list_corpus(config);
  TokenCacheKey const key{tokenizer.fingerprint(), corpus_fingerprint(sources, config.max_bytes),
                          tokenizer.vocab_size()};
  if (std::error_code ignored; std::filesystem::exists(cache, ignored)) {
    try {
      TokenCache found(cache);
      bool const same_tokenizer = found.tokenizer_fingerprint() == key.tokenizer;
      if (same_tokenizer && found.corpus_fingerprint() == key.corpus &&
          found.vocab_size() == key.vocab_size)
        return found;
      say(cache.string() + ": made " +
          (same_tokenizer ? "from other texts" : "by another tokenizer") + "; encoding again");
    } catch (DataError const& error) {
      say(std::string(error.what()) + "; encoding again");
    }
  } else {
    say(cache.string() + ": encoding " + std::to_string(sources.size()) + " files");
  }
  encode_corpus(cache, key, sources, config.max_bytes, tokenizer, pool);
  return TokenCache(cache);
}

}  // namespace moenda::data
