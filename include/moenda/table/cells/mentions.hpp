// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a question speaks of its table: which words name a column, a cell, or a number.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/table/cells/table.hpp"

namespace moenda::data {

/// Words first .. first + count of a question.
struct Mention {
  int first = -1, count = 0;

  [[nodiscard]] bool covers(Mention const& other) const {
    return first <= other.first && other.first + other.count <= first + count;
  }
  [[nodiscard]] int distance(Mention const& other) const {
    return std::max(
        {0, other.first - (first + count - 1), first - (other.first + other.count - 1)});
  }
};

/// How well a question names a column.
enum class Match { none, part, whole };

struct ColumnMention {
  Match match = Match::none;
  std::vector<Mention> places{};
};
struct CellMention {
  int column = -1, text = -1;
  Mention place{};
};
struct NumberMention {
  Decimal number{};
  Mention place{};
};
struct Mentions {
  std::vector<ColumnMention> columns{};  // of every column of the table
  std::vector<CellMention> cells{};      // of columns of text and dates
  std::vector<NumberMention> numbers{};
};

/// Words that name nothing when they stand alone.
[[nodiscard]] inline bool is_stop_word(std::string_view word) {
  constexpr std::string_view stop_words =
      " a an and are as at be by did do does for from had has have how if in is it its many more "
      "most much no not of on or s than that the their there these they this to was were what when "
      "where which who whose with ";
  std::string const whole = " " + std::string(word) + " ";
  return stop_words.find(whole) != std::string_view::npos;
}

namespace detail {

inline constexpr std::size_t longest_mention = 8;  // words of a cell that a question may quote

/// Places where all of `name` stands in a row, by stems.
[[nodiscard]] inline std::vector<Mention> places_of(std::vector<std::string> const& stems,
                                                    std::vector<std::string> const& name) {
  std::vector<Mention> places;
  for (std::size_t i = 0; !name.empty() && i + name.size() <= stems.size(); ++i) {
    if (std::equal(name.begin(), name.end(), stems.begin() + std::ptrdiff_t(i))) {
      places.push_back({int(i), int(name.size())});
    }
  }
  return places;
}

[[nodiscard]] inline std::vector<std::string> stems_of(std::vector<std::string> words) {
  for (auto& word : words) word = stem(word);
  return words;
}

[[nodiscard]] inline std::vector<ColumnMention> mentioned_columns(
    Table const& table, std::vector<std::string> const& words) {
  auto const stems = stems_of(words);
  std::vector<ColumnMention> columns;
  std::vector<Mention> wholes;
  for (int c = 0; c < table.columns(); ++c) {
    auto places = places_of(stems, stems_of(words_of(table.column(c).name)));
    wholes.insert(wholes.end(), places.begin(), places.end());
    columns.push_back({places.empty() ? Match::none : Match::whole, std::move(places)});
  }
  for (int c = 0; c < table.columns(); ++c) {
    auto& column = columns[std::size_t(c)];
    std::erase_if(column.places, [&](Mention const& place) {  // "goals" inside of "home goals"
      return std::any_of(wholes.begin(), wholes.end(), [&](Mention const& whole) {
        return whole.count > place.count && whole.covers(place);
      });
    });
    if (!column.places.empty()) continue;
    column.match = Match::none;
    for (auto const& word : words_of(table.column(c).name)) {
      if (is_stop_word(word)) continue;
      for (auto const& place : places_of(stems, {stem(word)})) column.places.push_back(place);
    }
    if (!column.places.empty()) column.match = Match::part;
  }
  return columns;
}

/// Longest first, so that "new york city" hides "new york" in the same column.
[[nodiscard]] inline std::vector<CellMention> mentioned_cells(
    Table const& table, std::vector<std::string> const& words) {
  std::vector<CellMention> cells;
  for (std::size_t count = std::min(longest_mention, words.size()); count > 0; --count) {
    for (std::size_t first = 0; first + count <= words.size(); ++first) {
      if (count == 1 && is_stop_word(words[first])) continue;
      int const text = table.text_id(join_words(words, first, count));
      if (text < 0) continue;
      Mention const place{int(first), int(count)};
      for (int c = 0; c < table.columns(); ++c) {
        auto const& column = table.column(c);
        if (can_be_added(column.type)) continue;  // there numbers decide, not spellings
        if (std::find(column.text_ids.begin(), column.text_ids.end(), text) ==
            column.text_ids.end()) {
          continue;
        }
        bool const hidden = std::any_of(cells.begin(), cells.end(), [&](CellMention const& other) {
          return other.column == c && (other.place.covers(place) || other.text == text);
        });
        if (!hidden) cells.push_back({c, text, place});
      }
    }
  }
  return cells;
}

}  // namespace detail

[[nodiscard]] inline Mentions find_mentions(Table const& table,
                                            std::vector<std::string> const& words) {
  Mentions found{detail::mentioned_columns(table, words), detail::mentioned_cells(table, words)};
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (auto const number = parse_decimal(words[i])) {
      found.numbers.push_back({*number, {int(i), 1}});
    }
  }
  return found;
}

}  // namespace moenda::data
