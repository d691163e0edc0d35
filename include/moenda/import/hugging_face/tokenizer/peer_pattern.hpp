// SPDX-License-Identifier: Apache-2.0
#pragma once
// The regular expressions of tokenizer.json are written for Oniguruma. Here they are turned into
// what PCRE2 reads, so that both find the same: a class is spelled out where the libraries differ.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"
#include "moenda/files/unicode.hpp"
#include "moenda/import/hugging_face/tokenizer/unicode_of_peer.hpp"

namespace moenda::hugging_face {

/// Turns one expression. What is not among the words below is refused, since it may mean something
/// else in PCRE2.
class PeerPattern {
 public:
  static constexpr char const* words =
      "characters, ., ^, $, |, groups ( (?: (?i: (?= (?! (?<= (?<! (?>, quantifiers, [classes], "
      "\\p{general category or script}, \\s \\S \\d \\D \\w \\W \\h \\n \\r \\t \\f \\v \\a \\e "
      "\\A "
      "\\z \\x.. \\u....";

  /// The expression for PCRE2. Throws DataError "... at byte N" for what is not read.
  [[nodiscard]] static std::string for_pcre2(std::string_view pattern) {
    PeerPattern turned(pattern);
    while (turned.at_ < pattern.size()) turned.element();
    return turned.out_;
  }

 private:
  explicit PeerPattern(std::string_view pattern) : in_(pattern) {}

  [[noreturn]] void refuse(std::string_view what) const {
    throw DataError(io::quote(what) + " at byte " + std::to_string(at_) +
                    " of the regular expression is not read; these are: " + words);
  }
  [[nodiscard]] bool begins(std::string_view word) const {
    return in_.substr(at_).starts_with(word);
  }
  void copy(std::size_t count) {
    out_ += in_.substr(at_, count);
    at_ += count;
  }

  void element() {
    char const c = in_[at_];
    if (c == '(') return group();
    if (c == '{') return counted();
    bool const quantifies = c == '*' || c == '+' || c == '?';
    if (c == ')' || c == '|' || quantifies) {
      if (c == ')' && !open_.empty()) {
        atom_ = open_.back();
        open_.pop_back();
      }
      return copy(1);
    }
    atom_ = out_.size();
    if (c == '[') return set();
    if (c == '\\') return escape(false);
    copy(1);
  }

  void group() {
    static constexpr std::array<std::string_view, 7> known{"(?:",  "(?i:", "(?=", "(?!",
                                                           "(?<=", "(?<!", "(?>"};
    open_.push_back(out_.size());
    for (auto const word : known) {
      if (begins(word)) return copy(word.size());
    }
    if (begins("(?") || begins("(*")) refuse(in_.substr(at_, 4));
    copy(1);
  }

  /// {n}, {n,}, {n,m}, {,m}; a '+' behind it repeats in Oniguruma, and in PCRE2 it would take hold.
  void counted() {
    auto const end = in_.find('}', at_);
    auto const inside = end == in_.npos ? std::string_view() : in_.substr(at_ + 1, end - at_ - 1);
    auto const comma = inside.find(',');
    auto const digits = [](std::string_view text) {
      return text.find_first_not_of("0123456789") == text.npos;
    };
    bool const counts = !inside.empty() && inside != "," && digits(inside.substr(0, comma)) &&
                        (comma == inside.npos || digits(inside.substr(comma + 1)));
    if (!counts) {
      atom_ = out_.size();
      out_ += "\\{";
      ++at_;
      return;
    }
    out_ +=
        inside.starts_with(',') ? "{0" + std::string(inside) + "}" : in_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    if (at_ < in_.size() && in_[at_] == '+') {
      out_.insert(atom_, "(?:");
      out_ += ')';
    }
  }

  void set() {
    copy(1);
    if (begins("^")) copy(1);
    if (begins("]")) copy(1);
    while (true) {
      if (at_ >= in_.size()) refuse("a class without end");
      if (in_[at_] == ']') return copy(1);
      if (in_[at_] == '[' || begins("&&")) refuse(in_.substr(at_, 2));
      in_[at_] == '\\' ? escape(true) : copy(1);
    }
  }

  /// `inside` a class, a class is only its members.
  void escape(bool inside) {
    if (at_ + 1 >= in_.size()) refuse("\\");
    char const c = in_[at_ + 1];
    auto const members = [&](std::string_view list, bool negated) {
      at_ += 2;
      inside ? out_ += list : out_ += (negated ? "[^" : "[") + std::string(list) + "]";
    };
    switch (c) {
      case 's':
        return members(spaces, false);
      case 'S':
        return inside ? members(no_spaces, false) : members(spaces, true);
      case 'd':
      case 'D':
      case 'w':
      case 'W': {
        bool const negated = c == 'D' || c == 'W';
        if (inside && negated) refuse(in_.substr(at_, 2));
        return members(c == 'd' || c == 'D' ? category("Nd") : word(), negated);
      }
      case 'h':
        return members("0-9a-fA-F", false);
      case 'v':  // PCRE2 means all vertical space
        at_ += 2;
        out_ += "\\x0B";
        return;
      case 'p':
      case 'P':
        return property(inside);
      case 'x':
        return hexadecimal(begins("\\x{") ? 3 : 2);
      case 'u':
        return hexadecimal(2);
      case 'A':
      case 'z':
        if (inside) refuse(in_.substr(at_, 2));
        return copy(2);
      default:
        break;
    }
    bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    bool const control = std::string_view("nrtfae").find(c) != std::string_view::npos;
    if (letter && !control) refuse(in_.substr(at_, 2));
    static_cast<unsigned char>(c) < 0x80 ? copy(2) : static_cast<void>(++at_);
  }

