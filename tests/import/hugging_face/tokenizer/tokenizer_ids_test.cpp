// SPDX-License-Identifier: Apache-2.0
// Ids and texts equal to those of the library `tokenizers` (tests/golden/generate_tokenizers.py).
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moenda/files/read_file.hpp"
#include "moenda/import/hugging_face/tokenizer/text_stream.hpp"
#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"

using namespace moenda;
using hugging_face::Tokenizer;
using nlohmann::json;

namespace {

json golden(std::string const& name) {
  auto const file = std::filesystem::path("tests/golden/tokenizers") / name;
  return json::parse(data::read_file(file));
}

/// Returns how many texts were compared.
std::size_t check_cases(Tokenizer const& tokenizer, json const& cases) {
  for (auto const& one : cases) {
    auto const text = one["text"].get<std::string>();
    INFO("text " << one["text"].dump());
    for (std::size_t way = 0; way < one["ids"].size(); ++way) {
      INFO("way " << way);
      auto const ids = tokenizer.encode(text, {.add_special = way < 2, .literal = way % 2 == 1});
      CHECK(ids == one["ids"][way].get<std::vector<int>>());
      hugging_face::TextStream stream(tokenizer);
      std::string streamed;
      for (int const id : ids) streamed += stream.next(id);
      streamed += stream.rest();
      CHECK(streamed == tokenizer.decode(ids));
    }
    std::vector<int> holes;
    for (std::size_t i = 0; i < one["ids"][0].size(); i += 2) holes.push_back(one["ids"][0][i]);
    CHECK(tokenizer.decode(holes) == one["holes"].get<std::string>());
    for (std::size_t way = 0; way < one["decoded"].size(); ++way) {
      INFO("decoded " << way);
      auto const ids = one["ids"][way / 2].get<std::vector<int>>();
      CHECK(tokenizer.decode(ids, way % 2 == 0) == one["decoded"][way].get<std::string>());
    }
  }
  return cases.size();
}

}  // namespace

TEST_CASE("Eight shapes of tokenizers give the ids and texts of `tokenizers`",
          "[import][tokenizer]") {
  for (auto const* name :
       {"gpt2", "llama", "llama3", "mistral", "gemma", "qwen2", "deepseek_coder", "olmo"}) {
    INFO(name);
    auto const document = golden(std::string(name) + ".json");
    Tokenizer const tokenizer(document["tokenizer"].dump(), name);
    CHECK(check_cases(tokenizer, document["cases"]) >= 60);
  }
}

TEST_CASE("Every piece of a tokenizer gives the ids and texts of `tokenizers`",
          "[import][tokenizer]") {
  auto const document = golden("parts.json");
  CHECK(document["parts"].size() >= 30);
  for (auto const& part : document["parts"]) {
    INFO(part["change"].dump());
    auto whole = document["tokenizer"];
    for (auto const& [key, value] : part["change"].items()) {
      key == "model" ? whole[key].update(value) : void(whole[key] = value);
    }
    CHECK(check_cases(Tokenizer(whole.dump()), part["cases"]) >= 10);
  }
}
