// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/text/token_cache.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "data/examples.hpp"
#include "data/written_cache.hpp"
#include "files/temporary_folder.hpp"
#include "moenda/data/text/encoded_corpus.hpp"

using namespace moenda;
using namespace moenda::data;
using Catch::Matchers::Contains;
using io::test::message_of;
using io::test::store;
using io::test::TemporaryFolder;
using test::write_token_cache;

namespace {

std::vector<int> all(TokenStream const& stream) {
  std::vector<int> tokens(static_cast<std::size_t>(stream.size()));
  stream.read(0, tokens);
  return tokens;
}

/// Three texts and a place for their cache.
struct Texts {
  Texts() {
    store(folder / "a.txt", "não navegados");
    store(folder / "b.txt", "");
    store(folder / "c.txt", "guerras esforçados");
  }
  TokenCache open(Tokenizer const& tokenizer = test::small_tokenizer()) {
    messages.clear();
    return open_corpus({.paths = {folder.path().string()}}, tokenizer, cache, pool,
                       [&](std::string const& text) { messages += text + "\n"; });
  }
  TemporaryFolder folder;
  std::filesystem::path cache = folder / "cache/texts.tokens";
  ThreadPool pool{2};
  std::string messages;
};

}  // namespace

TEST_CASE("What is written is read, in 16 or 32 bits", "[data][token_cache]") {
  TemporaryFolder const folder;
  for (int const vocab_size : {256, 65536, 65537, 200000}) {
    auto const path = folder / std::to_string(vocab_size);
    write_token_cache(path, {"tokenizer", "corpus", vocab_size},
                      {{"one", {0, 1, vocab_size - 1}}, {"empty", {}}, {"b/ü", {5}}});
    TokenCache const cache(path);
    CHECK(all(cache.tokens()) == std::vector<int>{0, 1, vocab_size - 1, 5});
    CHECK(cache.vocab_size() == vocab_size);
    CHECK(cache.tokenizer_fingerprint() == "tokenizer");
    CHECK(cache.corpus_fingerprint() == "corpus");
    REQUIRE(cache.documents().size() == 3);
    CHECK(cache.documents()[1].begin == 3);
    CHECK(cache.documents()[1].end == 3);
    CHECK(cache.documents()[2].name == "b/ü");
    CHECK(cache.documents()[2].end == 4);
    CHECK(std::filesystem::file_size(path) == 192 + 24 + 15 + (vocab_size > 65536 ? 16 : 8));
  }
  write_token_cache(folder / "none", {"t", "c", 256}, {});
  CHECK(TokenCache(folder / "none").tokens().size() == 0);
}

TEST_CASE("A cache cut at any length or with any bit flipped is refused", "[data][token_cache]") {
  TemporaryFolder const folder;
  write_token_cache(folder / "good", {"t", "c", 300}, {{"one", {1, 2, 299}}, {"two", {4}}});
  auto const good = io::test::load(folder / "good");
  auto const refused = [&](std::string_view bytes) {
    store(folder / "bad", bytes);
    return message_of<DataError>([&] { TokenCache cache(folder / "bad"); }) != "(nothing thrown)";
  };
  REQUIRE_FALSE(refused(good));
  for (std::size_t size = 0; size < good.size(); ++size) REQUIRE(refused(good.substr(0, size)));
  REQUIRE(refused(good + '\0'));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    REQUIRE(refused(bad));
  }
}

TEST_CASE("Correct checksums do not make lies believed", "[data][token_cache]") {
  TemporaryFolder const folder;
  write_token_cache(folder / "good", {"t", "c", 300}, {{"one", {1, 2, 299}}, {"two", {4}}});
  auto const good = io::test::load(folder / "good");
  auto const refusal = [&](auto change) {
    std::string bytes = good;
    TokenCacheHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    change(header, bytes);
    auto const body = std::string_view(bytes).substr(sizeof header);
    header.body_checksum =
        ContentHash().add(body.substr(0, 8)).add(body.substr(8, 16)).add(body.substr(24)).value();
    header.header_checksum = header.checksum();
    std::memcpy(bytes.data(), &header, sizeof header);
    store(folder / "bad", bytes);
    return message_of<DataError>([&] { TokenCache cache(folder / "bad"); });
  };
  using Header = TokenCacheHeader;
  CHECK(refusal([](Header&, std::string&) {}) == "(nothing thrown)");
  for (std::uint64_t const huge : {std::uint64_t{5}, std::uint64_t{1} << 61, UINT64_MAX}) {
    CHECK_THAT(refusal([&](Header& h, auto&) { h.tokens = huge; }), Contains("size must agree"));
    CHECK_THAT(refusal([&](Header& h, auto&) { h.documents = huge; }), Contains("size must agree"));
    CHECK_THAT(refusal([&](Header& h, auto&) { h.names_bytes = huge; }), Contains("size must"));
  }
  CHECK_THAT(refusal([](Header& h, auto&) { h.token_bytes = 0; }), Contains("size must agree"));
  CHECK_THAT(refusal([](Header& h, auto&) { h.version = 1; }), Contains("version must be 2, is 1"));
  CHECK_THAT(refusal([](Header& h, auto&) { h.vocab_size = 299; }), Contains("one is 299"));
  CHECK_THAT(refusal([](Header& h, auto&) { h.corpus[63] = 'x'; }), Contains("size must agree"));
  CHECK_THAT(refusal([](auto&, std::string& b) { b[200] = 9; }), Contains("document 0"));
  CHECK_THAT(refusal([](auto&, std::string& b) { b[208] = 2; }), Contains("document 1"));
  CHECK_THAT(refusal([](auto&, std::string& b) { b[208] = 3; }), Contains("last document"));
  CHECK_THAT(refusal([](auto&, std::string& b) { b.replace(216, 8, "xxxxxxxx"); }),
             Contains("document 0"));
}

