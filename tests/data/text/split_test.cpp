// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/text/split.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "data/written_cache.hpp"
#include "files/temporary_folder.hpp"
#include "moenda/core/random.hpp"

using namespace moenda;
using namespace moenda::data;
using Catch::Matchers::Contains;
using io::test::message_of;

namespace {

/// Documents whose tokens are all different across documents, of random sizes.
struct Encoded {
  explicit Encoded(int documents, int largest = 400) {
    Random const random(7);
    std::vector<std::pair<std::string, std::vector<int>>> all;
    int next = 0;
    for (int i = 0; i < documents; ++i) {
      auto const size = random.bits(static_cast<std::uint64_t>(i)) % static_cast<unsigned>(largest);
      std::vector<int> ids(size + 1);
      for (int& id : ids) id = next++;
      all.emplace_back("doc" + std::to_string(i), ids);
    }
    test::write_token_cache(folder / "tokens", {"t", "c", 1000000}, all);
  }
  [[nodiscard]] TokenCache open() const { return TokenCache(folder / "tokens"); }
  io::test::TemporaryFolder folder;
};

std::vector<int> all(TokenStream const& stream) {
  std::vector<int> tokens(static_cast<std::size_t>(stream.size()));
  stream.read(0, tokens);
  return tokens;
}

void check_partition(Splits const& splits, std::int64_t size) {
  std::vector<int> joined;
  for (auto const* stream : {&splits.train, &splits.valid, &splits.test}) {
    auto const tokens = all(*stream);
    CHECK(std::is_sorted(tokens.begin(), tokens.end()));  // corpus order is kept
    joined.insert(joined.end(), tokens.begin(), tokens.end());
  }
  std::sort(joined.begin(), joined.end());
  REQUIRE(static_cast<std::int64_t>(joined.size()) == size);
  for (std::size_t i = 0; i < joined.size(); ++i) REQUIRE(joined[i] == static_cast<int>(i));
}

}  // namespace

TEST_CASE("Splits share no token and lose none", "[data][split]") {
  for (int const documents : {3, 4, 10, 57}) {
    auto const cache = Encoded(documents).open();
    for (auto const split : {SplitBy::document, SplitBy::position}) {
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        check_partition(split_corpus(cache, {.split = split, .seed = seed}), cache.tokens().size());
      }
    }
  }
}

TEST_CASE("Whole documents go to one split, near the wanted shares", "[data][split]") {
  auto const cache = Encoded(100).open();
  auto const total = static_cast<double>(cache.tokens().size());
  std::set<std::vector<std::string>> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto const splits = split_corpus(cache, {.seed = seed});
    CHECK(splits.train_documents.size() + splits.valid_documents.size() +
              splits.test_documents.size() ==
          100);
    CHECK(std::abs(static_cast<double>(splits.train.size()) / total - 0.8) < 0.01);
    CHECK(std::abs(static_cast<double>(splits.valid.size()) / total - 0.1) < 0.01);
    CHECK(std::abs(static_cast<double>(splits.test.size()) / total - 0.1) < 0.01);
    different.insert(splits.valid_documents);
    CHECK(split_corpus(cache, {.seed = seed}).test_documents == splits.test_documents);
  }
  CHECK(different.size() == 20);
}

TEST_CASE("By position: the first, the next and the last part", "[data][split]") {
  auto const cache = Encoded(30).open();
  auto const size = cache.tokens().size();
  auto const splits = split_corpus(cache, {.split = SplitBy::position});
  CHECK(splits.train[0] == 0);
  CHECK(std::abs(splits.train.size() - size * 8 / 10) <= 1);
  CHECK(splits.valid[0] == splits.train.size());
  CHECK(splits.test[0] == splits.train.size() + splits.valid.size());
  CHECK(splits.train_documents.empty());
}

TEST_CASE("Every split that is wanted gets a document; a fraction of 0 gets none",
          "[data][split]") {
  for (int const documents : {3, 4, 5, 8}) {
    auto const cache = Encoded(documents).open();
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      auto const splits = split_corpus(cache, {.seed = seed});
      REQUIRE_FALSE(splits.train_documents.empty());
      REQUIRE_FALSE(splits.valid_documents.empty());
      REQUIRE_FALSE(splits.test_documents.empty());
      auto const two = split_corpus(
          cache, {.train_fraction = 0.5, .valid_fraction = 0.5, .test_fraction = 0, .seed = seed});
      REQUIRE(two.test.size() == 0);
      REQUIRE_FALSE(two.valid_documents.empty());
    }
  }
  auto const one = Encoded(2).open();
  CHECK_THAT(message_of<DataError>([&] { (void)split_corpus(one, {}); }),
             Contains("got 2") && Contains("position"));
  CHECK(split_corpus(one, {.split = SplitBy::position}).train.size() > 0);
  CHECK(split_corpus(one, {.train_fraction = 1, .valid_fraction = 0, .test_fraction = 0})
            .train.size() == one.tokens().size());
}

TEST_CASE("Fractions that do not sum to 1 are refused", "[data][split]") {
  auto const cache = Encoded(5).open();
  for (double const train : {0.5, -0.8, 1.5, 0.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(
        message_of<ConfigError>([&] { (void)split_corpus(cache, {.train_fraction = train}); }),
        Contains("sum to 1"));
  }
}
