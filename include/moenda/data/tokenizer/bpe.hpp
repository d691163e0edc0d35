// SPDX-License-Identifier: Apache-2.0
#pragma once
// Byte-level byte-pair encoding: Radford et al. 2019, "Language Models are Unsupervised Multitask
// Learners", section 2.2.
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/tokenizer/merge_table.hpp"
#include "moenda/data/tokenizer/piece_cache.hpp"
#include "moenda/data/tokenizer/piece_merger.hpp"
#include "moenda/data/tokenizer/pretokenizer.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// The token that separates documents in GPT-2's vocabulary.
inline constexpr std::string_view end_of_text_token = "<|endoftext|>";

/// What defines a byte-pair encoding. The last two members say where it comes from, for messages.
struct BpeVocabulary {
  std::vector<std::string> tokens;          ///< bytes of token id
  std::vector<std::pair<int, int>> merges;  ///< pairs of ids, first merged first
  std::string tokens_source = "BpeVocabulary.tokens";
  std::string merges_source = "BpeVocabulary.merges";
  std::size_t first_merge_line = 0;  ///< merge i is `merges_source` line i + this
};

/// Ids by bytes of the token; views into BpeVocabulary.tokens.
using TokenIndex = std::unordered_map<std::string_view, int>;

/// Throws DataError unless tokens are different and not empty, and all 256 bytes are tokens.
[[nodiscard]] inline TokenIndex index_tokens(BpeVocabulary const& vocabulary) {
  auto const& tokens = vocabulary.tokens;
  auto const refuse = [&](std::string const& why) {
    throw DataError(vocabulary.tokens_source + ": " + why);
  };
  if (tokens.size() > 100'000'000)
    refuse("must have at most 100,000,000 tokens, has " + std::to_string(tokens.size()));
  TokenIndex index;
  index.reserve(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty()) refuse("a token must not be empty, id " + std::to_string(id) + " is");
    auto const [found, is_new] = index.emplace(tokens[id], static_cast<int>(id));
    if (!is_new)
      refuse("tokens must differ, ids " + std::to_string(found->second) + " and " +
             std::to_string(id) + " are both " + io::quote(tokens[id]));
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (!index.contains(std::string(1, static_cast<char>(byte))))
      refuse("each of the 256 bytes must be a token, byte " + std::to_string(byte) + " is not");
  }
  return index;
}

/// A byte-pair encoding, checked. Immutable, so threads may share it.
class Bpe {
 public:
  /// Throws DataError, with the place, unless tokens are different and not empty, all 256 bytes
  /// are tokens, and every other token is made by exactly one merge or is a name like
  /// <|endoftext|>. Hence a vocabulary cut short is noticed.
  explicit Bpe(BpeVocabulary vocabulary)
      : vocabulary_(std::move(vocabulary)), merges_(vocabulary_.merges.size()) {
    TokenIndex const index = index_tokens(vocabulary_);
    std::vector<bool> made(vocabulary_.tokens.size(), false);
    for (int byte = 0; byte < 256; ++byte) {
      int const id = index.at(std::string(1, static_cast<char>(byte)));
      byte_ids_[static_cast<std::size_t>(byte)] = id;
      made[static_cast<std::size_t>(id)] = true;
    }
    for (std::size_t i = 0; i < vocabulary_.merges.size(); ++i) add_merge(index, i, made);
    check_all_made(made);
    ContentHash hash;
    for (auto const& token : vocabulary_.tokens) hash.add(token);
    for (auto const& [left, right] : vocabulary_.merges)
      hash.add(static_cast<std::uint64_t>(left)).add(static_cast<std::uint64_t>(right));
    fingerprint_ = "bpe-" + std::to_string(vocab_size()) + "-" + hash.hex();
  }

  /// Turns texts into tokens; remembers frequent words between calls. One per thread.
  class Encoder {
   public:
    /// `bpe` must outlive this.
    explicit Encoder(Bpe const& bpe) : byte_ids_(bpe.byte_ids_), merger_(bpe.merges_) {}

