// SPDX-License-Identifier: Apache-2.0
// Conversations as the models' chat templates write them (tests/golden/generate_tokenizers.py).
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moenda/files/read_file.hpp"
#include "moenda/import/hugging_face/prompt_format.hpp"

using namespace moenda;
using namespace moenda::hugging_face;

TEST_CASE("Every prompt format is that of its chat template", "[import][prompts]") {
  auto const golden =
      nlohmann::json::parse(data::read_file("tests/golden/tokenizers/prompts.json"));
  int refused = 0;
  for (auto const& one : golden) {
    INFO(one.dump());
    std::vector<Message> messages;
    for (auto const& message : one["messages"]) {
      messages.push_back(
          {message["role"].get<std::string>(), message["content"].get<std::string>()});
    }
    PromptWriter const write(prompt_format(one["format"].get<std::string>()));
    if (one["text"].is_null()) {
      CHECK_THROWS_AS((void)write(messages), ConfigError);
      ++refused;
    } else {
      auto const prompt = write(messages);
      CHECK(prompt.text == one["text"].get<std::string>());
      REQUIRE(prompt.said.size() == messages.size());
      for (std::size_t i = 0; i < messages.size(); ++i) {
        auto const [begin, end] = prompt.said[i];
        CHECK(messages[i].content.find(prompt.text.substr(begin, end - begin)) !=
              std::string::npos);
      }
      for (auto const& mark : marks_of(prompt_format(one["format"].get<std::string>()))) {
        if (mark != "</s>") CHECK(prompt.text.find(mark) != std::string::npos);
      }
    }
  }
  CHECK(golden.size() == 35);
  CHECK(refused == 8);
}

TEST_CASE("The format none is the text itself; unknown ones are refused", "[import][prompts]") {
  std::vector<Message> const said{{"user", " a "}, {"assistant", "b"}};
  CHECK(PromptWriter(prompt_format("none"))(said).text == " a b");
  CHECK_THROWS_WITH(prompt_format("llama2"),
                    "there is no prompt format 'llama2' (did you mean 'llama3'?); there are: none, "
                    "gemma, openchat, mistral, chatml, llama3");
  std::vector<Message> const tool{{"tool", "x"}};
  CHECK_THROWS_WITH(
      PromptWriter(PromptFormat::chatml)(tool),
      "prompt format chatml: a role must be one of system, user, assistant, got 'tool'");
}
