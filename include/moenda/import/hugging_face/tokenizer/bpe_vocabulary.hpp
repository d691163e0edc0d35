// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/data/tokenizer/merge_table.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"

namespace moenda::hugging_face {

struct StringHash : std::hash<std::string_view> {
  using is_transparent = void;
};
/// Ids by text.
using TokenIds = std::unordered_map<std::string, int, StringHash, std::equal_to<>>;

/// The vocabulary and the merges of a `model` of type BPE. Unlike those that are trained here, they
/// need neither 256 bytes nor one merge for every token, and ids may have holes.
class BpeVocabulary {
 public:
  /// Ids from here on are refused: a vocabulary of real models has fewer than 300,000.
  static constexpr int largest_id = (1 << 22) - 1;

  BpeVocabulary(BpeVocabulary const&) = delete;
  BpeVocabulary& operator=(BpeVocabulary const&) = delete;
  BpeVocabulary(BpeVocabulary&&) = default;
  BpeVocabulary& operator=(BpeVocabulary&&) = default;
  ~BpeVocabulary() = default;
  /// Throws DataError, with the key, unless ids differ and every merge joins two tokens to a third.
  explicit BpeVocabulary(JsonPart const& model) {
    read_tokens(model.at("vocab"));
    auto const merges = model.at("merges");
    merges_ = data::MergeTable(merges.size());
    std::vector<Pair> pairs;
    pairs.reserve(merges.size());
    for (std::size_t i = 0; i < merges.size(); ++i) add(merges, i, pairs);
    // Of a pair that comes twice the later one counts: it is put in first.
    for (std::size_t i = pairs.size(); i-- > 0;) {
      auto const [left, right, product] = pairs[i];
      merges_.insert(left, right, {static_cast<std::uint32_t>(i), product});
    }
  }

  /// The id of a token; nothing where there is none.
  [[nodiscard]] std::optional<int> find(std::string_view token) const {
    auto const found = ids_.find(token);
    return found == ids_.end() ? std::nullopt : std::optional<int>(found->second);
  }
  /// The token of an id; nullptr where there is none.
  [[nodiscard]] std::string const* token(int id) const {
    return id < 0 || id >= end() ? nullptr : tokens_[static_cast<std::size_t>(id)];
  }
  /// One more than the largest id.
  [[nodiscard]] int end() const { return static_cast<int>(tokens_.size()); }
  /// How many tokens there are.
  [[nodiscard]] int size() const { return static_cast<int>(ids_.size()); }
  [[nodiscard]] TokenIds const& ids() const { return ids_; }
  [[nodiscard]] data::MergeTable const& merges() const { return merges_; }
  /// Whether a merge joins something that ends otherwise with something that begins with `mark`.
  [[nodiscard]] bool crosses(std::string_view mark) const {
    for (auto const& [token, id] : ids_) {
      for (auto at = token.find(mark, 1); at != token.npos; at = token.find(mark, at + 1)) {
        if (!std::string_view(token).substr(0, at).ends_with(mark)) return true;
      }
    }
    return false;
  }

 private:
  struct Pair {
    int left, right, product;
  };
  void read_tokens(JsonPart const& vocab) {
    if (!vocab.is_object()) vocab.refuse("must be an object of token -> id");
    int highest = -1;
    ids_.reserve(vocab.value().size());
    for (auto const& [token, id] : vocab.value().items()) {
      bool const fits = id.is_number_unsigned() && id.get<std::uint64_t>() <= largest_id;
      if (!fits)
        vocab.fail("the id of token " + io::quote(token) + " must be a whole number in 0.." +
                   std::to_string(largest_id) + ", got " + id.dump().substr(0, 40));
      highest = std::max(highest, id.get<int>());
      ids_.emplace(token, id.get<int>());
    }
    tokens_.resize(static_cast<std::size_t>(highest + 1));
    for (auto const& [token, id] : ids_) {
      auto& place = tokens_[static_cast<std::size_t>(id)];
      if (place != nullptr)
        vocab.fail("id " + std::to_string(id) + " must belong to one token, it belongs to " +
                   io::quote(std::min(*place, token)) + " and " +
                   io::quote(std::max(*place, token)));
      place = &token;
    }
  }
  /// A merge is "left right" or ["left", "right"].
  void add(JsonPart const& merges, std::size_t i, std::vector<Pair>& pairs) const {
    auto const& merge = merges.value()[i];
    std::string_view left, right;
    if (merge.is_string()) {
      std::string_view const text = merge.get_ref<std::string const&>();
      if (text.starts_with("#version")) return;
      auto const blank = text.find(' ');
      if (blank == text.npos || text.find(' ', blank + 1) != text.npos)
        merges[i].refuse("must be two tokens with one blank between them");
      left = text.substr(0, blank);
      right = text.substr(blank + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      left = merge[0].get_ref<std::string const&>();
      right = merge[1].get_ref<std::string const&>();
    } else {
      merges[i].refuse("must be two tokens, 'left right' or ['left', 'right']");
    }
    auto const id_of = [&](std::string_view token) {
      auto const id = find(token);
      if (!id)
        merges[i].fail("a merge must join two tokens of model.vocab to a third, " +
                       io::quote(token) + " is none");
      return *id;
    };
    std::string both(left);
    both += right;
    pairs.push_back({id_of(left), id_of(right), id_of(both)});
  }

  TokenIds ids_;
  std::vector<std::string const*> tokens_;  // by id, into ids_
  data::MergeTable merges_;
};

}  // namespace moenda::hugging_face
