// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/import/hugging_face/tokenizer/json_part.hpp"
#include "moenda/import/hugging_face/tokenizer/regular_expression.hpp"

namespace moenda::hugging_face {

/// What Split and Replace look for: {"String": "..."} or {"Regex": "..."}.
class TextPattern {
 public:
  /// Throws DataError naming the key.
  explicit TextPattern(JsonPart const& part) {
    auto const literal = part.find("String"), expression = part.find("Regex");
    if (literal.has_value() == expression.has_value())
      part.refuse("must be an object with one of String, Regex");
    if (literal) {
      literal_ = literal->string();
      if (literal_.empty()) literal->refuse("must not be empty");
      return;
    }
    try {
      expression_ = std::make_shared<RegularExpression const>(expression->string());
    } catch (DataError const& error) {
      expression->fail(error.what());
    }
  }

  /// Looks for matches, in texts of `bytes` bytes together.
  class Search {
   public:
    /// `pattern` must outlive this.
    Search(TextPattern const& pattern, std::size_t bytes) : literal_(pattern.literal_) {
      if (pattern.expression_) expression_.emplace(*pattern.expression_, bytes);
    }
    /// Calls found(begin, end) for every match in `text`, one after another.
    template <class F>
    void for_each_match(std::string_view text, F found) {
      if (expression_) return expression_->for_each_match(text, found);
      for (auto at = text.find(literal_); at != text.npos;) {
        auto const end = at + literal_.size();
        found(at, end);
        at = text.find(literal_, end);
      }
    }

   private:
    std::string_view literal_;
    std::optional<RegularExpression::Search> expression_;
  };

  /// What a text may grow to, in bytes: a hostile file could ask for more memory than there is.
  [[nodiscard]] static std::size_t largest(std::size_t size) { return (1 << 16) + 16 * size; }

  /// `text` with every match replaced by `content`. Throws DataError where that is too long.
  [[nodiscard]] std::string replaced(std::string_view text, std::string_view content) const {
    std::string out;
    out.reserve(text.size());
    std::size_t done = 0;
    Search(*this, text.size()).for_each_match(text, [&](std::size_t begin, std::size_t end) {
      out += text.substr(done, begin - done);
      out += content;
      done = end;
      if (out.size() > largest(text.size()))
        throw DataError("Replace: a text of " + std::to_string(text.size()) +
                        " bytes must not grow beyond " + std::to_string(largest(text.size())));
    });
    out += text.substr(done);
    return out;
  }

 private:
  std::string literal_;
  std::shared_ptr<RegularExpression const> expression_;
};

}  // namespace moenda::hugging_face
