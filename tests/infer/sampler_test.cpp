// SPDX-License-Identifier: Apache-2.0
#include "moenda/infer/sampler.hpp"

#include <catch2/catch.hpp>
#include <map>

namespace {

using namespace moenda;

int pick(Sampler::Config const& c, std::vector<float> const& logits, std::uint64_t position = 0) {
  return Sampler(c).pick(std::span<float const>(logits), position);
}
/// How often each id came in `draws` draws.
std::map<int, int> counts(Sampler::Config const& c, std::vector<float> const& logits,
                          int draws = 20000) {
  std::map<int, int> n;
  Sampler sampler(c);
  for (int i = 0; i < draws; ++i) {
    ++n[sampler.pick(std::span<float const>(logits), std::uint64_t(i))];
  }
  return n;
}
std::vector<float> logits_of(std::vector<double> const& probs) {
  std::vector<float> z;
  for (double const p : probs) z.push_back(float(std::log(p)));
  return z;
}

TEST_CASE("temperature 0 takes the largest, the lowest id of equals", "[sampler]") {
  CHECK(pick({.temperature = 0}, {1, 5, 2}) == 1);
  CHECK(pick({.temperature = 0}, {1, 5, 5}) == 1);
  CHECK(pick({.temperature = 0, .top_k = 1}, {-3}) == 0);
  CHECK(pick({.temperature = 0}, {-INFINITY, -7, -INFINITY}) == 1);
}

TEST_CASE("draws follow the probabilities", "[sampler]") {
  std::vector<double> const probs{0.1, 0.4, 0.2, 0.3};
  auto const n = counts({}, logits_of(probs));
  for (int id = 0; id < 4; ++id) {  // 5 standard deviations
    double const p = probs[std::size_t(id)];
    CHECK(std::abs(n.at(id) / 20000.0 - p) < 5 * std::sqrt(p * (1 - p) / 20000));
  }
  // Half the temperature squares the odds.
  auto const cold = counts({.temperature = 0.5}, logits_of({0.2, 0.8}));
  CHECK(cold.at(0) / 20000.0 == Approx(0.04 / 0.68).epsilon(0.1));
  auto const hot = counts({.temperature = 1e6}, logits_of({0.001, 0.999}));
  CHECK(hot.at(0) / 20000.0 == Approx(0.5).epsilon(0.05));
}

TEST_CASE("top_k keeps k, the lowest ids of equals", "[sampler]") {
  auto const n = counts({.top_k = 2}, logits_of({0.1, 0.4, 0.2, 0.3}));
  CHECK(n.size() == 2);
  CHECK(n.count(1) == 1);
  CHECK(n.count(3) == 1);
  auto const equal = counts({.top_k = 2}, {1, 1, 1, 1});
  CHECK(equal.size() == 2);
  CHECK(equal.count(0) == 1);
  CHECK(equal.count(1) == 1);
  CHECK(counts({.top_k = 99}, {1, 1, 1}).size() == 3);
}

TEST_CASE("top_p keeps the fewest that reach p", "[sampler]") {
  auto const z = logits_of({0.5, 0.25, 0.125, 0.125});
  CHECK(counts({.top_p = 0.49}, z).size() == 1);
  CHECK(counts({.top_p = 0.51}, z).size() == 2);
  CHECK(counts({.top_p = 0.76}, z).size() == 3);
  CHECK(counts({.top_p = 1}, z).size() == 4);
  CHECK(counts({.top_p = 1e-9}, z).size() == 1);
}

TEST_CASE("min_p drops what is far below the best", "[sampler]") {
  auto const z = logits_of({0.5, 0.3, 0.15, 0.05});
  CHECK(counts({.min_p = 0}, z).size() == 4);
  CHECK(counts({.min_p = 0.2}, z).size() == 3);
  CHECK(counts({.min_p = 0.5}, z).size() == 2);
  CHECK(counts({.min_p = 1}, z).size() == 1);
}

TEST_CASE("the same seed and position draw the same", "[sampler]") {
  auto const z = logits_of(std::vector<double>(50, 0.02));
  int changed_position = 0, changed_seed = 0;
  for (std::uint64_t p = 0; p < 100; ++p) {
    CHECK(pick({.seed = 3}, z, p) == pick({.seed = 3}, z, p));
    changed_position += pick({.seed = 3}, z, p) != pick({.seed = 3}, z, p + 1);
    changed_seed += pick({.seed = 3}, z, p) != pick({.seed = 4}, z, p);
  }
  CHECK(changed_position > 80);
  CHECK(changed_seed > 80);
}

TEST_CASE("impossible tokens never come and bad logits are refused", "[sampler]") {
  CHECK(counts({}, {-INFINITY, 0, -INFINITY, 0}).size() == 2);
  CHECK_THROWS_AS(pick({}, {0, NAN}), NumericError);
  CHECK_THROWS_AS(pick({.temperature = 0}, {NAN, 0}), NumericError);
  CHECK_THROWS_AS(pick({}, {0, INFINITY}), NumericError);
  CHECK_THROWS_AS(pick({}, {-INFINITY, -INFINITY}), NumericError);
  CHECK_THROWS_AS(pick({}, {}), NumericError);
  CHECK(pick({.temperature = 1e-300}, {1, 2, 3}) == 2);
  CHECK(pick({}, {-3e38f, 3e38f}) == 1);
}

TEST_CASE("wrong sampling is refused", "[sampler]") {
  Problems problems;
  Sampler::check({.temperature = -1, .top_k = -1, .top_p = 0, .min_p = 2}, problems);
  CHECK(problems.found().size() == 4);
  Problems nan;
  Sampler::check({.temperature = NAN, .top_p = NAN, .min_p = NAN}, nan);
  CHECK(nan.found().size() == 3);
}

}  // namespace
