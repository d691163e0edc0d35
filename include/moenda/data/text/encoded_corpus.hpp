// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/parallel.hpp"
#include "moenda/data/text/corpus.hpp"
#include "moenda/data/text/encode_documents.hpp"
#include "moenda/data/text/text_pieces.hpp"
#include "moenda/data/text/token_cache.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"
#include "moenda/files/read_file.hpp"

namespace moenda::data {

/// Receives one sentence for the user.
using Message = std::function<void(std::string const&)>;

namespace detail {

/// Texts on their way to a token cache: encoded together when there are enough of them to keep
/// every thread busy.
class TextsToEncode {
 public:
  TextsToEncode(TokenCacheWriter& cache, Tokenizer const& tokenizer, ThreadPool& pool)
      : cache_(cache), tokenizer_(tokenizer), pool_(pool) {}

  void add(std::string piece) {
    bytes_ += piece.size();
    pieces_.push_back({std::move(piece), {}, false});
    if (bytes_ >= TextPieces::default_bytes / 2) encode();  // a piece is a little less
  }
  /// What was added since the last call is the document `name`, or the rest of it.
  void end_document(std::string name) { pieces_.push_back({"", std::move(name), true}); }
  /// Encodes what waits, and appends it to the cache.
  void encode() {
    std::vector<std::string_view> texts;
    for (auto const& piece : pieces_) texts.push_back(piece.text);
    auto const ids = encode_documents(tokenizer_, texts, pool_);
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      cache_.append(ids[i]);
      if (!pieces_[i].ends_document) continue;
      if (auto const separator = tokenizer_.end_of_text()) cache_.append({&*separator, 1});
      cache_.end_document(pieces_[i].document);
    }
    pieces_.clear();
    bytes_ = 0;
  }
  /// Bytes of memory that encoding what waits takes, about: the text, and its tokens twice.
  [[nodiscard]] std::size_t need() const {
    return std::max(bytes_, TextPieces::default_bytes) * (1 + 2 * sizeof(int));
  }

 private:
  struct Piece {
    std::string text, document;
    bool ends_document;
  };
  TokenCacheWriter& cache_;
  Tokenizer const& tokenizer_;
  ThreadPool& pool_;
  std::vector<Piece> pieces_;
  std::size_t bytes_ = 0;
};

}  // namespace detail

/// Encodes the corpus piece by piece and writes it to `path`. Every document is followed by the
/// tokenizer's end-of-text token, if it has one. Throws DataError, which says the need where memory
/// is short.
inline void encode_corpus(std::filesystem::path const& path, TokenCacheKey const& key,
                          std::vector<SourceFile> const& sources, std::int64_t max_bytes,
                          Tokenizer const& tokenizer, ThreadPool& pool) {
  TokenCacheWriter cache(path, key);
  detail::TextsToEncode texts(cache, tokenizer, pool);
  auto left = max_bytes > 0 ? static_cast<std::uint64_t>(max_bytes) : UINT64_MAX;
  std::filesystem::path const* now = &path;
  try {
    for (auto const& source : sources) {
      if (left == 0) break;
      now = &source.path;
      TextPieces pieces(source.path, left);
      for (std::string piece; pieces.next(piece);) texts.add(std::move(piece));
      texts.end_document(source.name);
      left -= std::min(left, source.size);
    }
    texts.encode();
    cache.commit();
  } catch (std::bad_alloc const&) {
    refuse_for_memory(*now, texts.need());
  }
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