TEST_CASE("A corpus is encoded once", "[data][encoded_corpus]") {
  Texts texts;
  auto const& tokenizer = test::small_tokenizer();
  int const separator = *tokenizer.end_of_text();
  auto expected = tokenizer.encode("não navegados");
  expected.insert(expected.end(), {separator, separator});
  for (int const id : tokenizer.encode("guerras esforçados")) expected.push_back(id);
  expected.push_back(separator);
  auto const first = texts.open();
  CHECK(all(first.tokens()) == expected);
  CHECK(first.documents().size() == 3);
  CHECK_THAT(texts.messages, Contains("encoding 3 files"));
  auto const again = texts.open();
  CHECK(texts.messages.empty());
  CHECK(all(again.tokens()) == expected);
}

TEST_CASE("A stale or damaged cache is made anew, with a message", "[data][encoded_corpus]") {
  Texts texts;
  (void)texts.open();
  SECTION("another tokenizer") {
    auto const bytes = texts.open(Tokenizer());
    CHECK_THAT(texts.messages, Contains("another tokenizer; encoding again"));
    CHECK(bytes.tokens().size() == 14 + 19);  // no separators
    CHECK(bytes.vocab_size() == 256);
  }
  SECTION("another text") {
    store(texts.folder / "d.txt", "novo");
    CHECK(texts.open().documents().size() == 4);
    CHECK_THAT(texts.messages, Contains("other texts; encoding again"));
  }
  SECTION("damaged") {
    auto bytes = io::test::load(texts.cache);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    store(texts.cache, bytes);
    CHECK(texts.open().documents().size() == 3);
    CHECK_THAT(texts.messages, Contains("checksum") && Contains("encoding again"));
  }
  SECTION("not a cache") {
    store(texts.cache, "garbage");
    CHECK(texts.open().documents().size() == 3);
    CHECK_THAT(texts.messages, Contains("encoding again"));
  }
  CHECK_FALSE(texts.messages.empty());
  (void)texts.open();  // what is there now is good, unless the tokenizer changed
}

TEST_CASE("An opened cache outlives its replacement", "[data][encoded_corpus]") {
  Texts texts;
  auto const old = all(texts.open().tokens());
  auto const kept = texts.open().tokens();
  store(texts.folder / "a.txt", "outro texto, outros tokens");
  CHECK(all(texts.open().tokens()) != old);
  CHECK(all(kept) == old);
}

TEST_CASE("A cache that another program shortens or changes while it is open is refused",
          "[data][token_cache]") {
  TemporaryFolder const folder;
  std::vector<int> const ids(100000, 7);  // several pages
  write_token_cache(folder / "tokens", {"t", "c", 300}, {{"one", ids}});
  TokenCache const cache(folder / "tokens");
  std::vector<int> read(10);
  SECTION("shortened") {
    std::filesystem::resize_file(folder / "tokens", 192 + 2 * 50);
    cache.tokens().read(40, read);
    CHECK(read == std::vector<int>(10, 7));
    CHECK_THAT(message_of<DataError>([&] { cache.tokens().read(90000, read); }),
               Contains("tokens: the token cache was shortened while it was in use"));
  }
  SECTION("changed") {
    std::fstream file(folder / "tokens", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(192 + 2 * 500 + 1).put(char(0xFF));
    file.close();
    CHECK_THAT(message_of<DataError>([&] { cache.tokens().read(495, read); }),
               Contains("token ids must be below 300, one is 65287"));
  }
}

TEST_CASE("A corpus has the same tokens when it is read in pieces", "[data][encoded_corpus]") {
  Texts texts;
  std::string book;  // longer than what is encoded at once
  while (book.size() < 2 * TextPieces::default_bytes) book += test::sample_text();
  store(texts.folder / "b.txt", book);
  for (auto const& tokenizer : {test::small_tokenizer(), Tokenizer()}) {
    auto const found = texts.open(tokenizer);
    auto expected = tokenizer.encode(book);
    if (auto const separator = tokenizer.end_of_text()) expected.push_back(*separator);
    auto const& document = found.documents()[1];
    std::vector<int> read(static_cast<std::size_t>(document.end - document.begin));
    found.tokens().read(document.begin, read);
    REQUIRE(read == expected);
  }
}
