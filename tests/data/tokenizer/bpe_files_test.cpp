// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tokenizer/bpe_files.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "data/examples.hpp"
#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::data;
using Catch::Matchers::Contains;

namespace {

/// A folder with the files of a small vocabulary.
struct Files {
  Files() {
    train_and_save();
    encoder = io::test::load(folder / "encoder.json");
    merges = io::test::load(folder / "vocab.bpe");
  }
  void train_and_save() {
    Tokenizer(train_bpe({"abab abc 'ção' \"ção\" é é\n\n"}, {.vocab_size = 266}))
        .save(folder.path());
  }
  /// What load says to other bytes in one of the files.
  std::string refusal(std::string const& file, std::string_view bytes) {
    io::test::store(folder / file, bytes);
    auto const message =
        io::test::message_of<DataError>([&] { (void)Tokenizer::load(folder.path()); });
    io::test::store(folder / file, file == "vocab.bpe" ? merges : encoder);
    return message;
  }
  std::string replaced(std::string text, std::string_view from, std::string_view to) const {
    auto const at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
  }
  io::test::TemporaryFolder folder;
  std::string encoder, merges;
};

/// Loads two texts without files; true if they make a vocabulary, false if they are refused.
bool loads(std::string_view encoder, std::string_view merges) {
  try {
    BpeVocabulary vocabulary;
    vocabulary.tokens = parse_encoder(encoder, "encoder.json");
    parse_merges(merges, vocabulary);
    Bpe const bpe(std::move(vocabulary));
    auto const ids = bpe.encode("abc ção\xFF");
    std::string text;
    for (int const id : ids) text += bpe.token(id);
    REQUIRE(text == "abc ção\xFF");
    return true;
  } catch (DataError const&) {
    return false;
  }
}

}  // namespace

TEST_CASE("A saved vocabulary loads as it was", "[data][bpe_files]") {
  io::test::TemporaryFolder const folder;
  auto const& tokenizer = test::small_tokenizer();
  tokenizer.save(folder / "a/b");
  auto const loaded = Tokenizer::load(folder / "a/b");
  CHECK(loaded.fingerprint() == tokenizer.fingerprint());
  CHECK(loaded.end_of_text() == 399);
  CHECK(loaded.encode(test::sample_text()) == tokenizer.encode(test::sample_text()));
}

TEST_CASE("Garbage in encoder.json is refused with the place", "[data][bpe_files]") {
  Files files;
  auto const refusal = [&](std::string_view bytes) {
    auto message = files.refusal("encoder.json", bytes);
    CHECK_THAT(message, Contains("encoder.json"));
    return message;
  };
  CHECK_THAT(refusal(""), Contains("must be JSON"));
  CHECK_THAT(refusal("{"), Contains("must be JSON"));
  CHECK_THAT(refusal("\xFF\xFE"), Contains("must be JSON"));
  CHECK_THAT(refusal(files.encoder + "x"), Contains("must be JSON"));
  CHECK_THAT(refusal(files.encoder + "{}"), Contains("must be JSON"));
  CHECK_THAT(refusal("[]"), Contains("must be a JSON object"));
  CHECK_THAT(refusal("3"), Contains("must be a JSON object"));
  CHECK_THAT(refusal("null"), Contains("must be a JSON object"));
  CHECK_THAT(refusal("\"a\""), Contains("must be a JSON object"));
  CHECK_THAT(refusal(std::string(1000000, '[')), Contains("must be a JSON object"));
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "{\"a\":";
  CHECK_THAT(refusal(deep), Contains("token 'a'") && Contains("an object"));
  CHECK_THAT(refusal("{}"), Contains("256 bytes"));
  CHECK_THAT(refusal("{\"a\": \"0\"}"), Contains("token 'a'") && Contains("'0'"));
  CHECK_THAT(refusal("{\"a\": -1}"), Contains("token 'a'") && Contains("-1"));
  CHECK_THAT(refusal("{\"a\": 0.5}"), Contains("token 'a'") && Contains("0.5"));
  CHECK_THAT(refusal("{\"a\": 1e99}"), Contains("token 'a'"));
  CHECK_THAT(refusal("{\"a\": 18446744073709551615}"), Contains("has 18446744073709551615"));
  CHECK_THAT(refusal("{\"a\": null}"), Contains("null"));
  CHECK_THAT(refusal("{\"a\": true}"), Contains("truth value"));
  CHECK_THAT(refusal("{\"a\": [0]}"), Contains("an array"));
  CHECK_THAT(refusal("{\"\": 0}"), Contains("must not be empty"));
  CHECK_THAT(refusal("{\"a b\": 0}"), Contains("alphabet"));
  CHECK_THAT(refusal("{\"漢\": 0}"), Contains("alphabet"));
  CHECK_THAT(refusal("{\"\\u0144\": 0}"), Contains("alphabet"));
  CHECK_THAT(refusal("{\"a\": 0, \"b\": 0}"), Contains("id 0 is given twice"));
  CHECK_THAT(refusal("{\"a\": 0, \"a\": 1}"), Contains("tokens must differ"));
  CHECK_THAT(refusal("{\"a\": 1}"), Contains("without holes") && Contains("'a' has 1"));
  CHECK_THAT(refusal(files.replaced(files.encoder, "\"A\"", "\"aA\"")), Contains("byte 65"));
}

