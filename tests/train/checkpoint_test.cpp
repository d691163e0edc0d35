// SPDX-License-Identifier: Apache-2.0
#include "io/temporary_folder.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using io::test::message_of;
using io::test::TemporaryFolder;
using laws::Double;
using laws::Float;

template <class M, class B>
void resume_twice(typename M::Config const& config, TrainConfig const& train, int threads) {
  TemporaryFolder folder;
  B backend(threads);
  Run<M, B> straight(backend, config, train);
  straight.steps(12);
  std::vector<double> losses;
  for (int part = 0; part < 3; ++part) {
    B other(threads + part % 2);  // the number of threads may change from part to part
    Run<M, B> resumed(other, config, train);
    if (auto const newest = newest_checkpoint(folder.path())) {
      CHECK(load_checkpoint(*newest, resumed.network, resumed.trainer) == part * 1.25);
    }
    resumed.steps(4);
    losses.insert(losses.end(), resumed.losses.begin(), resumed.losses.end());
    save_checkpoint(folder.path(), resumed.network, resumed.trainer, (part + 1) * 1.25);
    if (part == 2) require_same_state(straight, resumed);
  }
  CHECK(losses == straight.losses);
}

TEMPLATE_TEST_CASE("a run resumed twice is the run, to the bit", "[train]", Gpt2, MoeGqa) {
  auto train = train_config();
  for (int const threads : {1, 2, 3}) {
    resume_twice<TestType, Float>(config_of<TestType>(), train, threads);
  }
  train.gradient_accumulation = 3;  // 18 batches: epochs end within a step
  train.schedule.shape = ScheduleShape::warmup_stable_decay;
  resume_twice<TestType, Float>(config_of<TestType>(), train, 2);
  auto config = config_of<TestType>();
  config.tied_head = true;
  resume_twice<TestType, Double>(config, train, 1);
}

TEST_CASE("a checkpoint of chosen modules resumes", "[train]") {
  using Either = LanguageModel<
      TransformerBlock<OneOf<norm::Rms, norm::Layer>, attention::MultiHead<position::Learned>,
                       Mixture<OneOf<router::TopK>, Experts<expert::Ffn, expert::SwiGlu>>>>;
  Either::Config c{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 1};
  c.block.attention = {.num_heads = 2, .head_dim = 4};
  get<Group<expert::Ffn>>(c.block.ffn.experts) = {.count = 1, .each = {.hidden = 5}};
  get<Group<expert::SwiGlu>>(c.block.ffn.experts) = {.count = 2, .each = {.hidden = 4}};
  resume_twice<Either, Float>(c, train_config(), 2);
}

TEST_CASE("only the newest checkpoints are kept", "[train]") {
  TemporaryFolder folder;
  Float backend(1);
  Run<Gpt2, Float> run(backend, gpt2(), train_config());
  CHECK(!newest_checkpoint(folder.path()));
  CHECK(!newest_checkpoint(folder / "absent"));
  for (int i = 0; i < 4; ++i) {
    run.steps(1);
    save_checkpoint(folder.path(), run.network, run.trainer, 0);
  }
  CHECK(newest_checkpoint(folder.path()) == folder / "step_00000004");
  CHECK(std::filesystem::exists(folder / "step_00000003"));
  CHECK(!std::filesystem::exists(folder / "step_00000002"));
  save_checkpoint(folder.path(), run.network, run.trainer, 0);  // the same step again
  CHECK(newest_checkpoint(folder.path()) == folder / "step_00000004");
}

TEST_CASE("a model file of another model is refused", "[train]") {
  TemporaryFolder folder;
  Float backend(1);
  auto const path = folder / "model.safetensors";
  Network<Gpt2, Float> network(backend, gpt2());
  save_model(network, path);
  Network<Gpt2, Float> same(backend, gpt2(), 99);
  load_model(same, path);
  CHECK(laws::same_bits(same.values, network.values));

  auto wider = gpt2();
  wider.block.ffn.hidden = 9;
  Network<Gpt2, Float> wide(backend, wider);
  CHECK_THAT(message_of<DataError>([&] { load_model(wide, path); }),
             Catch::Contains("tensor 'layers.0.ffn.up' must have shape [9, 8]"));
  auto deeper = gpt2();
  deeper.num_layers = 3;
  Network<Gpt2, Float> deep(backend, deeper);
  CHECK_THAT(message_of<DataError>([&] { load_model(deep, path); }),
             Catch::Contains("tensor 'layers.2.attention_norm.gain' is missing"));
  auto shallow = gpt2();
  shallow.num_layers = 1;
  Network<Gpt2, Float> flat(backend, shallow);
  CHECK_THAT(message_of<DataError>([&] { load_model(flat, path); }),
             Catch::Contains("but the configured model has"));
  Network<MoeGqa, Float> other(backend, moe_gqa());
  CHECK_THROWS_AS(load_model(other, path), DataError);
  auto tied = gpt2();
  tied.tied_head = true;
  Network<Gpt2, Float> shared(backend, tied);
  CHECK_THROWS_AS(load_model(shared, path), DataError);
  // The same scalars from a file of doubles.
  Double precise(1);
  Network<Gpt2, Double> doubles(precise, gpt2(), 7);
  save_model(doubles, path);
  load_model(same, path);
  CHECK(same.values[5] == float(doubles.values[5]));
}

TEST_CASE("a damaged checkpoint is refused", "[train]") {
  TemporaryFolder folder;
  Float backend(1);
  Run<Gpt2, Float> run(backend, gpt2(), train_config());
  run.steps(1);
  save_checkpoint(folder.path(), run.network, run.trainer, 0);
  auto const at = *newest_checkpoint(folder.path());
  auto const load = [&] {
    Run<Gpt2, Float> fresh(backend, gpt2(), train_config());
    load_checkpoint(at, fresh.network, fresh.trainer);
  };
  CHECK_NOTHROW(load());
  auto const good = io::test::load(at / "state.json");
  for (std::string const text :
       {"", "{", "[]", "{\"step\": 1}", "{\"step\": \"1\", \"optimizer_step\": 1, \"seconds\": 0}",
        "{\"step\": -1, \"optimizer_step\": 1, \"seconds\": 0}",
        "{\"step\": 1, \"optimizer_step\": 1, \"seconds\": -2}",
        "{\"step\": 1e99, \"optimizer_step\": 1, \"seconds\": 0}"}) {
    io::test::store(at / "state.json", text);
    CAPTURE(text);
    CHECK_THROWS_AS(load(), DataError);
  }
  io::test::store(at / "state.json", std::string(70000, ' '));
  CHECK_THAT(message_of<DataError>(load), Catch::Contains("at most 64 KB"));
  io::test::store(at / "state.json", good);
  auto const moments = io::test::load(at / "optimizer.safetensors");
  io::test::store(at / "optimizer.safetensors", moments.substr(0, moments.size() - 1));
  CHECK_THROWS_AS(load(), DataError);
  std::filesystem::remove(at / "optimizer.safetensors");
  CHECK_THROWS_AS(load(), DataError);
  std::filesystem::copy(at / "model.safetensors", at / "optimizer.safetensors");
  CHECK_THAT(message_of<DataError>(load), Catch::Contains("first_moment.embedding"));
  CHECK_THROWS_AS(newest_checkpoint(at / "state.json").value(), std::bad_optional_access);
}

}  // namespace
