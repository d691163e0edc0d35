// SPDX-License-Identifier: Apache-2.0
// Names, shapes and places of tensors, both ways.
#include <catch2/catch.hpp>
#include <numeric>

#include "golden/golden.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/import/hugging_face/load.hpp"
#include "moenda/import/hugging_face/write_config.hpp"
#include "moenda/weights/parameters.hpp"

namespace {

namespace fs = std::filesystem;
namespace hf = moenda::hugging_face;
using moenda::WeightKind;

fs::path const folder = golden::folder() / "hugging_face";

using Filled = moenda::Parameters<hf::Model, moenda::cpu::Backend<float>>;

}  // namespace

TEST_CASE("every weight of every family is filled, and every tensor is used", "[hugging_face]") {
  moenda::cpu::Backend<float> backend(1);
  int families = 0;
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path());
    auto const d = hf::read_config(hf::JsonObject(entry.path() / "config.json"));
    hf::Checkpoint const checkpoint(entry.path());
    hf::Plan const plan(checkpoint, d);
    auto const shapes = hf::Model::params<moenda::Shapes>(d.model);
    Filled filled(backend, d.model, moenda::unfilled, plan.formats({}, shapes, "test"));
    std::fill(filled.values.begin(), filled.values.end(), -77.0f);
    hf::load(plan, filled);
    CHECK(std::count(filled.values.begin(), filled.values.end(), -77.0f) == 0);
    ++families;
  }
  CHECK(families >= 17);
}

TEST_CASE("a config that is written reads back as the same", "[hugging_face]") {
  for (auto const* name : {"gpt2", "llama3", "llama_yarn", "mistral", "mixtral", "qwen3_moe"}) {
    auto d = hf::read_config(hf::JsonObject(folder / name / "config.json"));
    auto const json = hf::config_json(d);
    auto const again = hf::read_config(hf::JsonObject(json, "written", ""));
    CHECK(hf::config_json(again) == json);
    CHECK(again.family == d.family);
    CHECK(hf::Model::parameter_count(again.model) == hf::Model::parameter_count(d.model));
  }
  auto const gemma = hf::read_config(hf::JsonObject(folder / "gemma" / "config.json"));
  CHECK(gemma.model.embedding_scale == Approx(std::sqrt(18.0)));
  CHECK_THROWS_WITH(hf::config_json(gemma), Catch::Contains("got gemma"));
}

TEST_CASE("what a weight is made of is where it is written", "[hugging_face]") {
  using hf::Form;
  for (auto const form : {Form::plain, Form::transposed, Form::first_third, Form::second_third,
                          Form::last_third, Form::of_experts, Form::upper_half, Form::lower_half}) {
    hf::Placement placed{"w", 2, 3};
    placed.form = form, placed.number = 1, placed.experts = 2;
    auto const shape = placed.shape();
    auto const size = std::accumulate(shape.begin(), shape.end(), std::size_t(1),
                                      [](auto a, auto b) { return a * std::size_t(b); });
    std::vector<int> ours(6), theirs(size);
    placed.each([&](std::size_t to, std::size_t from) {
      REQUIRE(to < ours.size());
      REQUIRE(from < theirs.size());
      ++ours[to], ++theirs[from];
    });
    CHECK(std::count(ours.begin(), ours.end(), 1) == 6);
    CHECK(std::count(theirs.begin(), theirs.end(), 1) == 6);
  }
  hf::Placement key{"key", 2, 2};  // of a [2, 6] that holds queries, keys and values
  key.form = Form::second_third;
  std::vector<std::size_t> from(4);
  key.each([&](std::size_t to, std::size_t at) { from[to] = at; });
  CHECK(from == std::vector<std::size_t>{2, 8, 3, 9});
}

TEST_CASE("numbers of layers and experts are taken out of names and put back", "[hugging_face]") {
  auto const [pattern, numbers] = hf::without_numbers("layers.12.ffn.mixture.experts.3.up");
  CHECK(pattern == "layers.*.ffn.experts.*.up");
  CHECK(numbers == std::vector<std::string>{"12", "3"});
  CHECK(hf::with_numbers("model.layers.*.mlp.experts.*.w", numbers) ==
        "model.layers.12.mlp.experts.3.w");
  CHECK(hf::with_numbers("model.layers.*.mlp.experts.up", numbers) ==
        "model.layers.12.mlp.experts.up");
}
