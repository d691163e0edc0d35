// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "moenda/data/tokenizer/byte_alphabet.hpp"
#include "moenda/files/text.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"
#include "moenda/import/hugging_face/tokenizer/text_pattern.hpp"

namespace moenda::hugging_face {

/// `bytes` with U+FFFD for every longest beginning of a character that does not go on (Unicode 16,
/// section 3.9, "substitution of maximal subparts").
[[nodiscard]] inline std::string replace_invalid(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t const whole = io::utf8_sequence_length(bytes.substr(i, 4));
    if (whole > 0) {
      text += bytes.substr(i, whole);
      i += whole;
      continue;
    }
    io::append_utf8(text, io::replacement_character);
    // A longer beginning is one that some continuation makes whole.
    std::size_t part = 1;
    for (std::size_t length = 2; length <= 3 && i + length <= bytes.size(); ++length) {
      auto const begins = [&](char next, std::size_t missing) {
        return io::utf8_sequence_length(std::string(bytes.substr(i, length)) +
                                        std::string(missing, next)) == length + missing;
      };
      bool possible = false;
      for (std::size_t missing = 1; length + missing <= 4; ++missing) {
        possible = possible || begins('\x80', missing) || begins('\xBF', missing);
      }
      if (possible) part = length;
    }
    i += part;
  }
  return text;
}

/// How tokens become text: steps over a list of strings, which are joined in the end.
class Decoder {
 public:
  Decoder() = default;
  /// The `decoder` of a file; tokens are joined by blanks where there is none. Throws DataError.
  explicit Decoder(std::optional<JsonPart> const& part) : is_there_(part.has_value()) {
    if (part) add(*part);
  }

  [[nodiscard]] std::string operator()(std::vector<std::string> tokens) const {
    auto const most = TextPattern::largest(size_of(tokens));
    for (auto const& step : steps_) {
      std::visit([&](auto const& kind) { kind.apply(tokens); }, step);
      if (size_of(tokens) > most)
        throw DataError("decoder: a text must not grow beyond " + std::to_string(most) + " bytes");
    }
    std::string text;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!is_there_ && i > 0) text += ' ';
      text += tokens[i];
    }
    return text;
  }

 private:
  using Tokens = std::vector<std::string>;

  static std::size_t size_of(Tokens const& tokens) {
    std::size_t size = 0;
    for (auto const& token : tokens) size += token.size();
    return size;
  }
  struct ByteLevel {
    data::ByteAlphabet alphabet{};
    void apply(Tokens& tokens) const {
      std::string bytes;
      for (auto const& token : tokens) bytes += alphabet.bytes(token).value_or(token);
      tokens.assign(1, replace_invalid(bytes));
    }
  };
  struct ByteFallback {
    void apply(Tokens& tokens) const {
      Tokens out;
      out.reserve(tokens.size());
      std::string bytes;
      auto const flush = [&] {
        if (bytes.empty()) return;
        if (io::find_invalid_utf8(bytes) == bytes.size()) {
          out.push_back(std::move(bytes));
        } else {
          out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
        }
        bytes.clear();
      };
      for (auto& token : tokens) {
        if (auto const byte = byte_of(token)) {
          bytes += *byte;
        } else {
          flush();
          out.push_back(std::move(token));
        }
      }
      flush();
      tokens = std::move(out);
    }
    static std::optional<char> byte_of(std::string_view token) {
      if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>')
        return std::nullopt;
      unsigned byte = 0;
      auto const digits = token.substr(token[3] == '+' ? 4 : 3, token[3] == '+' ? 1 : 2);
      auto const [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
      return static_cast<char>(byte);
    }
  };
  struct Fuse {
    void apply(Tokens& tokens) const {
      std::string all;
      for (auto const& token : tokens) all += token;
      tokens.assign(1, std::move(all));
    }
  };
  struct Replace {
    TextPattern pattern;
    std::string content;
    void apply(Tokens& tokens) const {
      std::size_t const size = size_of(tokens);
      std::size_t grown = 0;
      for (auto& token : tokens) {
        token = pattern.replaced(token, content);
        grown += token.size();
        if (grown > TextPattern::largest(size))
          throw DataError("decoder: a text of " + std::to_string(size) +
                          " bytes must not grow beyond " +
                          std::to_string(TextPattern::largest(size)));
      }
    }
  };
  struct Strip {
    std::string character;
    std::size_t start, stop;
    void apply(Tokens& tokens) const {
      for (auto& token : tokens) {
        std::string_view rest = token;
        for (std::size_t i = 0; i < start && rest.starts_with(character); ++i)
          rest.remove_prefix(character.size());
        for (std::size_t i = 0; i < stop && rest.ends_with(character); ++i)
          rest.remove_suffix(character.size());
        token = std::string(rest);
      }
    }
  };
  struct Metaspace {
    std::string replacement;
    bool drops_first;
    void apply(Tokens& tokens) const {
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::string out;
        std::string_view rest = tokens[i];
        while (!rest.empty()) {
          if (rest.starts_with(replacement)) {
            if (i > 0 || !drops_first) out += ' ';
            rest.remove_prefix(replacement.size());
          } else {
            out += rest.front();
            rest.remove_prefix(1);
          }
        }
        tokens[i] = std::move(out);
      }
    }
  };

  void add(JsonPart const& part) {
    switch (part.at("type").choice(
        {"ByteLevel", "ByteFallback", "Fuse", "Replace", "Strip", "Metaspace", "Sequence"})) {
      case 0:
        steps_.emplace_back(ByteLevel{});
        break;
      case 1:
        steps_.emplace_back(ByteFallback{});
        break;
      case 2:
        steps_.emplace_back(Fuse{});
        break;
      case 3:
        steps_.emplace_back(Replace{TextPattern(part.at("pattern")), part.at("content").string()});
        break;
      case 4:
        steps_.emplace_back(Strip{part.at("content").character(),
                                  static_cast<std::size_t>(part.at("start").whole(1'000'000)),
                                  static_cast<std::size_t>(part.at("stop").whole(1'000'000))});
        break;
      case 5: {
        auto const scheme = part.find("prepend_scheme");
        bool const never = (scheme && scheme->choice({"always", "first", "never"}) == 2) ||
                           !part.boolean_or("add_prefix_space", true);
        steps_.emplace_back(Metaspace{part.at("replacement").character(), !never});
        break;
      }
      default:
        auto const all = part.at("decoders");
        for (std::size_t i = 0; i < all.count_of_steps(); ++i) add(all[i]);
    }
  }
  std::vector<std::variant<ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace>> steps_;
  bool is_there_ = false;
};

}  // namespace moenda::hugging_face
