// SPDX-License-Identifier: Apache-2.0
#pragma once
// A question about a table as a model reads it: windows of tokens. A window describes one word of
// the question, one column, or one condition that the question may mean, by the words around the
// place where the question speaks of it. Words that name a column, a cell or a number are replaced
// by marks: a table whose names were never seen looks like those that were.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moenda/table/cells/candidate_conditions.hpp"
#include "moenda/table/vocabulary.hpp"

namespace moenda::data {

/// One way to compute an answer: an operation, and what it works on. -1: it needs no such part.
struct Derivation {
  int operation = -1;
  int column = -1, shown = -1;
  int condition = -1;  ///< into the candidate conditions; of a comparison into the pairs
  int direction = -1;  ///< 0: the smallest, 1: the largest

  [[nodiscard]] bool operator==(Derivation const&) const = default;
};

struct TableQuestion {
  std::string text;
  std::shared_ptr<Table const> table;
  Candidates candidates{};
  std::vector<int> tokens{};              // [layout.tokens()]
  std::vector<std::string> answer{};      ///< what is right, where it is known
  std::vector<Derivation> derivations{};  ///< what training takes for right; sorted by operation
  int operation = -1;                     ///< the true one, where it is known; to measure routing
};

/// What a model is told of a question besides its tokens.
struct TableTarget {
  TableQuestion const* question = nullptr;
};

/// Writes the windows of one question.
class QuestionWindows {
 public:
  QuestionWindows(std::vector<std::string> const& words, Table const& table,
                  Mentions const& mentions, Candidates const& candidates,
                  TableVocabulary const& vocabulary, TableLayout const& layout)
      : table_(table), mentions_(mentions), vocabulary_(vocabulary) {
    for (auto const& word : words) spoken_.push_back(vocabulary.id(word));
    replace_names();
    tokens_.assign(std::size_t(layout.tokens()), token_of(Mark::padding));
    for (int i = 0; i < std::min(int(words.size()), layout.max_words); ++i) {
      write(i, {i, 1}, token_of(Mark::word), token_of(Mark::padding), spoken_[std::size_t(i)],
            token_of(Mark::padding));
    }
    for (int c = 0; c < std::min(table.columns(), layout.max_columns); ++c) {
      write_column(layout.first_column() + c, c);
    }
    write_conditions(layout.first_condition(), candidates.conditions);
    write_conditions(layout.first_pair(), candidates.pairs);
  }
  [[nodiscard]] std::vector<int> take() && { return std::move(tokens_); }

 private:
  void replace_names() {
    auto const replace = [&](Mention const& place, int token) {
      for (int i = place.first; i < place.first + place.count; ++i) spoken_[std::size_t(i)] = token;
    };
    for (auto const& number : mentions_.numbers) replace(number.place, token_of(Mark::number));
    for (int c = 0; c < table_.columns(); ++c) {
      auto const& [match, places] = mentions_.columns[std::size_t(c)];
      if (match != Match::whole) continue;
      for (auto const& place : places) {
        replace(place, token_of(Mark::column, int(table_.column(c).type)));
      }
    }
    for (auto const& cell : mentions_.cells) replace(cell.place, token_of(Mark::cell));
  }
  [[nodiscard]] int spoken_at(int i) const {
    bool const inside = i >= 0 && i < int(spoken_.size());
    return inside ? spoken_[std::size_t(i)] : token_of(Mark::nowhere);
  }
  void write(int window, Mention const& place, int kind, int detail, int own, int other) {
    int const before = place.count == 0 ? -1 : place.first;  // without a place, nowhere
    int const after = place.count == 0 ? int(spoken_.size()) : place.first + place.count;
    std::array const values{
        kind, detail, spoken_at(before - 3), spoken_at(before - 2), spoken_at(before - 1),
        own,  other,  spoken_at(after),      spoken_at(after + 1)};
    static_assert(values.size() == TableLayout::window);
    std::copy(values.begin(), values.end(), tokens_.begin() + window * TableLayout::window);
  }
  void write_column(int window, int c) {
    auto const& mention = mentions_.columns[std::size_t(c)];
    auto const name = words_of(table_.column(c).name);
    auto const first = name.empty() ? token_of(Mark::padding) : vocabulary_.id(name.front());
    auto const last = name.empty() ? token_of(Mark::padding) : vocabulary_.id(name.back());
    write(window, mention.places.empty() ? Mention{} : mention.places.front(),
          token_of(Mark::column, int(table_.column(c).type)),
          token_of(Mark::match, int(mention.match)), first, last);
  }
  void write_conditions(int window, std::vector<Candidate> const& candidates) {
    for (auto const& [condition, place] : candidates) {
      bool const all = condition.kind == ConditionKind::all;
      int const type = all ? 0 : int(table_.column(condition.column).type);
      write(window++, place, token_of(Mark::condition, int(condition.kind)),
            all ? token_of(Mark::padding) : match_token(condition.column, place),
            all ? token_of(Mark::padding) : token_of(Mark::column, type),
            token_of(Mark::length, std::clamp(place.count, 1, 3) - 1));
    }
  }
  /// How well the question names the condition's column, and whether no other name is nearer to the
  /// value.
  [[nodiscard]] int match_token(int column, Mention const& place) const {
    int nearest = -1, least = 6;  // a name further away says nothing of this value
    for (std::size_t c = 0; c < mentions_.columns.size(); ++c) {
      for (auto const& name : mentions_.columns[c].places) {
        int const distance = name.distance(place);
        if (distance == 0 || distance >= least) continue;
        least = distance;
        nearest = int(c);
      }
    }
    if (nearest == column) return token_of(Mark::match, 3);
    return token_of(Mark::match, int(mentions_.columns[std::size_t(column)].match));
  }

  Table const& table_;
  Mentions const& mentions_;
  TableVocabulary const& vocabulary_;
  std::vector<int> spoken_, tokens_;
};

/// The question with its candidates and its windows; without answer and derivations.
[[nodiscard]] inline TableQuestion read_question(std::string text,
                                                 std::shared_ptr<Table const> table,
                                                 TableVocabulary const& vocabulary,
                                                 TableLayout const& layout) {
  auto const words = words_of(text);
  auto const mentions = find_mentions(*table, words);
  TableQuestion question{std::move(text), std::move(table)};
  question.candidates = candidate_conditions(*question.table, mentions, layout);
  question.tokens =
      QuestionWindows(words, *question.table, mentions, question.candidates, vocabulary, layout)
          .take();
  return question;
}

}  // namespace moenda::data