    /// Appends the tokens of `text`, any bytes. Names like <|endoftext|> in it are plain text.
    void append(std::string_view text, std::vector<int>& ids) {
      for (PieceScanner scanner(text); !scanner.done();) append_piece(scanner.next(), ids);
    }

   private:
    void append_piece(std::string_view piece, std::vector<int>& ids) {
      if (piece.size() > PieceCache::max_piece) return merge(piece, ids);
      auto const known = cache_.find(piece);
      if (!known.empty()) {
        ids.insert(ids.end(), known.begin(), known.end());
        return;
      }
      std::size_t const begin = ids.size();
      merge(piece, ids);
      cache_.insert(piece, std::span(ids).subspan(begin));
    }
    void merge(std::string_view piece, std::vector<int>& ids) {
      symbols_.resize(piece.size());
      for (std::size_t i = 0; i < piece.size(); ++i) {
        symbols_[i] = byte_ids_[static_cast<unsigned char>(piece[i])];
      }
      merger_.append(symbols_, ids);
    }
    std::array<int, 256> const& byte_ids_;
    std::vector<int> symbols_;
    PieceMerger merger_;
    PieceCache cache_;
  };

  /// Any bytes to tokens.
  [[nodiscard]] std::vector<int> encode(std::string_view text) const {
    std::vector<int> ids;
    Encoder(*this).append(text, ids);
    return ids;
  }
  /// The bytes of `id`. Throws DataError unless 0 <= id < vocab_size().
  [[nodiscard]] std::string_view token(int id) const {
    if (id < 0 || id >= vocab_size())
      throw DataError("Bpe: a token id must lie in 0.." + std::to_string(vocab_size() - 1) +
                      " (vocabulary of " + std::to_string(vocab_size()) + "), got " +
                      std::to_string(id));
    return vocabulary_.tokens[static_cast<std::size_t>(id)];
  }

  [[nodiscard]] int vocab_size() const { return static_cast<int>(vocabulary_.tokens.size()); }
  [[nodiscard]] std::optional<int> end_of_text() const { return end_of_text_; }
  /// Same string, same tokens and merges.
  [[nodiscard]] std::string const& fingerprint() const { return fingerprint_; }
  [[nodiscard]] BpeVocabulary const& vocabulary() const { return vocabulary_; }

 private:
  void add_merge(TokenIndex const& index, std::size_t i, std::vector<bool>& made) {
    auto const [left, right] = vocabulary_.merges[i];
    auto const refuse = [&](std::string const& why) {
      throw DataError(vocabulary_.merges_source + ", line " +
                      std::to_string(i + vocabulary_.first_merge_line) + ": " + why);
    };
    auto const both = std::string(token(left)) + std::string(token(right));
    auto const found = index.find(both);
    if (found == index.end()) refuse("a merge must make a token, " + io::quote(both) + " is none");
    int const product = found->second;
    if (made[static_cast<std::size_t>(product)])
      refuse("a token must be made by one merge only, " + io::quote(both) + " was there already");
    made[static_cast<std::size_t>(product)] = true;
    merges_.insert(left, right, {static_cast<std::uint32_t>(i), product});
  }

  void check_all_made(std::vector<bool> const& made) {
    for (std::size_t id = 0; id < made.size(); ++id) {
      if (made[id]) continue;
      std::string_view const token = vocabulary_.tokens[id];
      if (!token.starts_with("<|") || !token.ends_with("|>"))
        throw DataError(vocabulary_.merges_source + ": every token must have its merge, " +
                        io::quote(token) + " (id " + std::to_string(id) +
                        ") has none; the file may be cut short");
      if (token == end_of_text_token) end_of_text_ = static_cast<int>(id);
    }
  }

  BpeVocabulary vocabulary_;
  MergeTable merges_;
  std::array<int, 256> byte_ids_{};
  std::optional<int> end_of_text_;
  std::string fingerprint_;
};

}  // namespace moenda::data
