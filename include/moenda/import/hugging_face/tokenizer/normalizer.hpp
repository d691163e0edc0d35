// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "moenda/import/hugging_face/tokenizer/json_part.hpp"
#include "moenda/import/hugging_face/tokenizer/normal_form.hpp"
#include "moenda/import/hugging_face/tokenizer/text_pattern.hpp"

namespace moenda::hugging_face {

/// What is done to a text before it is cut: steps, one after another.
class Normalizer {
 public:
  Normalizer() = default;
  /// The `normalizer` of a file; nothing is done where there is none. Throws DataError.
  explicit Normalizer(std::optional<JsonPart> const& part) {
    if (part) add(*part);
  }

  /// Throws DataError where a text grows beyond all measure.
  [[nodiscard]] std::string operator()(std::string text) const {
    auto const most = TextPattern::largest(text.size());
    for (auto const& step : steps_) {
      text = std::visit([&](auto const& kind) { return kind.apply(std::move(text)); }, step);
      if (text.size() > most)
        throw DataError("normalizer: a text must not grow beyond " + std::to_string(most) +
                        " bytes, got " + std::to_string(text.size()));
    }
    return text;
  }

 private:
  struct Compose {
    [[nodiscard]] std::string apply(std::string const& text) const { return nfc(text); }
  };
  struct Prepend {
    std::string prefix;
    [[nodiscard]] std::string apply(std::string const& text) const {
      return text.empty() ? text : prefix + text;
    }
  };
  struct Replace {
    TextPattern pattern;
    std::string content;
    [[nodiscard]] std::string apply(std::string const& text) const {
      return pattern.replaced(text, content);
    }
  };

  void add(JsonPart const& part) {
    switch (part.at("type").choice({"NFC", "Prepend", "Replace", "Sequence"})) {
      case 0:
        steps_.emplace_back(Compose{});
        break;
      case 1:
        steps_.emplace_back(Prepend{part.at("prepend").string()});
        break;
      case 2:
        steps_.emplace_back(Replace{TextPattern(part.at("pattern")), part.at("content").string()});
        break;
      default:
        auto const all = part.at("normalizers");
        for (std::size_t i = 0; i < all.count_of_steps(); ++i) add(all[i]);
    }
  }
  std::vector<std::variant<Compose, Prepend, Replace>> steps_;
};

}  // namespace moenda::hugging_face
