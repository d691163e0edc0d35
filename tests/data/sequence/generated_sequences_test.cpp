// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/sequence/generated_sequences.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace {

using namespace moenda;
using namespace moenda::data;

/// Calls f(tokens, label, type) for every sequence.
template <class F>
void for_each(LabelledSequences const& s, F f) {
  REQUIRE(std::int64_t(s.labels.size()) == s.count());
  REQUIRE(std::int64_t(s.types.size()) == s.count());
  for (std::int64_t i = 0; i < s.count(); ++i) {
    auto const at = std::size_t(i);
    std::vector<int> const tokens(s.tokens.begin() + s.offsets[at],
                                  s.tokens.begin() + s.offsets[at + 1]);
    f(tokens, s.labels[at], s.types[at]);
  }
}
long count_of(std::vector<int> const& tokens, int token) {
  return std::count(tokens.begin(), tokens.end(), token);
}
/// Place of the first or last marker of either kind.
int last_marker(std::vector<int> tokens) {
  std::reverse(tokens.begin(), tokens.end());
  return *std::find_if(tokens.begin(), tokens.end(), [](int t) { return t < first_filler; });
}

TEST_CASE("static sequences are answered by their bag of tokens", "[data]") {
  auto const s = generate_sequences({.count = 500, .static_share = 1});
  long positive = 0;
  for_each(s, [&](std::vector<int> const& tokens, int label, int type) {
    auto const a = count_of(tokens, marker_a), b = count_of(tokens, marker_b);
    REQUIRE(type == 0);
    REQUIRE(a + b == 5);
    REQUIRE(label == int(a > b));
    REQUIRE(tokens.size() >= 8);
    REQUIRE(tokens.size() <= 24);
    for (int const token : tokens) REQUIRE((token >= 1 && token < 24));
    positive += label;
  });
  CHECK(positive > 200);
  CHECK(positive < 300);
}

TEST_CASE("temporal sequences have equal bags and answers in their order", "[data]") {
  auto const rule = GENERATE(TemporalRule::last_marker, TemporalRule::order, TemporalRule::parity);
  auto const s = generate_sequences({.count = 500, .static_share = 0, .rule = rule});
  long positive = 0;
  for_each(s, [&](std::vector<int> const& tokens, int label, int type) {
    auto const a = count_of(tokens, marker_a), b = count_of(tokens, marker_b);
    REQUIRE(type == 1);
    positive += label;
    if (rule == TemporalRule::parity) {
      REQUIRE((b == 0 && a >= 1 && a <= 6));
      REQUIRE(label == a % 2);
      return;
    }
    REQUIRE(a == b);
    REQUIRE(a == (rule == TemporalRule::order ? 1 : 2));
    bool const a_is_last = last_marker(tokens) == marker_a;
    REQUIRE(label == int(rule == TemporalRule::order ? !a_is_last : a_is_last));
  });
  CHECK(positive > 200);
  CHECK(positive < 300);
}

TEST_CASE("kinds mix by their share and can be guessed from the fillers", "[data]") {
  GeneratedSequencesConfig config{.count = 1000, .static_share = 0.7};
  auto const s = generate_sequences(config);
  CHECK(std::count(s.types.begin(), s.types.end(), 0) == Approx(700).margin(60));
  double lower[2] = {}, fillers[2] = {};
  for_each(s, [&](std::vector<int> const& tokens, int, int type) {
    for (int const token : tokens) {
      fillers[type] += token >= first_filler;
      lower[type] += token >= first_filler && token < first_filler + 10;
    }
  });
  CHECK(lower[0] / fillers[0] == Approx(0.9).margin(0.02));
  CHECK(lower[1] / fillers[1] == Approx(0.1).margin(0.02));
  CHECK(generate_sequences(config).tokens == s.tokens);
  config.count = 10;  // a sequence does not depend on how many there are
  auto const few = generate_sequences(config);
  CHECK(std::equal(few.tokens.begin(), few.tokens.end(), s.tokens.begin()));
  config.seed = 2;
  CHECK(generate_sequences(config).tokens != few.tokens);
}

TEST_CASE("sequences that cannot be generated are refused with their keys", "[data]") {
  CHECK_THROWS_WITH(generate_sequences({.min_length = 5, .vocab_size = 4}),
                    "min_length: min_length must be at least 6, the most markers, and at most "
                    "max_length, got 5\nvocab_size: vocab_size must be at least 5: padding, two "
                    "markers and a filler for each kind, got 4");
  CHECK_THROWS_AS(generate_sequences({.count = 0}), ConfigError);
  CHECK_THROWS_AS(generate_sequences({.static_share = NAN}), ConfigError);
  CHECK_THROWS_AS(generate_sequences({.hint = 1.5}), ConfigError);
  CHECK_THROWS_AS(generate_sequences({.min_length = 9, .max_length = 8}), ConfigError);
}

}  // namespace
