// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/random.hpp"
#include "moenda/data/tokenizer/bpe_trainer.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"

namespace moenda::data::test {

/// A little Portuguese with accents, verse, numbers and repetition.
inline std::string const& sample_text() {
  static std::string const text = [] {
    std::string const verse =
        "As armas e os barões assinalados,\nQue da ocidental praia Lusitana,\n"
        "Por mares nunca de antes navegados,\nPassaram ainda além da Taprobana,\n"
        "Em perigos e guerras esforçados,\nMais do que prometia a força humana,\n"
        "E entre gente remota edificaram\nNovo reino, que tanto sublimaram;\n\n"
        "Não é 1572, são 12 ou 13 --- don't, we'll, it's...\t\"Ação\" — coração, maçã!\n";
    return verse + verse + "navegados navegavam navegarão 1572 1572\n";
  }();
  return text;
}

/// A vocabulary of 400 tokens learned from sample_text().
inline Tokenizer const& small_tokenizer() {
  static Tokenizer const tokenizer(train_bpe({sample_text()}, {.vocab_size = 400}));
  return tokenizer;
}

inline std::string random_bytes(std::size_t size, std::uint64_t seed) {
  Random const random(seed);
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.bits(i) >> 56);
  return bytes;
}

/// Random text of few different letters, so that many merges apply.
inline std::string random_letters(std::size_t size, std::string_view letters, std::uint64_t seed) {
  Random const random(seed);
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += letters[random.bits(i) % letters.size()];
  return text;
}

/// Texts on which tokenizers have been known to fail (reliability group D).
inline std::vector<std::string> difficult_texts() {
  using namespace std::string_literals;
  std::vector<std::string> texts{
      "", "a", " ", "  ", "   a", "\n", "\r\n", "\t", "\t \n", "a ", "a  b", "  a  ", " \n a",
      "\0"s, "a\0b"s, "\0\0\0"s, " \0 "s, "\x7F", "'", "''", "'s", "'S", " 's", "don't", "they're",
      "I'll I've I'm I'd", "'re've", "'l", "'llama", "x'sx", "1's", "!'s", "'\xC3\xA9", "1", "12",
      "1a2b", " 1", "a1", "1.5e-3", "!", "!!", " !", "?!a", "<|endoftext|>", "<|", "a<|b|>",
      "\xEF\xBB\xBF", "\xEF\xBB\xBFtexto", "é", "ação", " ação", "e\u0301", "\u00A0", "a\u00A0b",
      "\u2028x", "\u3000 \u3000x", "\u200B", "\u0085x", "\u1680", "\u180E", "\u2003\u2003a",
      "Ⅳ ½ ² ٣ १२", "ªº", "漢字かな交じり", "한국어", "हिन्दी", "العربية", "עברית", "ไทย",
      "\U0001F600", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\U0001F1E7\U0001F1F7",
      "\U0001F44D\U0001F3FD!", "\U00010000", "\U0010FFFF", "\U0001D7D8\U0001D400", "\uFFFD",
      "\uFFFE", "\uE000", "a\u0300\u0301\u0302\u0303",
      // not UTF-8: overlong, truncated, surrogates, too large, lone continuation bytes
      "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80",
      "\xF0\x8F\xBF\xBF", "\xC3", "a\xC3", "\xC3 a", "\xE2\x82", "\xE2\x82 x", "\xF0\x9F\x98",
      "\xF0\x9F", "\xF0", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
      "\xFF\xFE", "\x80", "\xBF\xBF", " \x80 ", "a\x80z",
      "1\xFF"
      "1",
      "'\x80s", "\xFE\xFF\0x"s, "\xC3\xC3\xA9", "\xE2\x82\xAC\x82"};
  texts.push_back(std::string(300, ' ') + "a" + std::string(300, '\n'));
  texts.push_back(std::string(97, 'a') + " " + std::string(96, 'a') + "!" + std::string(95, 'e'));
  return texts;
}

}  // namespace moenda::data::test
