// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/text/encode_documents.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "data/examples.hpp"

using namespace moenda;
using namespace moenda::data;

TEST_CASE("Documents have the same tokens for any number of threads", "[data][encode_documents]") {
  auto texts = test::difficult_texts();
  std::string book;  // several blocks long
  while (book.size() < 1200000) book += test::sample_text() + test::random_bytes(50, book.size());
  texts.push_back(book);
  texts.push_back(std::string(600000, ' ') + "x");
  std::vector<std::string_view> const views(texts.begin(), texts.end());
  for (auto const& tokenizer : {test::small_tokenizer(), Tokenizer()}) {
    std::vector<std::vector<int>> expected;
    for (auto const text : views) expected.push_back(tokenizer.encode(text));
    for (int const threads : {1, 2, 3, 8}) {
      ThreadPool pool(threads);
      REQUIRE(encode_documents(tokenizer, views, pool) == expected);
    }
  }
}

TEST_CASE("No documents, no tokens", "[data][encode_documents]") {
  ThreadPool pool(2);
  CHECK(encode_documents(Tokenizer(), {}, pool).empty());
  CHECK(encode_documents(Tokenizer(), {""}, pool) == std::vector<std::vector<int>>{{}});
}

TEST_CASE("Many short texts in one list are not copied again for each",
          "[data][encode_documents]") {
  for (auto const& tokenizer : {test::small_tokenizer(), Tokenizer()}) {
    Tokenizer::Encoder encoder(tokenizer);
    std::vector<int> ids;
    int moves = 0;
    for (int i = 0; i < 20000; ++i) {
      auto const capacity = ids.capacity();
      encoder.append("ab", ids);
      moves += ids.capacity() != capacity;
    }
    CHECK(moves < 30);
  }
}
