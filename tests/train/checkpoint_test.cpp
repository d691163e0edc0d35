// SPDX-License-Identifier: Apache-2.0
#include "files/temporary_folder.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using io::test::message_of;
using io::test::TemporaryFolder;
using laws::Double;
using laws::Float;

TEST_CASE("only the newest checkpoints are kept", "[train]") {
  TemporaryFolder folder;
  Float backend(1);
  Run<Gpt2, Float> run(backend, gpt2(), train_config());
  CHECK(!newest_checkpoint(folder.path()));
  CHECK(!newest_checkpoint(folder / "absent"));
  for (int i = 0; i < 4; ++i) {
    run.steps(1);
    save_checkpoint(folder.path(), run.network, run.trainer, {});
  }
  CHECK(newest_checkpoint(folder.path()) == folder / "step_00000004");
  CHECK(std::filesystem::exists(folder / "step_00000003"));
  CHECK(!std::filesystem::exists(folder / "step_00000002"));
  save_checkpoint(folder.path(), run.network, run.trainer, {});  // the same step again
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
  save_checkpoint(folder.path(), run.network, run.trainer, {});
  auto const at = *newest_checkpoint(folder.path());
  auto const load = [&] {
    Run<Gpt2, Float> fresh(backend, gpt2(), train_config());
    load_checkpoint(at, fresh.network, fresh.trainer);
  };
  CHECK_NOTHROW(load());
  auto const good = io::test::load(at / "state.json");
  auto const checksum = good.substr(good.find("checksum"), good.find(',') - good.find("checksum"));
  auto const state = [&](std::string const& step, std::string const& seconds) {
    return "{\n  \"" + checksum +
           ",\n  \"joules\": 0,\n  \"optimizer_step\": 1,\n  \"seconds\": " + seconds +
           ",\n  \"step\": " + step + "\n}\n";
  };
  io::test::store(at / "state.json", state("1", "0.0"));
  CHECK_NOTHROW(load());
  std::vector<std::string> bad{
      "", "{", "{\n", "[]", "{\n  \"step\": 1\n}\n", state("1", "0").substr(0, 40)};
  for (std::string const step : {"", "-1", "\"1\"", "1e99", "1.5", "9223372036854775808", "x"}) {
    bad.push_back(state(step, "0"));
  }
  for (std::string const seconds : {"", "-2", "nan", "1e999", "\"0\""}) {
    bad.push_back(state("1", seconds));
  }
  for (auto const& text : bad) {
    io::test::store(at / "state.json", text);
    CAPTURE(text);
    CHECK_THROWS_AS(load(), DataError);
  }
  io::test::store(at / "state.json", std::string(70000, ' '));
  CHECK_THAT(message_of<DataError>(load), Catch::Contains("at most 64 KB"));
  io::test::store(at / "state.json", good);
  auto flipped = io::test::load(at / "model.safetensors");
  flipped.back() = char(flipped.back() ^ 1);
  auto const weights = io::test::load(at / "model.safetensors");
  io::test::store(at / "model.safetensors", flipped);
  CHECK_THAT(message_of<DataError>(load), Catch::Contains("must have the checksum"));
  io::test::store(at / "model.safetensors", weights);
  auto const moments = io::test::load(at / "optimizer.safetensors");
  io::test::store(at / "optimizer.safetensors", moments.substr(0, moments.size() - 1));
  CHECK_THROWS_AS(load(), DataError);
  std::filesystem::remove(at / "optimizer.safetensors");
  CHECK_THROWS_AS(load(), DataError);
  std::filesystem::copy(at / "model.safetensors", at / "optimizer.safetensors");
  CHECK_THAT(message_of<DataError>(load), Catch::Contains("first_moment.embedding"));
  CHECK_THROWS_AS(newest_checkpoint(at / "state.json"), DataError);
}

