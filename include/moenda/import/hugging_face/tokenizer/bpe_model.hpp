// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/data/tokenizer/byte_alphabet.hpp"
#include "moenda/data/tokenizer/piece_cache.hpp"
#include "moenda/data/tokenizer/piece_merger.hpp"
#include "moenda/files/text.hpp"
#include "moenda/import/hugging_face/tokenizer/bpe_vocabulary.hpp"

namespace moenda::hugging_face {

/// A `model` of type BPE: pieces to ids. The merging is that of `data::Bpe`; this decides which
/// symbols a piece begins as. Immutable, so threads may share it.
class BpeModel {
 public:
  /// `byte_level`: a piece's symbols are bytes that the vocabulary spells in GPT-2's alphabet, else
  /// characters. Throws DataError, with the key, for what is not read.
  BpeModel(JsonPart const& part, bool byte_level)
      : vocabulary_(checked(part)),
        byte_level_(byte_level),
        fuse_unknown_(part.boolean_or("fuse_unk", false)),
        ignore_merges_(part.boolean_or("ignore_merges", false)) {
    if (auto const unknown = part.find("unk_token")) {
      unknown_ = vocabulary_.find(unknown->string());
      if (!unknown_) unknown->refuse("must be a token of model.vocab");
    }
    if (part.boolean_or("byte_fallback", false)) find_byte_tokens();
    if (byte_level_) {
      spell_bytes();
    } else {
      find_characters();
      cuts_at_mark_ = vocabulary_.find(mark).has_value() && !vocabulary_.crosses(mark);
    }
  }

  [[nodiscard]] BpeVocabulary const& vocabulary() const { return vocabulary_; }

  /// Turns pieces into ids; remembers frequent pieces between calls. One per thread.
  class Encoder {
   public:
    /// `model` must outlive this.
    explicit Encoder(BpeModel const& model) : model_(model), merger_(model.vocabulary_.merges()) {}

    /// Appends the ids of `piece`, which must be UTF-8.
    void append(std::string_view piece, std::vector<int>& ids) {
      if (piece.empty()) return;
      if (model_.ignore_merges_) {
        if (auto const id = model_.whole(piece)) return ids.push_back(*id);
      }
      if (!model_.cuts_at_mark_) return append_word(piece, ids);
      // No merge leads to a mark from what is none: words that begin with marks are independent.
      while (!piece.empty()) {
        auto const word = piece.substr(0, end_of_word(piece));
        append_word(word, ids);
        piece.remove_prefix(word.size());
      }
    }

   private:
    static std::size_t end_of_word(std::string_view piece) {
      std::size_t begin = 0;
      while (piece.substr(begin).starts_with(mark)) begin += mark.size();
      return std::min(piece.find(mark, begin), piece.size());
    }
    void append_word(std::string_view word, std::vector<int>& ids) {
      if (word.size() > data::PieceCache::max_piece) return merge(word, ids);
      auto const known = cache_.find(word);
      if (!known.empty()) {
        ids.insert(ids.end(), known.begin(), known.end());
        return;
      }
      std::size_t const begin = ids.size();
      merge(word, ids);
      if (ids.size() > begin) cache_.insert(word, std::span(ids).subspan(begin));
    }
    void merge(std::string_view word, std::vector<int>& ids) {
      symbols_.clear();
      model_.append_symbols(word, symbols_);
      merger_.append(symbols_, ids);
    }
    BpeModel const& model_;
    std::vector<int> symbols_;
    data::PieceMerger merger_;
    data::PieceCache cache_;
  };

 private:
  static constexpr std::string_view mark = "▁";  // U+2581, what stands for a blank
  static constexpr int none = -1;