TEST_CASE("Garbage in vocab.bpe is refused with the line", "[data][bpe_files]") {
  Files files;
  auto const refusal = [&](std::string_view bytes) { return files.refusal("vocab.bpe", bytes); };
  std::string const head = "#version: 0.2\n";
  CHECK_THAT(refusal(""), Contains("has none; the file may be cut short"));
  CHECK_THAT(refusal(head), Contains("has none; the file may be cut short"));
  CHECK_THAT(refusal(head + "a b c\n"), Contains("vocab.bpe, line 2") && Contains("one blank"));
  CHECK_THAT(refusal(head + "ab\n"), Contains("line 2") && Contains("'ab'"));
  CHECK_THAT(refusal(head + "\na b\n"), Contains("line 2"));
  CHECK_THAT(refusal(head + "zz z\n"), Contains("line 2") && Contains("'zz' is none"));
  CHECK_THAT(refusal(head + "a \n"), Contains("line 2") && Contains("'' is none"));
  CHECK_THAT(refusal(head + "a x\n"), Contains("line 2") && Contains("'ax' is none"));
  CHECK_THAT(refusal(head + "a b\na b\n"), Contains("line 3") && Contains("already"));
  CHECK_THAT(refusal(head + "a \xFF\n"), Contains("line 2"));
  CHECK_THAT(refusal("a b\nq q\n"), Contains("line 2") && Contains("'qq' is none"));
  CHECK_THAT(refusal(files.merges + "a b\n"), Contains("already"));
  CHECK_THAT(refusal(std::string(100000, '\0')), Contains("line 1"));
  CHECK_THAT(refusal(std::string(100000, '\n')), Contains("line 1"));
}

TEST_CASE("Line ends of Windows and a missing last one are understood", "[data][bpe_files]") {
  Files const files;
  std::string windows;
  for (char const c : files.merges) windows += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(loads(files.encoder, windows));
  CHECK(loads(files.encoder, files.merges.substr(0, files.merges.size() - 1)));
  CHECK(loads(files.encoder, files.merges.substr(files.merges.find('\n') + 1)));
}

TEST_CASE("Missing files, folders and pipes are refused", "[data][bpe_files]") {
  io::test::TemporaryFolder const folder;
  CHECK_THAT(io::test::message_of<DataError>([&] { (void)Tokenizer::load(folder / "none"); }),
             Contains("none/encoder.json"));
  std::filesystem::create_directory(folder / "encoder.json");
  CHECK_THAT(io::test::message_of<DataError>([&] { (void)Tokenizer::load(folder.path()); }),
             Contains("encoder.json"));
  CHECK_THROWS_AS(load_bpe("/dev/zero", "/dev/zero"), DataError);
  io::test::store(folder / "file", "x");
  CHECK_THROWS_AS(test::small_tokenizer().save(folder / "file/below"), DataError);
}

TEST_CASE("A file cut anywhere is refused", "[data][bpe_files]") {
  Files const files;
  REQUIRE(loads(files.encoder, files.merges));
  for (std::size_t size = 0; size + 2 < files.encoder.size(); ++size) {
    REQUIRE_FALSE(loads(files.encoder.substr(0, size), files.merges));
  }
  for (std::size_t size = 0; size + 1 < files.merges.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(loads(files.encoder, files.merges.substr(0, size)));
  }
}

TEST_CASE("Any flipped bit gives a refusal or a vocabulary that still covers all bytes",
          "[data][bpe_files]") {
  Files const files;
  std::size_t accepted = 0, flips = 0;
  auto const flip = [&](std::string text, std::size_t bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    ++flips;
    return text;
  };
  for (std::size_t bit = 0; bit < 8 * files.encoder.size(); bit += 3) {
    accepted += loads(flip(files.encoder, bit), files.merges);
  }
  for (std::size_t bit = 0; bit < 8 * files.merges.size(); ++bit) {
    accepted += loads(files.encoder, flip(files.merges, bit));
  }
  CHECK(accepted < flips / 8);  // such as exchanged ids of two bytes, or another white space
}
