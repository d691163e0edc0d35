// SPDX-License-Identifier: Apache-2.0
// What a tokenizer.json says and Moenda does not read, and what lies, ends in one sentence.
#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"

using namespace moenda;
using hugging_face::Tokenizer;
using nlohmann::json;

namespace {

json sound() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 4, "content": "<s>", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "NFC"}, {"type": "Replace", "pattern": {"String": "x"}, "content": "a"}]},
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Isolated",
                      "invert": false},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [4], "tokens": ["<s>"]}}},
    "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false,
              "byte_fallback": false, "ignore_merges": false,
              "vocab": {"a": 0, "b": 1, "ab": 2, "abb": 3}, "merges": ["a b", ["ab", "b"]]}})");
}

std::string refusal(std::string const& text) {
  try {
    (void)Tokenizer(text, "folder/tokenizer.json");
  } catch (DataError const& error) {
    return error.what();
  }
  return "accepted";
}

struct Change {
  char const* place;  // JSON pointer
  char const* value;  // JSON, or "absent"
  char const* sentence;
};

void check_refused(std::vector<Change> const& changes) {
  for (auto const& [place, value, sentence] : changes) {
    INFO(place << " = " << value);
    auto document = sound();
    json::json_pointer const pointer(place);
    if (std::string(value) == "absent") {
      document[pointer.parent_pointer()].erase(pointer.back());
    } else {
      document[pointer] = json::parse(value);
    }
    auto const said = refusal(document.dump());
    CHECK_THAT(said, Catch::StartsWith("folder/tokenizer.json: "));
    CHECK_THAT(said, Catch::Contains(sentence));
    CHECK(said.size() < 600);
    CHECK(said.find('\n') == said.npos);
  }
}

}  // namespace

TEST_CASE("The sound file is read", "[import][tokenizer]") {
  Tokenizer const tokenizer(sound().dump());
  CHECK(tokenizer.encode("abxbb") == std::vector{4, 2, 3});
  CHECK(tokenizer.encode("<s>", {.add_special = false}) == std::vector{4});
  CHECK(tokenizer.encode("<s>", {.add_special = false, .literal = true}).empty());
  CHECK(tokenizer.vocab_size() == 5);
}

