// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"

namespace moenda::data {

/// A long row of tokens made of segments, each in memory or in a mapped file, stored in 16 or 32
/// bits. Copies share the tokens and keep them alive.
class TokenStream {
 public:
  TokenStream() = default;
  /// A row in memory, of unsigned 16- or 32-bit tokens.
  template <class Token>
  explicit TokenStream(std::vector<Token> tokens) {
    auto const owner = std::make_shared<std::vector<Token> const>(std::move(tokens));
    append(std::span<Token const>(*owner), owner);
  }

  /// Appends tokens that live as long as `owner`.
  template <class Token>
  void append(std::span<Token const> tokens, std::shared_ptr<void const> owner) {
    static_assert(sizeof(Token) == 2 || sizeof(Token) == 4,
                  "TokenStream: tokens must have 16 or 32 bits");
    push({tokens.data(), sizeof(Token), 0, static_cast<std::int64_t>(tokens.size()),
          std::move(owner)});
  }
  void append(TokenStream const& other) {
    for (Segment const& segment : other.segments_) push(segment);
  }

  [[nodiscard]] std::int64_t size() const { return size_; }

  /// Copies tokens [begin, begin + out.size()). Throws ConfigError unless they exist.
  void read(std::int64_t begin, std::span<int> out) const {
    auto const count = static_cast<std::int64_t>(out.size());
    if (begin < 0 || count > size_ || begin > size_ - count)
      throw ConfigError("TokenStream: must read inside its " + std::to_string(size_) +
                        " tokens, got " + std::to_string(count) + " from " + std::to_string(begin) +
                        " on");
    if (count == 0) return;
    auto segment =
        std::upper_bound(segments_.begin(), segments_.end(), begin,
                         [](std::int64_t position, Segment const& s) { return position < s.end; });
    for (int* to = out.data(); to < out.data() + count; ++segment) {
      auto const here = std::min(segment->end - begin, out.data() + count - to);
      segment->copy(begin, here, to);
      begin += here;
      to += here;
    }
  }
  [[nodiscard]] int operator[](std::int64_t position) const {
    int token = 0;
    read(position, {&token, 1});
    return token;
  }

  /// The part [begin, end), without copying. Throws ConfigError unless 0 <= begin <= end <= size.
  [[nodiscard]] TokenStream slice(std::int64_t begin, std::int64_t end) const {
    if (begin < 0 || begin > end || end > size_)
      throw ConfigError("TokenStream: a slice of " + std::to_string(size_) +
                        " tokens must have 0 <= begin <= end <= size, got " +
                        std::to_string(begin) + ".." + std::to_string(end));
    TokenStream part;
    for (Segment const& s : segments_) {
      auto const from = std::max(begin, s.begin), to = std::min(end, s.end);
      if (from >= to) continue;
      part.push({s.address(from), s.token_bytes, from, to, s.owner});
    }
    return part;
  }

 private:
  struct Segment {
    void const* data;
    std::size_t token_bytes;
    std::int64_t begin, end;  // positions in the stream
    std::shared_ptr<void const> owner;

    [[nodiscard]] void const* address(std::int64_t position) const {
      return static_cast<char const*>(data) +
             static_cast<std::size_t>(position - begin) * token_bytes;
    }
    void copy(std::int64_t position, std::int64_t count, int* to) const {
      if (token_bytes == 2) {
        std::copy_n(static_cast<std::uint16_t const*>(address(position)), count, to);
      } else {
        auto const* from = static_cast<std::uint32_t const*>(address(position));
        std::transform(from, from + count, to, [](std::uint32_t t) { return static_cast<int>(t); });
      }
    }
  };

  /// Puts a segment at the end; one that goes on in memory where the last one stops joins it.
  void push(Segment segment) {
    auto const count = segment.end - segment.begin;
    if (count == 0) return;
    size_ += count;
    if (!segments_.empty() && segments_.back().address(segments_.back().end) == segment.data &&
        segments_.back().token_bytes == segment.token_bytes &&
        segments_.back().owner == segment.owner) {
      segments_.back().end = size_;
      return;
    }
    segment.begin = size_ - count;
    segment.end = size_;
    segments_.push_back(std::move(segment));
  }

  std::vector<Segment> segments_;
  std::int64_t size_ = 0;
};

}  // namespace moenda::data