  /// \xHH, \x{H...}, \uHHHH: the digits begin `skip` bytes on.
  void hexadecimal(std::size_t skip) {
    std::size_t const begin = at_ + skip;
    std::size_t const most = skip == 3 ? 6 : in_[at_ + 1] == 'u' ? 4 : 2;
    std::size_t count = 0;
    std::uint32_t code = 0;
    for (; count < most && begin + count < in_.size(); ++count) {
      auto const digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(in_[begin + count] | 0x20));
      if (digit == std::string_view::npos || in_[begin + count] < '0') break;
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    bool const closed = skip != 3 || (begin + count < in_.size() && in_[begin + count] == '}');
    bool const whole = in_[at_ + 1] != 'u' || count == 4;
    bool const byte = skip == 2 && in_[at_ + 1] == 'x' && code >= 0x80;  // a byte, no character
    bool const surrogate = code >= 0xD800 && code < 0xE000;
    if (count == 0 || !closed || !whole || byte || surrogate || code > 0x10FFFF)
      refuse(in_.substr(at_, 4));
    append_point(out_, code);
    at_ = begin + count + (skip == 3 ? 1 : 0);
  }

  void property(bool inside) {
    bool negated = in_[at_ + 1] == 'P';
    auto const end = in_.find('}', at_);
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == in_.npos) refuse(in_.substr(at_, 3));
    auto name = in_.substr(at_ + 3, end - at_ - 3);
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    auto const list = members_of(name);
    if (list.empty() || (negated && inside)) refuse(in_.substr(at_, end + 1 - at_));
    at_ = end + 1;
    inside ? out_ += list : out_ += (negated ? "[^" : "[") + list + "]";
  }

  /// A property as members of a class; empty where it is not read.
  [[nodiscard]] static std::string members_of(std::string_view name) {
    struct Script {
      std::string_view name, since;
    };
    // Oniguruma goes by Script, PCRE2 by Script_Extensions unless told.
    static constexpr std::array<Script, 9> scripts{
        {{"Han", "\\x{2B739}\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}"},
         {"Hiragana", "\\x{1B132}"},
         {"Katakana", "\\x{1B155}"},
         {"Hangul", ""},
         {"Thai", ""},
         {"Greek", ""},
         {"Cyrillic", "\\x{1C89}\\x{1C8A}\\x{1E030}-\\x{1E06D}\\x{1E08F}"},
         {"Arabic", "\\x{897}\\x{10EC2}-\\x{10EC4}\\x{10EFC}-\\x{10EFF}"},
         {"Hebrew", ""}}};
    for (auto const& script : scripts) {
      if (script.name == name)
        return "\\p{sc:" + std::string(name) + "}" + std::string(script.since);
    }
    static constexpr std::string_view categories =
        " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp ";
    bool const known = !name.empty() && name.find(' ') == name.npos &&
                       categories.find(" " + std::string(name) + " ") != categories.npos;
    return known ? category(name) : "";
  }
  /// A general category: PCRE2's, and what was assigned since its Unicode.
  [[nodiscard]] static std::string category(std::string_view name) {
    std::string list = "\\p{" + std::string(name) + "}";
    for (auto const& range : assigned_since) {
      if (!std::string_view(range.category).starts_with(name)) continue;
      append_point(list, range.first);
      if (range.last == range.first) continue;
      list += '-';
      append_point(list, range.last);
    }
    return list;
  }
  /// \w: letters, marks, decimal digits, connectors, and what else is alphabetic there.
  [[nodiscard]] static std::string word() {
    return category("L") + category("M") + category("Nd") + category("Nl") + category("Pc") +
           "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}"
           "\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}";
  }
  static void append_point(std::string& list, std::uint32_t code) {
    std::array<char, 16> text{};
    auto const length =
        std::snprintf(text.data(), text.size(), "\\x{%X}", static_cast<unsigned>(code));
    list.append(text.data(), static_cast<std::size_t>(length));
  }

  // PCRE2's \s has U+180E.
  static constexpr std::string_view spaces =
      "\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}"
      "\\x{205F}\\x{3000}";
  static constexpr std::string_view no_spaces =
      "\\x{0}-\\x{8}\\x{E}-\\x{1F}\\x{21}-\\x{84}\\x{86}-\\x{9F}\\x{A1}-\\x{167F}\\x{1681}-\\x{"
      "1FFF}"
      "\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}"
      "\\x{3001}-\\x{10FFFF}";

  std::string_view in_;
  std::string out_;
  std::size_t at_ = 0, atom_ = 0;    // atom_: where in out_ what a quantifier repeats begins
  std::vector<std::size_t> open_{};  // where in out_ each open group begins
};

}  // namespace moenda::hugging_face
