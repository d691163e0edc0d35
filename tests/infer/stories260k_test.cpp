// SPDX-License-Identifier: Apache-2.0
// A trained Llama of 260'000 parameters must say what its own program, llama2.c, says.
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "infer/llama_file.hpp"
#include "model/models.hpp"
#include "moenda/infer/generate.hpp"

namespace {

using namespace stories;

/// The folder of the data, or "" after saying what is skipped.
std::string stories_folder() {
  char const* const data = std::getenv("MOENDA_DATA");
  if (data == nullptr) {
    WARN("skipped: stories260k needs the environment variable MOENDA_DATA");
    return "";
  }
  return std::string(data) + "/stories260k/";
}
/// The text of a row of tokens, by the file of llama2.c's tokenizer.
std::string decode(std::string const& path, std::vector<int> const& tokens) {
  auto file = open(path);
  (void)read<int>(file);  // the longest piece
  std::vector<std::string> pieces(512);
  for (auto& piece : pieces) {
    (void)read<float>(file);  // the score
    piece.resize(std::size_t(read<int>(file)));
    file.read(piece.data(), std::streamsize(piece.size()));
  }
  expect(bool(file));
  std::string text;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    std::string piece = pieces[std::size_t(tokens[i])];
    if (tokens[i - 1] == 1 && piece.starts_with(' ')) piece.erase(0, 1);  // after the beginning
    unsigned byte = 0;
    if (std::sscanf(piece.c_str(), "<0x%02X>", &byte) == 1) piece = std::string(1, char(byte));
    text += piece;
  }
  return text;
}

TEST_CASE("stories260k gives llama2.c's logits, through remembered keys and values", "[stories]") {
  auto const folder = stories_folder();
  if (folder.empty()) return;
  LlamaFile file(folder + "stories260K.bin");
  B backend(2);
  Network<Llama, B> network(backend, file.config());
  file.fill(network);
  CHECK(count(network.params) == 260'032);
  auto const steps = nlohmann::json::parse(open(folder + "expected_logits.json")).at("steps");
  Memory<B> memory{.batch_size = 1, .max_seq_len = network.config.context_length};
  std::vector<int> tokens;
  int compared = 0;
  for (auto const& step : steps) {
    int const position = step.at("pos").get<int>();
    tokens.push_back(step.at("in").get<int>());
    auto const t = network.logits({&tokens.back(), 1, 1, position}, &memory);
    auto const got = models::copy_of(t);
    CAPTURE(position);
    auto const best = std::max_element(got.begin(), got.end());
    REQUIRE(int(best - got.begin()) == step.at("argmax").get<int>());
    CHECK(double(*best) == Approx(step.at("max").get<double>()).margin(1e-4));
    double sum = 0, squares = 0;
    for (float const z : got) sum += double(z), squares += double(z) * double(z);
    CHECK(sum == Approx(step.at("sum").get<double>()).margin(0.02));
    CHECK(squares == Approx(step.at("sumsq").get<double>()).epsilon(1e-4));
    if (!step.contains("logits")) continue;
    CHECK(laws::distance(got, step.at("logits").get<std::vector<double>>()) <= 1e-4);
    ++compared;
  }
  CHECK(compared == 4);
  CHECK(tokens.size() == 64);
  // All at once gives the same.
  auto const last = models::copy_of(network.last_logits({tokens.data(), 1, 64}));
  CHECK(laws::distance(last, steps.back().at("logits").get<std::vector<double>>()) <= 1e-4);
}

TEST_CASE("stories260k tells llama2.c's story", "[stories]") {
  auto const folder = stories_folder();
  if (folder.empty()) return;
  LlamaFile file(folder + "stories260K.bin");
  B backend(2);
  Network<Llama, B> network(backend, file.config());
  file.fill(network);
  std::vector<int> const begin{1};
  auto const tokens = generate(network, std::span(begin), 200, {.temperature = 0});
  auto stored = open(folder + "expected_greedy.txt");
  std::string expected{std::istreambuf_iterator<char>(stored), {}};
  auto text = decode(folder + "tok512.bin", tokens);
  while (!expected.empty() && expected.back() == '\n') expected.pop_back();
  REQUIRE(expected.size() > 300);
  CHECK(text.substr(0, expected.size()) == expected);
}

}  // namespace
