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

/// Where tokens lie: in memory, or in a file that is read when it is asked.
class TokenSource {
 public:
  TokenSource() = default;
  TokenSource(TokenSource const&) = delete;
  TokenSource& operator=(TokenSource const&) = delete;
  virtual ~TokenSource() = default;
  /// Copies the tokens [begin, begin + out.size()), which the source has.
  virtual void read(std::int64_t begin, std::span<int> out) const = 0;
};

/// Unsigned 16- or 32-bit tokens in memory.
template <class Token>
class TokensInMemory : public TokenSource {
 public:
  static_assert(sizeof(Token) == 2 || sizeof(Token) == 4,
                "TokenStream: tokens must have 16 or 32 bits");
  explicit TokensInMemory(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  void read(std::int64_t begin, std::span<int> out) const override {
    std::transform(tokens_.begin() + begin,
                   tokens_.begin() + begin + static_cast<std::int64_t>(out.size()), out.begin(),
                   [](Token token) { return static_cast<int>(token); });
  }

 private:
  std::vector<Token> tokens_;
};

/// A long row of tokens made of segments, each a part of a source. Copies share the sources and
/// keep them alive.
class TokenStream {
 public:
  TokenStream() = default;
  /// A row in memory, of unsigned 16- or 32-bit tokens.
  template <class Token>
  explicit TokenStream(std::vector<Token> tokens) {
    auto const size = static_cast<std::int64_t>(tokens.size());
    append(std::make_shared<TokensInMemory<Token> const>(std::move(tokens)), size);
  }

  /// Appends the first `size` tokens of `source`.
  void append(std::shared_ptr<TokenSource const> source, std::int64_t size) {
    push({std::move(source), 0, 0, size});
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
    for (std::int64_t done = 0; done < count; ++segment) {
      auto const here = std::min(segment->end - begin, count - done);
      segment->source->read(segment->place_of(begin), out.subspan(static_cast<std::size_t>(done),
                                                                  static_cast<std::size_t>(here)));
      begin += here;
      done += here;
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
      part.push({s.source, s.place_of(from), from, to});
    }
    return part;
  }

 private:
  struct Segment {
    std::shared_ptr<TokenSource const> source;
    std::int64_t first;       // where the segment begins in the source
    std::int64_t begin, end;  // positions in the stream

    [[nodiscard]] std::int64_t place_of(std::int64_t position) const {
      return first + position - begin;
    }
  };

  /// Puts a segment at the end; one that goes on where the last one stops joins it.
  void push(Segment segment) {
    auto const count = segment.end - segment.begin;
    if (count == 0) return;
    size_ += count;
    if (!segments_.empty() && segments_.back().source == segment.source &&
        segments_.back().place_of(segments_.back().end) == segment.first) {
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