TEST_CASE("weights of another step are not those of a checkpoint", "[train]") {
  TemporaryFolder folder;
  Float backend(1);
  Run<Gpt2, Float> run(backend, gpt2(), train_config());
  for (int i = 0; i < 2; ++i) {
    run.steps(1);
    save_checkpoint(folder.path(), run.network, run.trainer, {});
  }
  auto const at = folder / "step_00000002", before = folder / "step_00000001";
  CHECK(weights_of(at) == at / "model.safetensors");
  auto const whole = io::test::load(at / "model.safetensors");
  io::test::store(at / "model.safetensors", io::test::load(before / "model.safetensors"));
  CHECK_THAT(message_of<DataError>([&] { (void)weights_of(at); }),
             Catch::Contains("which state.json names; these are others"));
  // A file that names no checksum cannot be the one that was saved.
  auto nameless = whole;
  nameless.replace(nameless.find("checksum of 32"), 14, "chocksum of 32");
  io::test::store(at / "model.safetensors", nameless);
  CHECK_THROWS_AS(weights_of(at), DataError);
  io::test::store(at / "model.safetensors", whole);
  CHECK_NOTHROW(weights_of(at));
  std::filesystem::rename(before, folder / "step_00000009");
  CHECK_THAT(message_of<DataError>([&] { (void)weights_of(*newest_checkpoint(folder.path())); }),
             Catch::Contains("step must be that of the folder, got 1"));
}

TEST_CASE("every bit of a checkpoint's state counts", "[train]") {
  TemporaryFolder folder;
  RunState state;
  state.step = 12;
  state.optimizer_step = 11;
  state.spent = {1.5, 20.25};
  state.checksum = 0x123456789ABCDEF0;
  state.kernels = "avx2";
  state.logs = "0123456789abcdef changed";
  state.weights = "fedcba9876543210";
  auto const path = folder / "state.json";
  auto const same = [&](RunState const& other) {
    return other.step == state.step && other.optimizer_step == state.optimizer_step &&
           other.spent.seconds == state.spent.seconds && other.spent.joules == state.spent.joules &&
           other.checksum == state.checksum && other.kernels == state.kernels &&
           other.logs == state.logs && other.weights == state.weights;
  };
  auto const good = state_text(state);
  io::test::store(path, good);
  CHECK(same(read_state(path)));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto damaged = good;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << bit % 8));
    io::test::store(path, damaged);
    CAPTURE(damaged);
    CHECK_THROWS_AS(read_state(path), DataError);
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    io::test::store(path, good.substr(0, size));
    CHECK_THROWS_AS(read_state(path), DataError);
  }
}

TEST_CASE("the numbers of a checkpoint's state fit each other", "[train]") {
  TemporaryFolder folder;
  auto const path = folder / "state.json";
  RunState state;
  state.step = 3;
  state.optimizer_step = std::numeric_limits<std::int64_t>::max();
  io::test::store(path, state_text(state));
  CHECK_THAT(message_of<DataError>([&] { (void)read_state(path); }),
             Catch::Contains("optimizer_step must be at most step, 3, got 9223372036854775807"));
  state.optimizer_step = 2;
  state.spent.seconds = std::numeric_limits<double>::infinity();
  io::test::store(path, state_text(state));
  CHECK_THAT(message_of<DataError>([&] { (void)read_state(path); }), Catch::Contains("finite"));
}

TEST_CASE("a checkpoint that is a link is refused", "[train]") {
  TemporaryFolder folder;
  Float backend(1);
  Run<Gpt2, Float> run(backend, gpt2(), train_config());
  run.steps(1);
  save_checkpoint(folder / "here", run.network, run.trainer, {});
  auto const at = *newest_checkpoint(folder / "here");
  std::filesystem::create_directory_symlink(folder / "here", folder / "link");
  CHECK_THROWS_AS(newest_checkpoint(folder / "link"), DataError);
  CHECK_THROWS_AS(save_checkpoint(folder / "link", run.network, run.trainer, {}), DataError);
  std::filesystem::rename(at / "model.safetensors", folder / "weights");
  std::filesystem::create_symlink(folder / "weights", at / "model.safetensors");
  CHECK_THAT(message_of<DataError>([&] { (void)newest_checkpoint(folder / "here"); }),
             Catch::Contains("model.safetensors: must be a regular file, and it is a link"));
  CHECK_THROWS_AS(load_checkpoint(at, run.network, run.trainer), DataError);
}

}  // namespace