  static JsonPart const& checked(JsonPart const& part) {
    for (auto const* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      auto const affix = part.find(name);
      if (affix && !affix->string().empty()) affix->refuse("must be null or empty");
    }
    auto const dropout = part.find("dropout");
    if (dropout && !(dropout->value().is_number() && dropout->value().get<double>() == 0))
      dropout->refuse("must be null or 0");
    return part;
  }
  void find_byte_tokens() {
    byte_tokens_.emplace();
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::array<char, 8> name{};
      (void)std::snprintf(name.data(), name.size(), "<0x%02X>", byte);
      (*byte_tokens_)[byte] = vocabulary_.find(name.data()).value_or(none);
    }
  }
  void spell_bytes() {
    data::ByteAlphabet const alphabet;
    for (unsigned byte = 0; byte < 256; ++byte) {
      spelled_[byte] = alphabet.spell(std::string(1, static_cast<char>(byte)));
      byte_ids_[byte] = vocabulary_.find(spelled_[byte]).value_or(none);
    }
    if (!ignore_merges_) return;
    for (auto const& [token, id] : vocabulary_.ids()) {
      if (auto bytes = alphabet.bytes(token)) spelled_tokens_.emplace(std::move(*bytes), id);
    }
  }
  void find_characters() {
    characters_.resize(0x10000, none);
    for (auto const& [token, id] : vocabulary_.ids()) {
      std::size_t end = 0;
      if (token.empty()) continue;
      char32_t const point = io::next_code_point(token, end);
      if (end != token.size()) continue;
      point < 0x10000 ? characters_[point] = id : rare_characters_[point] = id;
    }
  }
  [[nodiscard]] int character(char32_t point) const {
    if (point < 0x10000) return characters_[point];
    auto const found = rare_characters_.find(point);
    return found == rare_characters_.end() ? none : found->second;
  }
  [[nodiscard]] std::optional<int> whole(std::string_view piece) const {
    if (!byte_level_) return vocabulary_.find(piece);
    auto const found = spelled_tokens_.find(piece);
    return found == spelled_tokens_.end() ? std::nullopt : std::optional<int>(found->second);
  }

  void append_symbols(std::string_view word, std::vector<int>& symbols) const {
    bool pending = false;  // an unknown symbol that is not put down yet
    auto const known = [&](int id) {
      if (pending) symbols.push_back(*unknown_);
      pending = false;
      symbols.push_back(id);
    };
    // Bytes do not put down what is pending before them: so `tokenizers` does it.
    auto const missing = [&](std::string_view bytes) {
      if (append_bytes(bytes, symbols) || !unknown_) return;
      if (pending && !fuse_unknown_) symbols.push_back(*unknown_);
      pending = true;
    };
    for (std::size_t i = 0; i < word.size();) {
      std::size_t const begin = i;
      int id = none;
      if (byte_level_) {
        id = byte_ids_[static_cast<unsigned char>(word[i++])];
      } else {
        id = character(io::next_code_point(word, i));
      }
      if (id != none) {
        known(id);
      } else {
        missing(byte_level_ ? std::string_view(spelled_[static_cast<unsigned char>(word[begin])])
                            : word.substr(begin, i - begin));
      }
    }
    if (pending) symbols.push_back(*unknown_);
  }
  /// Tokens <0x..> for all of `bytes`; false, and nothing, where one of them is none.
  bool append_bytes(std::string_view bytes, std::vector<int>& symbols) const {
    if (!byte_tokens_) return false;
    auto const token = [&](char c) { return (*byte_tokens_)[static_cast<unsigned char>(c)]; };
    for (char const c : bytes) {
      if (token(c) == none) return false;
    }
    for (char const c : bytes) symbols.push_back(token(c));
    return true;
  }

  BpeVocabulary vocabulary_;
  bool byte_level_, fuse_unknown_, ignore_merges_, cuts_at_mark_ = false;
  std::optional<int> unknown_;
  std::optional<std::array<int, 256>> byte_tokens_;
  std::array<int, 256> byte_ids_{};
  std::array<std::string, 256> spelled_;
  TokenIds spelled_tokens_;      // by their bytes
  std::vector<int> characters_;  // ids by code point below U+10000
  std::unordered_map<char32_t, int> rare_characters_;
};

}  // namespace moenda::hugging_face
