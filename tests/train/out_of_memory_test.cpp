// SPDX-License-Identifier: Apache-2.0
// The N-th allocation fails, for N = 0, 1, ... until none does. Whatever happens then must be an
// exception; leaks are the address sanitizer's to find.
#include "files/temporary_folder.hpp"
#include "laws/fail_each.hpp"
#include "moenda/infer/generate.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using io::test::TemporaryFolder;
using laws::fail_each;
using laws::Float;

TEST_CASE("building a model survives the lack of memory", "[memory]") {
  Float backend(1);
  auto const config = moe_gqa();
  CHECK(fail_each("build a model", [&] { Network<MoeGqa, Float> network(backend, config); }) > 3);
}

TEST_CASE("a training step survives the lack of memory", "[memory]") {
  auto const config = moe_gqa();
  auto const text = windows();
  auto const train = train_config();
  Float backend(1);
  long const failed = fail_each("build and train a step", [&] {
    Run<MoeGqa, Float> run(backend, config, train, text);
    (void)run.trainer.step();
  });
  CHECK(failed > 5);
  // A run that ran out of memory once goes on as if nothing had been.
  Run<MoeGqa, Float> run(backend, config, train, text), undisturbed(backend, config, train, text);
  CHECK(fail_each("train a step", [&] { (void)run.trainer.step(); }) > 0);
  (void)undisturbed.trainer.step();
  require_same_state(undisturbed, run);
}

TEST_CASE("saving and loading survive the lack of memory", "[memory]") {
  auto const config = gpt2();
  Float backend(1);
  TemporaryFolder folder;
  auto const path = folder / "model.safetensors";
  Network<Gpt2, Float> first(backend, config, 1), second(backend, config, 2);
  Network<Gpt2, Float> loaded(backend, config, 3);
  save_model(first, path);
  long const failed = fail_each("save a model", [&] {
    try {
      save_model(second, path);
    } catch (...) {
      laws::FailingAllocation::stop();
      load_model(loaded, path);  // the old file or the new one, whole
      REQUIRE((laws::same_bits(loaded.values, first.values) ||
               laws::same_bits(loaded.values, second.values)));
      throw;
    }
  });
  CHECK(failed > 10);
  CHECK(fail_each("load a model", [&] { load_model(loaded, path); }) > 10);
  CHECK(laws::same_bits(loaded.values, second.values));
}

TEST_CASE("going on from a checkpoint survives the lack of memory", "[memory]") {
  auto const config = gpt2();
  auto const text = windows();
  auto const train = train_config();
  Float backend(1);
  TemporaryFolder folder;
  Run<Gpt2, Float> run(backend, config, train, text), loaded(backend, config, train, text);
  (void)run.trainer.step();
  save_checkpoint(folder.path(), run.network, run.trainer, {2, 3});
  auto const newest = *newest_checkpoint(folder.path());
  CHECK(fail_each("load a checkpoint",
                  [&] { (void)load_checkpoint(newest, loaded.network, loaded.trainer); }) > 10);
  require_same_state(run, loaded);
}

// The older of two checkpoints is removed in the end, the newer is there already.
TEST_CASE("saving a checkpoint survives the lack of memory", "[memory]") {
  auto const config = gpt2();
  auto const text = windows();
  auto const train = train_config();
  Float backend(1);
  TemporaryFolder folder;
  Run<Gpt2, Float> run(backend, config, train, text), loaded(backend, config, train, text);
  (void)run.trainer.step();
  save_checkpoint(folder.path(), run.network, run.trainer, {1, 0}, 1);
  (void)run.trainer.step();
  save_checkpoint(folder.path(), run.network, run.trainer, {2, 0}, 2);
  long const failed = fail_each("save a checkpoint", [&] {
    try {
      save_checkpoint(folder.path(), run.network, run.trainer, {3, 0}, 1);
    } catch (...) {
      laws::FailingAllocation::stop();
      auto const newest = newest_checkpoint(folder.path());
      REQUIRE(newest);
      auto const state = load_checkpoint(*newest, loaded.network, loaded.trainer);
      REQUIRE((state.spent.seconds == 2 || state.spent.seconds == 3));
      require_same_state(run, loaded);
      throw;
    }
  });
  CHECK(failed > 100);
  CHECK(list_checkpoints(folder.path()).size() == 1);
  CHECK(io::remove_leftovers(folder.path()) == 0);
}

TEST_CASE("generating survives the lack of memory", "[memory]") {
  Float backend(1);
  Network<MoeGqa, Float> network(backend, moe_gqa());
  std::vector<int> const prompt(6);
  Sampler::Config const sampler{.temperature = 0.5f};
  auto const wanted = generate(network, std::span(prompt), 8, sampler);
  std::vector<int> text;
  CHECK(fail_each("generate", [&] { text = generate(network, std::span(prompt), 8, sampler); }) >
        3);
  CHECK(text == wanted);
}

}  // namespace
