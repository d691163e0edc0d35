// SPDX-License-Identifier: Apache-2.0
#include "moenda/infer/generate.hpp"

#include "model/models.hpp"

namespace {

using namespace models;
using laws::Double;

std::vector<int> const prompt{3, 1, 4, 1, 5};
constexpr Sampler::Config greedy{.temperature = 0};

/// Reads the whole window anew for every token. A full window slides to its later half.
template <class N>
std::vector<int> without_memory(N& network, std::vector<int> text, int count) {
  int const longest = network.config.context_length;
  auto begin = std::max(0, int(text.size()) - longest);
  for (int i = 0; i < count; ++i) {
    if (int(text.size()) - begin > longest) begin = int(text.size()) - std::max(1, longest / 2);
    auto const logits = network.last_logits({text.data() + begin, 1, int(text.size()) - begin});
    text.push_back(int(std::max_element(logits.data, logits.data + logits.cols) - logits.data));
  }
  return text;
}

TEMPLATE_TEST_CASE("generated text is that of a model without memory", "[generate]", Gpt2, MoeGqa) {
  Double backend(1);
  Network<TestType, Double> network(backend, config_of<TestType>(), 3, 0.5);
  auto const expected = without_memory(network, prompt, 40);  // the window of 12 slides
  auto const got = generate(network, std::span(prompt), 40, greedy);
  CHECK(got == expected);
  CHECK(std::vector(got.begin(), got.begin() + 5) == prompt);
  auto const again = generate(network, std::span(prompt), 40, greedy);
  CHECK(got == again);
}

TEST_CASE("a prompt longer than the context is read from its end", "[generate]") {
  Double backend(1);
  Network<MoeGqa, Double> network(backend, moe_gqa(), 3, 0.5);
  for (int const length : {11, 12, 13, 30}) {
    auto const text = laws::ids(length, 31, 4);
    CHECK(generate(network, std::span(text), 20, greedy) == without_memory(network, text, 20));
  }
}

TEMPLATE_TEST_CASE("memory does not grow with the prompt", "[generate]", Gpt2, MoeGqa) {
  auto const peak = [](int length, int rows) {
    Double backend(1);
    auto config = config_of<TestType>();
    config.context_length = 4000;
    Network<TestType, Double> network(backend, config, 3, 0.5);
    auto const text = laws::ids(length, 31, 4);
    (void)generate(network, std::span(text), 3, greedy, -1, {}, 0, rows);
    return network.arena.peak();
  };
  auto const small = peak(500, 500);
  CHECK(peak(3500, 500) == small);
  CHECK(peak(3500, 3500) > 2 * small);
  CHECK(peak(3500, rows_of_a_pass) <= peak(rows_of_a_pass, rows_of_a_pass));
}

TEST_CASE("the smallest contexts work", "[generate]") {
  Double backend(1);
  for (int const context_length : {1, 2, 3}) {
    auto config = moe_gqa();
    config.context_length = context_length;
    Network<MoeGqa, Double> network(backend, config, 3, 0.5);
    CHECK(generate(network, std::span(prompt), 9, greedy) == without_memory(network, prompt, 9));
  }
}

TEST_CASE("text ends at the stop id", "[generate]") {
  Double backend(1);
  Network<MoeGqa, Double> network(backend, moe_gqa(), 3, 0.5);
  auto const whole = generate(network, std::span(prompt), 20, greedy);
  int const stop = whole[9];
  auto const first = std::find(whole.begin() + 5, whole.end(), stop);
  std::vector<int> heard;
  auto const stopped =
      generate(network, std::span(prompt), 20, greedy, stop, [&](int id) { heard.push_back(id); });
  CHECK(stopped == std::vector<int>(whole.begin(), first));
  CHECK(heard == std::vector<int>(whole.begin() + 5, first));
}

TEST_CASE("sampling is repeatable and depends on the seed", "[generate]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2(), 3, 0.02);
  auto const text = [&](std::uint64_t seed) {
    return generate(network, std::span(prompt), 30, {.seed = seed});
  };
  CHECK(text(1) == text(1));
  CHECK(text(1) != text(2));
}

TEST_CASE("ids that a tokenizer does not have are never drawn", "[generate]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2(), 3, 0.02);
  std::vector<int> const low{1, 2, 3};
  auto const most = [&](int num_ids, double temperature) {
    auto const text =
        generate(network, std::span(low), 200, {.temperature = temperature}, -1, {}, num_ids);
    return *std::max_element(text.begin() + 3, text.end());
  };
  CHECK(most(0, 5) == network.config.vocab_size - 1);
  CHECK(most(9, 5) == 8);
  CHECK(most(1, 0) == 0);
  CHECK(most(1000, 5) == network.config.vocab_size - 1);
}

TEST_CASE("bad prompts are refused", "[generate]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2());
  CHECK_THROWS_AS(generate(network, std::span<int const>(), 3, greedy), ConfigError);
  std::vector<int> const bad{1, 31};
  CHECK_THROWS_AS(generate(network, std::span(bad), 3, greedy), DataError);
  CHECK(generate(network, std::span(prompt), 0, greedy) == prompt);
  CHECK(generate(network, std::span(prompt), -1, greedy) == prompt);
}

}  // namespace
