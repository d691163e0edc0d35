// SPDX-License-Identifier: Apache-2.0
#pragma once
// Needs PCRE2 (Debian: libpcre2-dev).
#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/import/hugging_face/tokenizer/peer_pattern.hpp"

namespace moenda::hugging_face {

/// A regular expression of tokenizer.json, compiled. Immutable, so threads may share it.
class RegularExpression {
  template <auto free>
  struct Free {
    template <class T>
    void operator()(T* object) const {
      free(object);
    }
  };
  using Code = std::unique_ptr<pcre2_code, Free<&pcre2_code_free>>;
  using Match = std::unique_ptr<pcre2_match_data, Free<&pcre2_match_data_free>>;
  using Limits = std::unique_ptr<pcre2_match_context, Free<&pcre2_match_context_free>>;
  using Stack = std::unique_ptr<pcre2_jit_stack, Free<&pcre2_jit_stack_free>>;
  using Rules = std::unique_ptr<pcre2_compile_context, Free<&pcre2_compile_context_free>>;

 public:
  /// Throws DataError for an expression that PCRE2 or PeerPattern do not read.
  explicit RegularExpression(std::string pattern) : pattern_(std::move(pattern)) {
    if (pattern_.size() > 20'000)
      throw DataError("a regular expression must have at most 20,000 bytes, got " +
                      std::to_string(pattern_.size()));
    auto const turned = PeerPattern::for_pcre2(pattern_);
    Rules const rules(pcre2_compile_context_create(nullptr));
    if (!rules) throw std::bad_alloc();
    pcre2_set_newline(rules.get(), PCRE2_NEWLINE_LF);
    int error = 0;
    std::size_t place = 0;
    constexpr auto options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    code_.reset(pcre2_compile(units(turned), turned.size(), options, &error, &place, rules.get()));
    if (!code_) throw DataError("the regular expression " + quoted() + ": " + message(error));
    (void)pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // without it, matching is slow
  }

  /// Looks for matches, in texts of `bytes` bytes together.
  class Search;

  [[nodiscard]] std::string const& pattern() const { return pattern_; }

 private:
  using Clock = std::chrono::steady_clock;

  static PCRE2_SPTR units(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.data() != nullptr ? text.data() : "");
  }
  [[nodiscard]] std::string quoted() const { return io::quote(pattern_); }
  static std::string message(int error) {
    std::array<PCRE2_UCHAR, 256> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return reinterpret_cast<char const*>(text.data());
  }

  std::string pattern_;
  Code code_;
};

class RegularExpression::Search {
 public:
  /// `expression` must outlive this.
  Search(RegularExpression const& expression, std::size_t bytes)
      : expression_(expression),
        bytes_(bytes),
        match_(pcre2_match_data_create(1, nullptr)),
        limits_(pcre2_match_context_create(nullptr)),
        seconds_(2 + bytes / 500'000) {
    if (!match_ || !limits_) throw std::bad_alloc();
    auto const steps = std::min<std::uint64_t>(1'000'000 + 10 * std::uint64_t{bytes},
                                               std::numeric_limits<std::uint32_t>::max());
    pcre2_set_match_limit(limits_.get(), static_cast<std::uint32_t>(steps));
    pcre2_set_heap_limit(limits_.get(), 1 << 20);  // KiB
  }

  /// Calls found(begin, end) for every match in `text`, which must be UTF-8, one after another.
  /// Empty matches right behind a match do not count. Throws DataError where the expression
  /// backtracks without end: a limit on steps from one place, and one on the time of this Search,
  /// 2 s and 2 s a MB.
  template <class F>
  void for_each_match(std::string_view text, F found) {
    std::size_t from = 0, last = std::string_view::npos;
    while (from <= text.size()) {
      auto const [begin, end] = next(text, from);
      if (begin == std::string_view::npos) return;
      if (begin == end && end == last) {  // one character on
        auto const length = io::utf8_sequence_length(text.substr(from, 4));
        from += std::max<std::size_t>(1, length);
        continue;
      }
      from = last = end;
      found(begin, end);
    }
  }

 private:
  static constexpr std::size_t places = 256;

  /// The first match that begins at or after `from`; npos where there is none.
  std::pair<std::size_t, std::size_t> next(std::string_view text, std::size_t from) {
    // A few places at a time, so that the clock is looked at between them.
    for (std::size_t begin = from; begin <= text.size();) {
      if (++runs_ % 64 == 0) look_at_clock();
      auto const last = std::min(text.size(), begin + places);
      pcre2_set_offset_limit(limits_.get(), last);
      int const result = run(text, begin);
      if (result > 0) {
        auto const* const ends = pcre2_get_ovector_pointer(match_.get());
        return {ends[0], std::max(ends[0], ends[1])};
      }
      if (result != PCRE2_ERROR_NOMATCH) fail(message(result));
      begin = last + 1;
      while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) {
        ++begin;
      }
    }
    return {std::string_view::npos, 0};
  }
  void look_at_clock() const {
    if (Clock::now() - start_ > std::chrono::seconds(seconds_))
      fail("it takes longer than " + std::to_string(seconds_) + " seconds");
  }
  int run(std::string_view text, std::size_t begin) {
    auto const match = [&] {
      return pcre2_match(expression_.code_.get(), units(text), text.size(), begin,
                         PCRE2_NO_UTF_CHECK, match_.get(), limits_.get());
    };
    int const result = match();
    if (result != PCRE2_ERROR_JIT_STACKLIMIT || stack_) return result;
    stack_.reset(pcre2_jit_stack_create(std::size_t{1} << 16, std::size_t{64} << 20, nullptr));
    if (!stack_) throw std::bad_alloc();
    pcre2_jit_stack_assign(limits_.get(), nullptr, stack_.get());
    return match();
  }
  [[noreturn]] void fail(std::string const& why) const {
    throw DataError("the regular expression " + expression_.quoted() + " gives up on a text of " +
                    std::to_string(bytes_) + " bytes: " + why + "; it may backtrack without end");
  }
  RegularExpression const& expression_;
  std::size_t bytes_, runs_ = 0;
  Match match_;
  Limits limits_;
  Stack stack_;
  std::size_t seconds_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace moenda::hugging_face
