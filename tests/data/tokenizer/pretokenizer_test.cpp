// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tokenizer/pretokenizer.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "data/examples.hpp"

using namespace moenda::data;

namespace {

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> result;
  for (PieceScanner scanner(text); !scanner.done();) result.emplace_back(scanner.next());
  return result;
}
using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("Pieces are words with the blank before them", "[data][pretokenizer]") {
  CHECK(pieces("Hello world") == Pieces{"Hello", " world"});
  CHECK(pieces("não é 1572!") == Pieces{"não", " é", " 1572", "!"});
  CHECK(pieces("a1b") == Pieces{"a", "1", "b"});
  CHECK(pieces("...a") == Pieces{"...", "a"});
  CHECK(pieces(" ...\"") == Pieces{" ...\""});
  CHECK(pieces("漢字 ½") == Pieces{"漢字", " ½"});
  CHECK(pieces("").empty());
}

TEST_CASE("A run of white space leaves its last character to the next word",
          "[data][pretokenizer]") {
  CHECK(pieces("a  b") == Pieces{"a", " ", " b"});
  CHECK(pieces("a\n\nb") == Pieces{"a", "\n", "\n", "b"});
  CHECK(pieces("a \n b") == Pieces{"a", " \n", " b"});
  CHECK(pieces("a\t b") == Pieces{"a", "\t", " b"});
  CHECK(pieces("a \tb") == Pieces{"a", " ", "\t", "b"});
  CHECK(pieces("a   ") == Pieces{"a", "   "});
  CHECK(pieces("\u3000\u3000x") == Pieces{"\u3000", "\u3000", "x"});
  CHECK(pieces("\u0085\u2028") == Pieces{"\u0085\u2028"});
  CHECK(pieces("\u180E\u200B ") == Pieces{"\u180E\u200B", " "});  // not White_Space
}

TEST_CASE("English contractions are pieces, lower case only", "[data][pretokenizer]") {
  CHECK(pieces("don't") == Pieces{"don", "'t"});
  CHECK(pieces("we'll've") == Pieces{"we", "'ll", "'ve"});
  CHECK(pieces("I'LL") == Pieces{"I", "'", "LL"});
  CHECK(pieces(" 's") == Pieces{" '", "s"});
  CHECK(pieces("!'s") == Pieces{"!'", "s"});
  CHECK(pieces("'lx") == Pieces{"'", "lx"});
  CHECK(pieces("'tis") == Pieces{"'t", "is"});
}

TEST_CASE("Bytes outside UTF-8 stand with the symbols", "[data][pretokenizer]") {
  CHECK(pieces("a\x80z") == Pieces{"a", "\x80", "z"});
  CHECK(pieces(" \xC3 ") == Pieces{" \xC3", " "});
  CHECK(pieces("!\xED\xA0\x80?1") == Pieces{"!\xED\xA0\x80?", "1"});
  CHECK(pieces("\xC3") == Pieces{"\xC3"});
}

TEST_CASE("Classes of code points", "[data][pretokenizer]") {
  auto const& classes = char_classes();
  CHECK(classes.of(U'a') == CharClass::letter);
  CHECK(classes.of(U'ç') == CharClass::letter);
  CHECK(classes.of(0x10FFFF) == CharClass::other);
  CHECK(classes.of(0x20000) == CharClass::letter);
  CHECK(classes.of(0x1D7D8) == CharClass::number);
  CHECK(classes.of(0x1F600) == CharClass::other);
  CHECK(classes.of(0x10D40) == CharClass::number);  // new in Unicode 16
  CHECK(classes.of(0x2160) == CharClass::number);   // category Nl
  CHECK(classes.of(0x301) == CharClass::other);     // a combining mark is no letter
  std::size_t letters = 0, numbers = 0, spaces = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    letters += classes.of(c) == CharClass::letter;
    numbers += classes.of(c) == CharClass::number;
    spaces += classes.of(c) == CharClass::space;
  }
  CHECK(letters == 141028);  // counted with the regular expressions that tiktoken uses
  CHECK(numbers == 1911);
  CHECK(spaces == 25);
}

TEST_CASE("The pieces in a row are the text, and cutting at next_cut changes none",
          "[data][pretokenizer]") {
  auto texts = test::difficult_texts();
  texts.push_back(test::sample_text());
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    texts.push_back(test::random_bytes(200, seed));
    texts.push_back(test::random_letters(200, "ab 1'st\n!\xC3\xA9", seed));
  }
  for (auto const& text : texts) {
    auto const whole = pieces(text);
    std::string joined;
    for (auto const& piece : whole) {
      REQUIRE_FALSE(piece.empty());
      joined += piece;
    }
    REQUIRE(joined == text);
    for (std::size_t wanted = 0; wanted < text.size(); wanted += 7) {
      auto const cut = next_cut(text, wanted);
      REQUIRE((cut >= wanted && cut <= text.size()));
      auto both = pieces(std::string_view(text).substr(0, cut));
      for (auto& piece : pieces(std::string_view(text).substr(cut))) both.push_back(piece);
      REQUIRE(both == whole);
    }
  }
}
