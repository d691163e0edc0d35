// SPDX-License-Identifier: Apache-2.0
#include "moenda/probe/measures.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "moenda/probe/token_class.hpp"

using namespace moenda;

namespace {

using Counts = std::vector<int>;
std::span<int const> view(Counts const& counts) { return counts; }

double information(Counts const& joint, Counts const& x, Counts const& y) {
  return probe::mutual_information(view(joint), view(x), view(y));
}

}  // namespace

TEST_CASE("entropy is that of the proportions", "[probe]") {
  // p = 1/4, 1/4, 1/2: 2 (1/4) ln 4 + (1/2) ln 2 = 1.5 ln 2
  CHECK(probe::entropy(view({1, 1, 2})) == Approx(1.5 * std::log(2.0)));
  CHECK(probe::entropy(view({100, 0, 100, 200})) == Approx(1.5 * std::log(2.0)));
  CHECK(probe::entropy(view({7})) == 0);
  CHECK(probe::entropy(view({0, 0})) == 0);
  std::vector<float> const shares{0.25f, 0.25f, 0.5f};
  CHECK(probe::entropy(std::span<float const>(shares)) == Approx(1.5 * std::log(2.0)));
}

TEST_CASE("evenness is 1 for equal counts and 0 for one taker", "[probe]") {
  CHECK(probe::evenness(view({5, 5, 5, 5})) == Approx(1));
  CHECK(probe::evenness(view({0, 9, 0})) == 0);
  CHECK(probe::evenness(view({1, 1, 2})) == Approx(0.9463946303571861));  // 1.5 ln 2 / ln 3
  CHECK(probe::evenness(view({1, 1, 2, 0})) == Approx(0.75));             // 1.5 ln 2 / (2 ln 2)
  CHECK(probe::evenness(view({3})) == 1);
}

TEST_CASE("max_violation is how far the busiest expert is above the mean", "[probe]") {
  CHECK(probe::max_violation(view({4, 4, 4})) == 0);
  CHECK(probe::max_violation(view({1, 1, 2})) == Approx(0.5));
  CHECK(probe::max_violation(view({0, 12, 0})) == Approx(2));
  CHECK(probe::max_violation(view({0, 0})) == 0);
}

TEST_CASE("mutual information is 0 for independent labels and 1 for equal ones", "[probe]") {
  CHECK(information({2, 0, 0, 2}, {2, 2}, {2, 2}) == Approx(1));
  CHECK(information({1, 1, 1, 1}, {2, 2}, {2, 2}) == Approx(0).margin(1e-12));
  // Labels 0 0 0 1 and 0 0 1 1: what scikit-learn's normalized_mutual_info_score says.
  CHECK(information({2, 1, 1}, {3, 1}, {2, 2}) == Approx(0.343711018));
  CHECK(information({4}, {4}, {4}) == 0);
  CHECK(information({}, {}, {}) == 0);
}

TEST_CASE("explained_share never falls when more is known", "[probe]") {
  auto const explained = [](Counts const& joint, Counts const& x, Counts const& y) {
    return probe::explained_share(view(joint), view(x), view(y));
  };
  CHECK(explained({2, 1, 1}, {3, 1}, {2, 2}) == Approx(0.2157615543388357 / std::log(2.0)));
  CHECK(explained({2, 2}, {2, 2}, {2, 2}) == Approx(1));
  CHECK(explained({1, 1, 1, 1}, {1, 1, 1, 1}, {2, 2}) == Approx(1));  // where NMI is 2 / 3
  CHECK(information({1, 1, 1, 1}, {1, 1, 1, 1}, {2, 2}) == Approx(2.0 / 3));
  CHECK(explained({2, 2}, {2, 2}, {4}) == 0);
}

TEST_CASE("changed_share counts rows, not cells", "[probe]") {
  std::vector<std::uint8_t> const before{1, 0, 0, 1, 1, 0}, after{0, 1, 0, 1, 1, 0};
  CHECK(probe::changed_share(before, after, 2) == Approx(1.0 / 3));
  CHECK(probe::changed_share(before, before, 2) == 0);
  CHECK(probe::changed_share(before, {}, 2) == 0);
}

TEST_CASE("a token's class is that of its first sign after the space", "[probe]") {
  using enum probe::TokenClass;
  CHECK(probe::token_class(" casa") == word_start);
  CHECK(probe::token_class("casa") == word_part);
  CHECK(probe::token_class("\xC3\xA9") == word_part);  // é
  CHECK(probe::token_class(" 18") == number);
  CHECK(probe::token_class("18") == number);
  CHECK(probe::token_class(",") == punctuation);
  CHECK(probe::token_class(" —") == punctuation);
  CHECK(probe::token_class(" ") == whitespace);
  CHECK(probe::token_class("\n\n") == whitespace);
  CHECK(probe::token_class("\xC3") == special);  // half of an é
  CHECK(probe::token_class("") == special);
}
