// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tokenizer/bpe_trainer.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "data/examples.hpp"
#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::data;
using Catch::Matchers::Contains;

namespace {

/// Counts every pair anew before every merge.
std::vector<std::pair<std::string, std::string>> reference_merges(std::string_view text,
                                                                  int count) {
  std::vector<std::vector<std::string>> words;
  for (PieceScanner scanner(text); !scanner.done();) {
    words.emplace_back();
    for (char const byte : scanner.next()) words.back().emplace_back(1, byte);
  }
  std::vector<std::pair<std::string, std::string>> merges;
  while (static_cast<int>(merges.size()) < count) {
    std::map<std::pair<std::string, std::string>, int> pairs;
    for (auto const& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) ++pairs[{word[i], word[i + 1]}];
    }
    auto best = pairs.end();
    for (auto i = pairs.begin(); i != pairs.end(); ++i) {
      if (i->second >= 2 && (best == pairs.end() || i->second > best->second)) best = i;
    }
    if (best == pairs.end()) break;
    merges.push_back(best->first);
    for (auto& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != best->first.first || word[i + 1] != best->first.second) continue;
        word[i] += word[i + 1];
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return merges;
}

std::vector<std::pair<std::string, std::string>> merges_of(Bpe const& bpe) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (auto const& [left, right] : bpe.vocabulary().merges) {
    merges.emplace_back(bpe.token(left), bpe.token(right));
  }
  return merges;
}

}  // namespace

TEST_CASE("Learned merges agree with counting anew each time", "[data][bpe_trainer]") {
  std::vector<std::string> texts{test::sample_text(), "", "a", "aaaaaaa aaaa aaaaaaaaaa",
                                 test::random_bytes(3000, 1)};
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    texts.push_back(test::random_letters(600, seed % 3 == 0 ? "ab " : "aabcd \n1", seed));
  }
  for (auto const& text : texts) {
    REQUIRE(merges_of(train_bpe({text}, {.vocab_size = 256 + 60, .end_of_text = false})) ==
            reference_merges(text, 60));
  }
}

TEST_CASE("Equal counts: the smaller pair of byte strings goes first", "[data][bpe_trainer]") {
  auto const bpe = train_bpe({"zy zy ba ba"}, {.vocab_size = 260, .end_of_text = false});
  using Merges = std::vector<std::pair<std::string, std::string>>;
  CHECK(merges_of(bpe) == Merges{{" ", "b"}, {" b", "a"}, {"z", "y"}});
}

TEST_CASE("The vocabulary depends on the words, not on the order of texts", "[data][bpe_trainer]") {
  std::string const a = test::sample_text(), b = test::random_letters(5000, "abcde ", 3) + "\n";
  BpeTrainingConfig const config{.vocab_size = 500};
  CHECK(train_bpe({a, b}, config).fingerprint() == train_bpe({b, a}, config).fingerprint());
  CHECK(train_bpe({a, b}, config).fingerprint() != train_bpe({a, a}, config).fingerprint());
}

TEST_CASE("A larger vocabulary begins with the smaller one", "[data][bpe_trainer]") {
  auto const small = merges_of(train_bpe({test::sample_text()}, {.vocab_size = 300}));
  auto large = merges_of(train_bpe({test::sample_text()}, {.vocab_size = 350}));
  REQUIRE(large.size() == small.size() + 50);
  large.resize(small.size());
  CHECK(large == small);
}

TEST_CASE("Ids: bytes in GPT-2's order, merges, end of text", "[data][bpe_trainer]") {
  auto const bpe = train_bpe({test::sample_text()}, {.vocab_size = 300});
  CHECK(bpe.vocab_size() == 300);
  CHECK(bpe.token(0) == "!");
  CHECK(bpe.token(220) == " ");
  CHECK(bpe.token(299) == end_of_text_token);
  CHECK(bpe.end_of_text() == 299);
  // A text that runs out of pairs gives a smaller vocabulary.
  CHECK(train_bpe({"ab ab"}, {.vocab_size = 300}).vocab_size() == 258);
  CHECK(train_bpe({"ab ab"}, {.vocab_size = 300, .min_count = 3}).vocab_size() == 257);
  CHECK(train_bpe({}, {.vocab_size = 256, .end_of_text = false}).vocab_size() == 256);
}

TEST_CASE("Long runs are trained on in bounded time", "[data][bpe_trainer]") {
  auto const bpe = train_bpe({std::string(1000000, '\n'), std::string(131072, 'a'),
                              test::random_letters(131072, "abcdefgh", 1)},
                             {.vocab_size = 600});
  CHECK(bpe.vocab_size() == 600);
}

TEST_CASE("Impossible training configurations are refused", "[data][bpe_trainer]") {
  for (int const size : {-1, 0, 256, 1000001, INT32_MAX}) {
    CHECK_THAT(
        io::test::message_of<ConfigError>([&] { (void)train_bpe({"a"}, {.vocab_size = size}); }),
        Contains("257..1000000") && Contains(std::to_string(size)));
  }
  CHECK_THROWS_AS(train_bpe({"a"}, {.vocab_size = 300, .min_count = 0}), ConfigError);
}
