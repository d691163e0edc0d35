// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"

namespace moenda::data {

/// Tokens that are no words. They say what a window describes and how a question speaks of it.
enum class Mark {
  padding,                 // no window, or no token here
  nowhere,                 // beyond either end of the question, or not in it
  word,                    // a window of the question
  column,                  // + ColumnType: a column of that type
  condition = column + 5,  // + ConditionKind
  match = condition + 8,   // + Match; the next one: of all columns the nearest to the value
  cell = match + 4,        // stands for a quoted cell
  number,                  // for a number
  length,                  // + 0, 1, 2: a cell of one word, two, more
  count = length + 3
};
[[nodiscard]] constexpr int token_of(Mark mark, int offset = 0) { return int(mark) + offset; }

/// Ids of words: known ones have their own, unknown ones share a few by hash.
class TableVocabulary {
 public:
  static constexpr int unknown_ids = 32;

  /// Knows the words that are at least `least` times in `texts`, in order of their first place.
  explicit TableVocabulary(std::vector<std::vector<std::string>> const& texts, int least = 2) {
    std::unordered_map<std::string, int> counts;
    for (auto const& words : texts) {
      for (auto const& word : words) {
        if (++counts[word] == least) learn(word);
      }
    }
  }
  /// A vocabulary that was saved: its words() in their order.
  [[nodiscard]] static TableVocabulary of_words(std::vector<std::string> const& words) {
    TableVocabulary vocabulary({});
    for (auto const& word : words) vocabulary.learn(word);
    return vocabulary;
  }

  [[nodiscard]] int id(std::string const& word) const {
    auto const found = ids_.find(word);
    if (found != ids_.end()) return found->second;
    return token_of(Mark::count) + int(stream_of(word) % std::uint64_t(unknown_ids));
  }
  [[nodiscard]] int size() const { return first_known + int(words_.size()); }
  [[nodiscard]] std::vector<std::string> const& words() const { return words_; }

 private:
  static constexpr int first_known = token_of(Mark::count) + unknown_ids;
  void learn(std::string const& word) {
    if (ids_.emplace(word, size()).second) words_.push_back(word);
  }

  std::unordered_map<std::string, int> ids_;
  std::vector<std::string> words_;
};

}  // namespace moenda::data
