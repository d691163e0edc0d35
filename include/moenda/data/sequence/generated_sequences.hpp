// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/core/random.hpp"
#include "moenda/data/sequence/labelled_sequences.hpp"
#include "moenda/module/rules.hpp"

namespace moenda::data {

/// What decides the label of a temporal sequence.
enum class TemporalRule {
  last_marker,  ///< two A and two B: which comes last
  order,        ///< one A and one B: which comes first
  parity        ///< 1 to 6 A, no B: whether they are odd in number
};
constexpr auto enum_names(TemporalRule) { return std::array{"last_marker", "order", "parity"}; }

/// Sequences of two kinds whose answers are known. Both are fillers with some markers A and B at
/// random places, and two classes.
///   static:   five markers; the label is which of A and B is more frequent. The bag of tokens
///             knows it.
///   temporal: the label is by `rule`. With last_marker and order all bags are alike, so that
///             whatever ignores the order is right half of the time.
/// The kind is in `types` (0 static, 1 temporal) and can be guessed from the fillers: each kind
/// takes a filler from its own half of them with probability `hint`.
struct GeneratedSequencesConfig {
  std::int64_t count = 1000;
  double static_share = 0.5;  ///< 1: only static, 0: only temporal sequences
  TemporalRule rule = TemporalRule::last_marker;
  int min_length = 8, max_length = 24, vocab_size = 24;
  double hint = 0.9;
  std::uint64_t seed = 1;
  MOENDA_FIELDS(GeneratedSequencesConfig, count, static_share, rule, min_length, max_length,
                vocab_size, hint, seed);
};

/// Token 0 is padding alone.
inline constexpr int marker_a = 1, marker_b = 2, first_filler = 3;

inline void check(GeneratedSequencesConfig const& c, Problems& problems) {
  problems.expect(c.count >= 1 && c.count <= 10'000'000, "count", "in 1..10000000", c.count);
  problems.expect(c.static_share >= 0 && c.static_share <= 1, "static_share", "in 0..1",
                  c.static_share);
  problems.expect(c.min_length >= 6 && c.min_length <= c.max_length, "min_length",
                  "at least 6, the most markers, and at most max_length", c.min_length);
  problems.expect(c.max_length <= 65536, "max_length", "at most 65536", c.max_length);
  problems.expect(c.vocab_size >= first_filler + 2, "vocab_size",
                  "at least 5: padding, two markers and a filler for each kind", c.vocab_size);
  problems.expect(c.hint >= 0 && c.hint <= 1, "hint", "in 0..1", c.hint);
}

namespace detail {

/// Draws one sequence; every draw is a function of the seed, the sequence and the draw's number.
class SequenceDraw {
 public:
  SequenceDraw(GeneratedSequencesConfig const& config, std::int64_t item)
      : config_(config),
        random_(config.seed, stream_of("generated sequences") ^
                                 Random(config.seed, std::uint64_t(item)).bits(0)) {}

  /// Appends the tokens to `tokens`; returns {label, type}.
  std::pair<int, int> append_to(std::vector<int>& tokens) {
    bool const temporal = !chance(config_.static_share);
    int const label = below(2);
    auto const markers = temporal ? temporal_markers(label) : static_markers(label);
    int const length = config_.min_length + below(config_.max_length - config_.min_length + 1);
    // Selection sampling (Knuth, algorithm S): the places of the markers, in order.
    std::size_t placed = 0;
    for (int t = 0; t < length; ++t) {
      bool const here = below(length - t) < int(markers.size() - placed);
      tokens.push_back(here ? markers[placed++] : filler(temporal));
    }
    return {label, int(temporal)};
  }

 private:
  std::vector<int> static_markers(int label) {
    int const more = 3 + below(3);
    std::vector<int> markers(5, label == 1 ? marker_b : marker_a);
    std::fill_n(markers.begin(), more, label == 1 ? marker_a : marker_b);
    shuffle(markers, markers.size());
    return markers;
  }
  std::vector<int> temporal_markers(int label) {
    int const first = label == 1 ? marker_a : marker_b, second = label == 1 ? marker_b : marker_a;
    if (config_.rule == TemporalRule::order) return {first, second};
    if (config_.rule == TemporalRule::parity) {
      return std::vector<int>(std::size_t(2 * (1 + below(3)) - label), marker_a);
    }
    std::vector<int> markers{first, second, second, first};
    shuffle(markers, 3);
    return markers;
  }
  int filler(bool temporal) {
    int const fillers = config_.vocab_size - first_filler, half = fillers / 2;
    bool const upper = chance(config_.hint) == temporal;
    return first_filler + (upper ? half + below(fillers - half) : below(half));
  }
  /// The first `count` of them in random order.
  void shuffle(std::vector<int>& markers, std::size_t count) {
    for (std::size_t i = count; i > 1; --i) {
      std::swap(markers[i - 1], markers[std::size_t(below(int(i)))]);
    }
  }
  int below(int limit) { return int(random_.uniform(next_++) * limit); }
  bool chance(double probability) { return random_.uniform(next_++) < probability; }

  GeneratedSequencesConfig const& config_;
  Random random_;
  std::uint64_t next_ = 0;
};

}  // namespace detail

/// The same config gives the same sequences on every machine. Throws ConfigError with every problem
/// of it.
[[nodiscard]] inline LabelledSequences generate_sequences(GeneratedSequencesConfig const& config) {
  Problems problems;
  check(config, problems);
  if (!problems.empty()) throw ConfigError(problems.str());
  LabelledSequences sequences;
  sequences.class_names = {"b", "a"};
  for (std::int64_t i = 0; i < config.count; ++i) {
    auto const [label, type] = detail::SequenceDraw(config, i).append_to(sequences.tokens);
    sequences.labels.push_back(label);
    sequences.types.push_back(type);
    sequences.end_sequence();
  }
  return sequences;
}

}  // namespace moenda::data
