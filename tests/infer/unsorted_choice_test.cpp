// SPDX-License-Identifier: Apache-2.0
// Draws from many logits, which are not sorted, are those from the sorted list, for every rule.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "moenda/infer/sampler.hpp"

namespace {

using namespace moenda;

/// The definition: sort, cut, sum in that order, and walk to the drawn number.
template <class Scalar>
int by_sorting(Sampler::Config const& c, std::vector<Scalar> const& logits, std::uint64_t at) {
  std::vector<int> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(),
                   [&](int a, int b) { return logits[std::size_t(a)] > logits[std::size_t(b)]; });
  if (c.top_k > 0) ids.resize(std::min(ids.size(), std::size_t(c.top_k)));
  std::vector<double> probs;
  double const best = double(logits[std::size_t(ids[0])]);
  if (c.temperature == 0) return ids[0];
  for (int const id : ids) {
    probs.push_back(std::exp((double(logits[std::size_t(id)]) - best) / c.temperature));
  }
  double const goal = c.top_p * std::accumulate(probs.begin(), probs.end(), 0.0);
  std::size_t kept = 0;
  for (double sum = 0; kept < probs.size() && sum < goal && probs[kept] >= c.min_p * probs[0];) {
    sum += probs[kept++];
  }
  probs.resize(std::max<std::size_t>(kept, 1));
  double left = Random(c.seed, stream_of("sampler")).uniform(at) *
                std::accumulate(probs.begin(), probs.end(), 0.0);
  for (std::size_t i = 0; i < probs.size(); ++i) {
    left -= probs[i];
    if (left < 0) return ids[i];
  }
  return ids[probs.size() - 1];
}

/// Logits of a kind: what a model says, the same with many ties, and what is degenerate.
template <class Scalar>
std::vector<Scalar> logits_of(std::string const& kind, std::size_t count) {
  std::vector<Scalar> z(count);
  Random const random(11);
  for (std::size_t i = 0; i < count; ++i) z[i] = Scalar(3 * random.normal(i));
  for (auto& logit : z) {
    if (kind == "tied") logit = std::round(logit);
    if (kind == "equal") logit = Scalar(-2);
    if (kind == "two") logit = logit > 4 ? Scalar(1) : Scalar(0);
    if (kind == "masked" && logit > 0) logit = -std::numeric_limits<Scalar>::infinity();
    if (kind == "nearly equal") logit *= Scalar(1e-7);
  }
  if (kind == "one far above") z[count / 3] = Scalar(200);
  return z;
}

template <class Scalar>
void check_draws(std::string const& kind, std::size_t count, int draws) {
  auto const z = logits_of<Scalar>(kind, count);
  for (double const temperature : {1.0, 1e-3, 1e-300, 0.7, 1e6, 1e300}) {
    for (double const top_p : {1.0, 1e-12, 0.25, 0.9, 0.999999, 1 - 1e-16}) {
      for (double const min_p : {0.0, 0.02, 1.0}) {
        for (int const top_k : {0, 1, 40, int(count) - 1, int(count)}) {
          if (top_k > 0 && min_p > 0.5) continue;  // told apart by the others
          Sampler::Config const c{temperature, top_k, top_p, min_p, 5};
          Sampler sampler(c);
          for (int at = 0; at < draws; ++at) {
            CAPTURE(kind, count, temperature, top_p, min_p, top_k, at);
            auto const position = std::uint64_t(at);
            int const expected = by_sorting(c, z, position);
            if (sampler.pick(std::span<Scalar const>(z), position) == expected) continue;
            FAIL("drew " << sampler.pick(std::span<Scalar const>(z), position) << ", not "
                         << expected);
          }
        }
      }
    }
  }
}

TEST_CASE("draws from many logits are those of the sorted list", "[sampler]") {
  for (std::string const kind :
       {"any", "tied", "equal", "two", "masked", "nearly equal", "one far above"}) {
    check_draws<float>(kind, 2600, 1);
  }
  check_draws<double>("any", 2600, 1);
  check_draws<double>("tied", 2600, 1);
}

TEST_CASE("draws from a vocabulary of 256,000 are those of the sorted list", "[sampler]") {
  auto const z = logits_of<float>("any", 256000);
  for (auto const& c : {Sampler::Config{}, Sampler::Config{.top_p = 0.9},
                        Sampler::Config{.temperature = 2, .min_p = 0.01},
                        Sampler::Config{.top_k = 50, .top_p = 0.95}}) {
    CAPTURE(c.top_p, c.min_p, c.top_k);
    CHECK(Sampler(c).pick(std::span<float const>(z), 9) == by_sorting(c, z, 9));
  }
}

TEST_CASE("what hangs on roundings has no answer, all else has one", "[sampler]") {
  auto const pick = [](std::string const& kind, double top_p, double uniform) {
    auto const z = logits_of<float>(kind, 4096);
    return UnsortedChoice<float>(z, {.top_p = top_p}).pick(uniform);
  };
  int answers = 0;
  for (int i = 0; i < 100; ++i) answers += pick("any", 0.9, (i + 0.5) / 100).has_value();
  CHECK(answers == 100);
  CHECK(pick("equal", 1, 0.1) == 409);               // 409.6 of 4096
  CHECK_FALSE(pick("equal", 1, 0.25).has_value());   // between 1023 and 1024
  CHECK_FALSE(pick("equal", 0.5, 0.1).has_value());  // the last kept one is 2047 or 2048
  CHECK_FALSE(pick("any", 1, 1 - 1e-16).has_value());
  CHECK(pick("any", 1, 0) == pick("any", 1e-12, 0.99));  // the best
}

}  // namespace