TEST_CASE("What is not read is refused by its name, with what is read", "[import][tokenizer]") {
  check_refused({
      {"/model/type", R"("WordPiece")",
       "model.type is 'WordPiece', which is not read; these are: BPE"},
      {"/model/type", R"("Unigram")", "model.type is 'Unigram'"},
      {"/model/dropout", "0.1", "model.dropout must be null or 0, got 0.1"},
      {"/model/continuing_subword_prefix", R"("##")", "must be null or empty, got '##'"},
      {"/model/end_of_word_suffix", R"("</w>")", "model.end_of_word_suffix must be null or empty"},
      {"/normalizer/normalizers/0/type", R"("NFKC")",
       "normalizer.normalizers[0].type is 'NFKC', which is not read (did you mean 'NFC'?); these "
       "are: NFC, Prepend, Replace, Sequence"},
      {"/normalizer/normalizers/0/type", R"("BertNormalizer")", "'BertNormalizer'"},
      {"/pre_tokenizer/type", R"("Whitespace")", "pre_tokenizer.type is 'Whitespace'"},
      {"/pre_tokenizer/behavior", R"("Isolatd")", "(did you mean 'Isolated'?)"},
      {"/pre_tokenizer/pattern/Regex", R"("\\bx")", "'\\b' at byte 0 of the regular expression"},
      {"/pre_tokenizer/pattern/Regex", R"("\\p{Latin}")", "'\\p{Latin}' at byte 0"},
      {"/pre_tokenizer/pattern/Regex", R"("(?<n>x)\\k<n>")", "'(?<n' at byte 0"},
      {"/pre_tokenizer/pattern/Regex", R"("(*LIMIT_MATCH=1)x")", "'(*LI' at byte 0"},
      {"/pre_tokenizer/pattern/Regex", R"("[a[bc]]")", "'[b' at byte 2"},
      {"/pre_tokenizer/pattern/Regex", R"("(((")", "missing closing parenthesis"},
      {"/pre_tokenizer/pattern/Regex", R"("[^\\P{L}]")", "'\\P{L}' at byte 2"},
      {"/decoder/decoders/0/type", R"("CTC")", "decoder.decoders[0].type is 'CTC'"},
      {"/post_processor/type", R"("BertProcessing")", "post_processor.type is 'BertProcessing'"},
      {"/pre_tokenizer",
       R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": false},
           {"type": "Digits", "individual_digits": true}]})",
       "must not stand behind ByteLevel"},
  });
}

TEST_CASE("A file that lies is refused with the key", "[import][tokenizer]") {
  check_refused({
      {"/model", "absent", "must have 'model', which is missing"},
      {"/model", "[]", "model must be an object, got a list"},
      {"/model/vocab", "absent", "model: must have 'vocab', which is missing"},
      {"/model/merges", "absent", "model: must have 'merges'"},
      {"/model/vocab", "[]", "model.vocab must be an object of token -> id, got a list"},
      {"/model/vocab/b", "2", "id 2 must belong to one token, it belongs to 'ab' and 'b'"},
      {"/model/vocab/b", "4294967297", "the id of token 'b' must be a whole number in 0..4194303"},
      {"/model/vocab/b", "-1", "got -1"},
      {"/model/vocab/b", "1.5", "got 1.5"},
      {"/model/vocab/b", R"("1")", "the id of token 'b' must be a whole number"},
      {"/model/merges/0", R"("a b c")", "model.merges[0] must be two tokens with one blank"},
      {"/model/merges/0", R"("ab")", "model.merges[0] must be two tokens with one blank"},
      {"/model/merges/0", "7", "model.merges[0] must be two tokens"},
      {"/model/merges/1", R"(["a", "b", "b"])", "model.merges[1] must be two tokens"},
      {"/model/merges/1", R"(["b", "b"])", "to a third, 'bb' is none"},
      {"/model/merges/1", R"(["z", "b"])", "'z' is none"},
      {"/model/merges", R"({"a": "b"})", "model.merges must be a list"},
      {"/model/unk_token", R"("<unk>")", "model.unk_token must be a token of model.vocab"},
      {"/model/fuse_unk", "1", "model.fuse_unk must be true or false, got 1"},
      {"/added_tokens/0/id", "5", "added_tokens[0].id must be 4, which `tokenizers` makes it"},
      {"/added_tokens/0/id", "4194304", "added_tokens[0].id must be a whole number in 0..4194303"},
      {"/added_tokens/0/content", "absent", "added_tokens[0]: must have 'content'"},
      {"/added_tokens/0/lstrip", R"("no")", "added_tokens[0].lstrip must be true or false"},
      {"/added_tokens/0", "[]", "added_tokens[0] must be an object, got a list"},
      {"/added_tokens", R"({"a": 1})", "added_tokens must be a list, got an object"},
      {"/post_processor/special_tokens/<s>/ids/0", "9",
       "must put down tokens that are there, id 9"},
      {"/post_processor/special_tokens/<s>", "absent", "must be one of special_tokens"},
      {"/post_processor/single", "[]", "must have the text itself"},
      {"/post_processor/single/1/Sequence/id", R"("B")", "must be 'A'"},
      {"/normalizer/normalizers/1/pattern", R"({"String": ""})", "must not be empty"},
      {"/normalizer/normalizers/1/pattern", "{}", "must be an object with one of String, Regex"},
      {"/normalizer", R"("NFC")", "normalizer must be an object, got 'NFC'"},
      {"/pre_tokenizer/invert", "absent", "pre_tokenizer: must have 'invert'"},
      {"/decoder", R"({"type": "Strip", "content": "ab", "start": 1, "stop": 0})",
       "decoder.content must be one character, got 'ab'"},
      {"/decoder", R"({"type": "Strip", "content": "a", "start": -1, "stop": 0})",
       "decoder.start must be a whole number"},
  });
  auto twice = sound();
  twice["added_tokens"].push_back(twice["added_tokens"][0]);
  CHECK_THAT(refusal(twice.dump()), Catch::Contains("added_tokens[1]: is there twice"));
  auto holes = sound();
  holes["model"]["vocab"]["abb"] = 4;  // the count is 4, and the id 4 is taken
  holes["added_tokens"][0]["id"] = 4;
  CHECK_THAT(refusal(holes.dump()), Catch::Contains("must not be the id of another token"));
  auto longest = sound();
  longest["added_tokens"][0]["content"] = std::string(1001, 'a');
  CHECK_THAT(refusal(longest.dump()), Catch::Contains("must have 1..1000 bytes"));
}

TEST_CASE("Bytes that are no tokenizer.json are refused", "[import][tokenizer]") {
  CHECK_THAT(refusal(""), Catch::Contains("must be JSON"));
  CHECK_THAT(refusal("[]"), Catch::Contains("must hold an object, got array"));
  CHECK_THAT(refusal("{\"model\": "), Catch::Contains("must be JSON, byte"));
  CHECK_THAT(refusal("{\"\xFF\": 1}"), Catch::Contains("must be JSON, byte"));
  CHECK_THAT(refusal("{\"a\": \"\\ud800\"}"), Catch::Contains("must be JSON, byte"));
  CHECK_THAT(refusal("{\"a\": 1e999}"), Catch::Contains("that a double can hold"));
  CHECK_THAT(refusal("{\"a\": " + std::string(100'000, '[')), Catch::Contains("at most 32 deep"));
  auto const whole = sound().dump();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    CHECK(refusal(whole.substr(0, size)) != "accepted");
  }
}

TEST_CASE("A regular expression that backtracks without end gives up", "[import][tokenizer]") {
  for (auto const* pattern : {"(a+)+b", "(a|aa)*c", "(?:a*)*d", "^(?:(a+)*)*$b"}) {
    auto document = sound();
    document["pre_tokenizer"]["pattern"]["Regex"] = pattern;
    Tokenizer const tokenizer(document.dump());
    INFO(pattern);
    CHECK_THROWS_WITH(tokenizer.encode(std::string(3000, 'a') + "-bcd"),
                      Catch::Contains("it may backtrack without end"));
  }
}

TEST_CASE("A text that would grow beyond all memory is refused", "[import][tokenizer]") {
  auto document = sound();
  json const grow{
      {"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(15, 'a')}};
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", json(12, grow)}};
  document["decoder"] = {{"type", "Sequence"}, {"decoders", json(12, grow)}};
  Tokenizer const tokenizer(document.dump());
  CHECK_THROWS_WITH(tokenizer.encode("aaaa"), Catch::Contains("must not grow beyond"));
  CHECK_THROWS_WITH(tokenizer.decode({0, 0}), Catch::Contains("must not grow beyond"));
}

TEST_CASE("Texts and ids that cannot be are refused", "[import][tokenizer]") {
  Tokenizer const tokenizer(sound().dump(), "folder/tokenizer.json");
  CHECK_THROWS_WITH(tokenizer.encode("ab\xC3"), "the text must be UTF-8, byte 2 is not");
  CHECK_THROWS_WITH(tokenizer.decode({5}),
                    "folder/tokenizer.json: a token id must lie in 0..4, got 5");
  CHECK_THROWS_WITH(tokenizer.decode({-1}), Catch::Contains("got -1"));
}

TEST_CASE("tokenizer_config.json names the marks of a text's ends", "[import][tokenizer]") {
  auto const with = [](char const* config) {
    return Tokenizer(sound().dump(), "tokenizer.json", config, "tokenizer_config.json");
  };
  CHECK(with(R"({"eos_token": "<s>", "bos_token": {"content": "abb"}})").end_of_text() == 4);
  CHECK(with(R"({"eos_token": "<s>", "bos_token": {"content": "abb"}})").begin_of_text() == 3);
  CHECK_FALSE(with(R"({"eos_token": null})").end_of_text().has_value());
  CHECK_THROWS_WITH(
      with(R"({"eos_token": "</s>"})"),
      "tokenizer_config.json: eos_token must be a token of tokenizer.json, got '</s>'");
  CHECK_THROWS_WITH(with(R"({"eos_token": 7})"), Catch::Contains("eos_token must be an object"));
}
