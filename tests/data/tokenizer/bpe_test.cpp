// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tokenizer/bpe.hpp"

#include <algorithm>
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

BpeVocabulary bytes_only() {
  BpeVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  }
  return vocabulary;
}

std::string refusal(BpeVocabulary vocabulary) {
  return io::test::message_of<DataError>([&] { Bpe bpe(std::move(vocabulary)); });
}

/// Algorithm 1 of Sennrich et al. 2016 word for word: all occurrences of the best pair at once.
std::vector<std::string> reference_merge(Bpe const& bpe, std::string_view piece) {
  std::map<std::pair<std::string, std::string>, std::size_t> ranks;
  auto const& [tokens, merges, a, b, c] = bpe.vocabulary();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    ranks[{std::string(bpe.token(merges[i].first)), std::string(bpe.token(merges[i].second))}] = i;
  }
  std::vector<std::string> parts;
  for (char const byte : piece) parts.emplace_back(1, byte);
  while (true) {
    auto best = ranks.end();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      auto const found = ranks.find({parts[i], parts[i + 1]});
      if (found != ranks.end() && (best == ranks.end() || found->second < best->second)) {
        best = found;
      }
    }
    if (best == ranks.end()) return parts;
    std::vector<std::string> next;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      bool const here = i + 1 < parts.size() && parts[i] == best->first.first &&
                        parts[i + 1] == best->first.second;
      next.push_back(here ? parts[i] + parts[i + 1] : parts[i]);
      i += here ? 1 : 0;
    }
    parts = next;
  }
}

}  // namespace

TEST_CASE("Merges agree with the algorithm as published, for short and long pieces",
          "[data][bpe]") {
  Bpe const bpe =
      train_bpe({test::random_letters(20000, "aaabbc ", 1), "aaaaaaaa"}, {.vocab_size = 330});
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    // Lengths on both sides of the change from scanning to the queue.
    auto const piece = test::random_letters(1 + seed * seed / 8, seed % 2 ? "abc" : "aab", seed);
    std::vector<std::string> got;
    for (int const id : bpe.encode(piece)) got.emplace_back(bpe.token(id));
    REQUIRE(got == reference_merge(bpe, piece));
  }
}

TEST_CASE("decode(encode(x)) is x for any bytes", "[data][bpe]") {
  auto texts = test::difficult_texts();
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    texts.push_back(test::random_bytes(seed * 3, seed));
  }
  texts.push_back(test::sample_text());
  REQUIRE(texts.size() >= 200);
  for (auto const& text : texts) {
    auto const ids = test::small_tokenizer().encode(text);
    REQUIRE(test::small_tokenizer().decode(ids) == text);
    REQUIRE(Tokenizer().decode(Tokenizer().encode(text)) == text);
    REQUIRE(std::none_of(ids.begin(), ids.end(), [](int id) { return id == 399; }));
  }
}

TEST_CASE("Runs of a million characters take no quadratic time", "[data][bpe]") {
  auto const& tokenizer = test::small_tokenizer();
  for (auto const& text :
       {std::string(131072, 'a'), std::string(1000000, 'a'), std::string(1000000, '\n'),
        std::string(1000000, '\n') + "a", test::random_letters(131072, "navegdo", 5),
        std::string(1000000, '\x80')}) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
}

TEST_CASE("An encoder that remembers words gives the same tokens", "[data][bpe]") {
  Tokenizer::Encoder encoder(test::small_tokenizer());
  for (int pass = 0; pass < 3; ++pass) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      auto const text = test::random_letters(40, "navegdosç ", seed);
      std::vector<int> ids{7};
      encoder.append(text, ids);
      ids.erase(ids.begin());
      REQUIRE(ids == test::small_tokenizer().encode(text));
    }
  }
}

TEST_CASE("A bad vocabulary is refused with the place", "[data][bpe]") {
  auto vocabulary = bytes_only();
  CHECK(Bpe(vocabulary).vocab_size() == 256);
  CHECK_FALSE(Bpe(vocabulary).end_of_text());

  vocabulary.tokens[65] = "AA";
  CHECK_THAT(refusal(vocabulary), Contains("byte 65 is not"));
  vocabulary = bytes_only();
  vocabulary.tokens[7].clear();
  CHECK_THAT(refusal(vocabulary), Contains("must not be empty, id 7"));
  vocabulary = bytes_only();
  vocabulary.tokens[7] = "a";
  CHECK_THAT(refusal(vocabulary), Contains("ids 7 and 97 are both 'a'"));
  vocabulary = bytes_only();
  vocabulary.tokens.push_back("ab");
  CHECK_THAT(refusal(vocabulary), Contains("'ab' (id 256) has none"));
  vocabulary.merges = {{97, 98}};
  CHECK(Bpe(vocabulary).encode("abab") == std::vector<int>{256, 256});
  vocabulary.merges = {{97, 98}, {97, 98}};
  CHECK_THAT(refusal(vocabulary), Contains("line 1") && Contains("was there already"));
  vocabulary.merges = {{97, 99}};
  CHECK_THAT(refusal(vocabulary), Contains("'ac' is none"));
  for (int const id : {-1, 257, INT32_MAX, INT32_MIN}) {
    vocabulary.merges = {{97, id}};
    CHECK_THAT(refusal(vocabulary), Contains("must lie in 0..256") && Contains(std::to_string(id)));
  }
}

TEST_CASE("An id outside the vocabulary is refused by name", "[data][bpe]") {
  for (int const id : {-1, 400, 50257, INT32_MAX, INT32_MIN}) {
    CHECK_THAT(io::test::message_of<DataError>([&] {
                 (void)test::small_tokenizer().decode({65, id});
               }),
               Contains("0..399") && Contains("400") && Contains(std::to_string(id)));
    CHECK_THAT(io::test::message_of<DataError>([&] { (void)Tokenizer().decode({id}); }),
               Contains("0..255") && Contains(std::to_string(id)));
  }
}

TEST_CASE("The byte tokenizer is the bytes", "[data][tokenizer]") {
  Tokenizer const tokenizer;
  CHECK(tokenizer.vocab_size() == 256);
  CHECK(tokenizer.encode("A\xFF") == std::vector<int>{65, 255});
  CHECK_FALSE(tokenizer.end_of_text());
  CHECK(tokenizer.fingerprint() == "bytes-256");
  CHECK_THROWS_AS(tokenizer.save("unused"), ConfigError);
}

TEST_CASE("Fingerprints tell vocabularies apart", "[data][tokenizer]") {
  auto one = bytes_only();
  one.tokens.insert(one.tokens.end(), {"ab", "cd"});
  one.merges = {{97, 98}, {99, 100}};
  auto other = one;
  std::swap(other.merges[0], other.merges[1]);
  CHECK(Bpe(one).fingerprint() == Bpe(one).fingerprint());
  CHECK(Bpe(one).fingerprint() != Bpe(other).fingerprint());
  CHECK(Bpe(one).fingerprint() != Bpe(bytes_only()).fingerprint());
}
