// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/text/corpus.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::data;
using Catch::Matchers::Contains;
using io::test::message_of;
using io::test::store;
using io::test::TemporaryFolder;

namespace {

std::vector<std::string> names(std::vector<SourceFile> const& sources) {
  std::vector<std::string> result;
  for (auto const& source : sources) result.push_back(source.name);
  return result;
}
CorpusConfig at(std::filesystem::path const& path) { return {.paths = {path.string()}}; }
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("A folder gives its texts, to any depth, sorted", "[data][corpus]") {
  TemporaryFolder const folder;
  std::filesystem::create_directories(folder / "b/deep");
  for (auto const* name : {"c.txt", "b/deep/é.txt", "a.txt", "b/z.txt"}) store(folder / name, name);
  for (auto const* name : {"SOURCE.txt", "README.txt", "a.tsv", "txt", "b/SOURCE.txt"}) {
    store(folder / name, "not a text");
  }
  std::filesystem::create_directory(folder / "folder.txt");
  std::filesystem::create_symlink(folder / "missing", folder / "dangling.txt");
  auto const sources = list_corpus(at(folder.path()));
  CHECK(names(sources) == Names{"a.txt", "b/deep/é.txt", "b/z.txt", "c.txt"});
  auto const documents = read_corpus(sources);
  REQUIRE(documents.size() == 4);
  CHECK(documents[1].text == "b/deep/é.txt");
  CHECK(names(list_corpus(at(folder / "README.txt"))) == Names{"README.txt"});
  CHECK(list_corpus({.paths = {(folder / "b").string(), (folder / "c.txt").string()}}).size() == 3);
}

TEST_CASE("A corpus that is not there is refused with advice", "[data][corpus]") {
  TemporaryFolder const folder;
  auto const refusal = [](CorpusConfig const& config) {
    return message_of<DataError>([&] { (void)list_corpus(config); });
  };
  auto const advises = [](std::string const& message, std::string const& what) {
    CHECK_THAT(message, Contains("MOENDA_DATA") && Contains("tools/get_data") && Contains(what));
  };
  advises(refusal(at(folder.path())), folder.path().string() + ": must hold");
  advises(refusal(at(folder / "none")), "does not exist");
  advises(refusal(at("/dev/null")), "/dev/null: must be a folder");
  CHECK_THROWS_AS(list_corpus({}), ConfigError);
  store(folder / "a.txt", "a");
  CHECK_THROWS_AS(list_corpus({.paths = {(folder / "a.txt").string()}, .max_bytes = -1}),
                  ConfigError);
}

TEST_CASE("A text that is not UTF-8 is refused with name and offset", "[data][corpus]") {
  TemporaryFolder const folder;
  struct Case {
    std::string_view bytes;
    int offset;
  };
  for (auto const& [bytes, offset] :
       {Case{"abc\xFF", 3}, Case{"\xC0\x80", 0}, Case{"a\xED\xA0\x80", 1}, Case{"é\xE2\x82", 2},
        Case{"\xEF\xBB\xBFx\x80", 4},
        Case{"\xFF\xFE"
             "a",
             0},
        Case{"ol\xE1", 2}}) {
    store(folder / "bad.txt", bytes);
    CHECK_THAT(message_of<DataError>([&] { (void)read_corpus(list_corpus(at(folder.path()))); }),
               Contains("bad.txt") && Contains("byte " + std::to_string(offset) + " "));
  }
}

TEST_CASE("Byte order mark, NUL and empty files", "[data][corpus]") {
  using namespace std::string_literals;
  TemporaryFolder const folder;
  store(folder / "a.txt", "\xEF\xBB\xBFtexto");
  store(folder / "b.txt", "x\0y"s);
  store(folder / "c.txt", "");
  store(folder / "d.txt", "\xEF\xBB\xBF");
  store(folder / "e.txt", "a\xEF\xBB\xBF");  // inside, it is a character
  auto const documents = read_corpus(list_corpus(at(folder.path())));
  REQUIRE(documents.size() == 5);
  CHECK(documents[0].text == "texto");
  CHECK(documents[1].text == "x\0y"s);
  CHECK(documents[2].text.empty());
  CHECK(documents[3].text.empty());
  CHECK(documents[4].text == "a\xEF\xBB\xBF");
}

TEST_CASE("max_bytes ends the corpus between characters", "[data][corpus]") {
  TemporaryFolder const folder;
  store(folder / "a.txt", "abc");
  store(folder / "b.txt", "ééé");
  store(folder / "c.txt", "xyz");
  auto const read = [&](std::int64_t max_bytes) {
    std::string text;
    for (auto const& document : read_corpus(list_corpus(at(folder.path())), max_bytes)) {
      text += document.text + "|";
    }
    return text;
  };
  CHECK(read(0) == "abc|ééé|xyz|");
  CHECK(read(2) == "ab|");
  CHECK(read(3) == "abc|");
  CHECK(read(4) == "abc||");
  CHECK(read(6) == "abc|é|");
  CHECK(read(7) == "abc|éé|");
  CHECK(read(10) == "abc|ééé|x|");
  CHECK(read(1000) == "abc|ééé|xyz|");
}

TEST_CASE("The fingerprint of a corpus changes with any file", "[data][corpus]") {
  TemporaryFolder const folder;
  store(folder / "a.txt", "a");
  store(folder / "b.txt", "b");
  auto const fingerprint = [&](std::int64_t limit = 0) {
    return corpus_fingerprint(list_corpus(at(folder.path())), limit);
  };
  auto const first = fingerprint();
  CHECK(fingerprint() == first);
  CHECK(fingerprint(5) != first);
  store(folder / "b.txt", "bb");
  CHECK(fingerprint() != first);
  store(folder / "b.txt", "b");
  std::filesystem::last_write_time(folder / "b.txt",
                                   std::filesystem::file_time_type(std::chrono::hours(1)));
  CHECK(fingerprint() != first);
  auto const second = fingerprint();
  std::filesystem::rename(folder / "b.txt", folder / "c.txt");
  CHECK(fingerprint() != second);
}

TEST_CASE("The pieces of a text are the text, cut where tokenizers cut", "[data][corpus]") {
  TemporaryFolder const folder;
  std::string mixed;
  for (int i = 0; i < 50; ++i)
    mixed += "um dois, três\ncoração — 一二三四五六七八九十" + std::to_string(i);
  std::string const no_place = [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "ção";
    return text;
  }();
  for (auto const& text :
       {mixed, no_place, std::string(100, ' '), std::string("a b"), std::string()}) {
    store(folder / "text", text);
    for (unsigned const piece_bytes : {16U, 17U, 31U, 64U, 100000U}) {
      std::string all, last;
      TextPieces pieces(folder / "text", UINT64_MAX, piece_bytes);
      for (std::string piece; pieces.next(piece);) {
        REQUIRE_FALSE(piece.empty());
        if (!all.empty()) CHECK(next_cut(std::string{all.back(), piece.front()}, 1) == 1);
        all += piece;
      }
      CHECK(all == text);
    }
  }
}

TEST_CASE("A byte that is not UTF-8 is found in any piece, at its place", "[data][corpus]") {
  TemporaryFolder const folder;
  for (int const at : {0, 15, 16, 17, 90, 199}) {
    std::string text(200, 'a');
    text[static_cast<std::size_t>(at)] = '\xC3';
    store(folder / "text", text);
    CHECK_THAT(message_of<DataError>([&] {
                 TextPieces pieces(folder / "text", UINT64_MAX, 16);
                 for (std::string piece; pieces.next(piece);) {
                 }
               }),
               Contains("byte " + std::to_string(at) + " "));
  }
}
