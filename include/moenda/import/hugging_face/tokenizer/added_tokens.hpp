// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/files/unicode.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"
#include "moenda/import/hugging_face/tokenizer/normalizer.hpp"
#include "moenda/import/hugging_face/tokenizer/regular_expression.hpp"

namespace moenda::hugging_face {

/// A token that is found in the text before anything is cut.
struct AddedToken {
  std::string content;
  bool single_word = false;  ///< only where no word goes on
  bool lstrip = false;       ///< takes the space before it along
  bool rstrip = false;       ///< and the space behind it
  bool normalized = true;    ///< is looked for in normalised text, in its own normalised form
  bool special = false;      ///< a mark, not text: decoding may skip it
};

/// A stretch of a text: an added token, or what lies between.
struct Stretch {
  int id;  ///< none: text
  std::size_t begin, end;
  static constexpr int none = -1;
};

/// Where text that looks like a special token is text.
struct Literal {
  bool everywhere = false;
  std::vector<std::pair<std::size_t, std::size_t>> places{};  ///< from, to: what somebody said
  std::vector<std::string> marks{};  ///< tokens that count as special there, whatever the file says

  [[nodiscard]] bool leaves(AddedToken const& token, std::size_t begin, std::size_t end) const {
    if (everywhere && token.special) return true;
    if (!token.special && std::find(marks.begin(), marks.end(), token.content) == marks.end())
      return false;
    return std::any_of(places.begin(), places.end(), [&](auto const& place) {
      return begin < place.second && end > place.first;
    });
  }
  /// The same of a part of the text, whose place x of [0, size] lies at to_part(x).
  template <class ToPart>
  [[nodiscard]] Literal of_part(ToPart to_part) const {
    Literal part{everywhere, {}, marks};
    for (auto const& [begin, end] : places) part.places.emplace_back(to_part(begin), to_part(end));
    return part;
  }
};

/// Finds added tokens: at each place the longest, from left to right.
class AddedTokenFinder {
 public:
  /// No pattern is longer, so that finding is linear in the text.
  static constexpr std::size_t longest = 1000;

  /// False, and nothing, where the pattern is there already.
  bool add(std::string_view pattern, int id, AddedToken const& token) {
    std::size_t node = 0;
    for (char const c : pattern) {
      auto const byte = static_cast<unsigned char>(c);
      auto const [place, added] = nodes_[node].next.try_emplace(byte, nodes_.size());
      node = place->second;
      if (added) nodes_.emplace_back();
    }
    if (nodes_[node].id != Stretch::none) return false;
    nodes_[node].id = id;
    begins_[static_cast<unsigned char>(pattern.front())] = true;
    tokens_[id] = token;
    return true;
  }

  /// The stretches of `text`, in order. What `literal` leaves as text is found, so that a longer
  /// token still hides a shorter one inside it, as in `tokenizers`.
  [[nodiscard]] std::vector<Stretch> find(std::string_view text, Literal const& literal) const {
    std::vector<Stretch> stretches;
    std::size_t done = 0;
    for (std::size_t i = 0; i < text.size();) {
      auto const [id, size] = longest_at(text, i);
      if (id == Stretch::none) {
        ++i;
        continue;
      }
      std::size_t begin = i, end = i + size;
      i = end;
      auto const& token = tokens_.at(id);
      if (literal.leaves(token, begin, end)) continue;
      if (token.single_word && !stands_alone(text, begin, end)) continue;
      if (token.lstrip) begin = std::max(space_before(text, begin), done);
      if (token.rstrip) end = space_behind(text, end);
      if (done < begin) stretches.push_back({Stretch::none, done, begin});
      stretches.push_back({id, begin, end});
      done = end;
    }
    if (done < text.size()) stretches.push_back({Stretch::none, done, text.size()});
    return stretches;
  }

 private:
  struct Node {
    std::map<unsigned char, std::size_t> next;
    int id = Stretch::none;
  };
  [[nodiscard]] std::pair<int, std::size_t> longest_at(std::string_view text, std::size_t i) const {
    std::pair<int, std::size_t> best{Stretch::none, 0};
    if (!begins_[static_cast<unsigned char>(text[i])]) return best;
    std::size_t node = 0;
    for (std::size_t k = i; k < text.size(); ++k) {
      auto const found = nodes_[node].next.find(static_cast<unsigned char>(text[k]));
      if (found == nodes_[node].next.end()) break;
      node = found->second;
      if (nodes_[node].id != Stretch::none) best = {nodes_[node].id, k + 1 - i};
    }
    return best;
  }
  static bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
    static RegularExpression const word("[\\w\\x{200C}\\x{200D}]");
    auto const is_word = [&](std::string_view character) {
      bool found = false;
      RegularExpression::Search(word, character.size())
          .for_each_match(character, [&](std::size_t, std::size_t) { found = true; });
      // Numbers of Latin-1 are words to Oniguruma only.
      static constexpr std::array<std::string_view, 6> others{"²", "³", "¹", "¼", "½", "¾"};
      return found && std::find(others.begin(), others.end(), character) == others.end();
    };
    std::size_t const before = previous(text, begin);
    return (begin == 0 || !is_word(text.substr(before, begin - before))) &&
           (end == text.size() ||
            !is_word(text.substr(end, io::utf8_sequence_length(text.substr(end, 4)))));
  }
  /// Where the character before `i` > 0 begins.
  static std::size_t previous(std::string_view text, std::size_t i) {
    if (i > 0) --i;
    while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) --i;
    return i;
  }
  static std::size_t space_before(std::string_view text, std::size_t end) {
    while (end > 0) {
      std::size_t const begin = previous(text, end);
      if (data::char_classes().at(text, begin).kind != data::CharClass::space) break;
      end = begin;
    }
    return end;
  }
  static std::size_t space_behind(std::string_view text, std::size_t begin) {
    while (begin < text.size()) {
      auto const character = data::char_classes().at(text, begin);
      if (character.kind != data::CharClass::space) break;
      begin += character.length;
    }
    return begin;
  }
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<bool, 256> begins_{};
  std::map<int, AddedToken> tokens_;
};

}  // namespace moenda::hugging_face
