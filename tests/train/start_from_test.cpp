// SPDX-License-Identifier: Apache-2.0
#include "moenda/train/start_from.hpp"

#include <catch2/catch.hpp>
#include <cstring>

#include "files/temporary_folder.hpp"
#include "train/runs.hpp"

using namespace moenda;
using laws::Double;

namespace {

using Attention = attention::GroupedQuery<position::Rope, attention::QkNorm>;
using Dense = LanguageModel<TransformerBlock<norm::Rms, Attention, expert::SwiGlu>>;
using Moe = models::MoeGqa;

Dense::Config dense() {
  auto const moe = models::moe_gqa();
  return {.vocab_size = moe.vocab_size,
          .context_length = moe.context_length,
          .d_model = moe.d_model,
          .num_layers = moe.num_layers,
          .block = {.attention = moe.block.attention, .ffn = moe.block.ffn.experts.each}};
}

template <class Network>
std::vector<double> logits(Network& network) {
  models::TextBatch const text(2, 12, 31);
  return models::copy_of(network.logits(text.batch));
}

}  // namespace

TEST_CASE("an upcycled mixture begins as the dense model", "[start_from]") {
  io::test::TemporaryFolder const folder;
  Double backend(1);
  Network<Dense, Double> source(backend, dense(), 3, 0.3);
  save_model(source, folder.path() / "dense.safetensors");
  Network<Moe, Double> mixture(backend, models::moe_gqa(), 8, 0.3);
  auto const before = logits(mixture);
  auto const started = start_from(mixture, folder.path() / "dense.safetensors");
  CHECK(started.upcycled == 2 * 4 * 3);  // layers, experts, gate up down
  CHECK(started.fresh == 2);             // routers
  CHECK(started.copied > 10);
  CHECK(laws::distance(logits(mixture), before) > 0.01);
  CHECK(laws::distance(logits(mixture), logits(source)) < 1e-13);
}

TEST_CASE("the same model is copied whole", "[start_from]") {
  io::test::TemporaryFolder const folder;
  Double backend(1);
  Network<Moe, Double> source(backend, models::moe_gqa(), 3, 0.3);
  save_model(source, folder.path() / "moe.safetensors");
  Network<Moe, Double> copy(backend, models::moe_gqa(), 4, 0.3);
  auto const started = start_from(copy, folder.path() / "moe.safetensors");
  CHECK(started.fresh == 0);
  CHECK(started.upcycled == 0);
  CHECK(copy.values.on_host() == source.values.on_host());
}

TEST_CASE("weights that do not fit are refused by name", "[start_from]") {
  io::test::TemporaryFolder const folder;
  Double backend(1);
  auto const file = folder.path() / "dense.safetensors";
  auto wide = dense();
  wide.block.ffn.hidden = 7;
  save_model(Network<Dense, Double>(backend, wide), file);
  Network<Moe, Double> mixture(backend, models::moe_gqa());
  CHECK_THROWS_WITH(start_from(mixture, file),
                    Catch::Contains("'layers.0.ffn.gate' must have the shape of "
                                    "'layers.0.ffn.experts.0.gate', [6, 8], but has [7, 8]"));
  save_model(Network<models::Gpt2, Double>(backend, models::gpt2()), file);
  CHECK_THROWS_AS(start_from(mixture, file), DataError);
  CHECK_THROWS_AS(start_from(mixture, folder.path() / "nothing"), DataError);
}

TEST_CASE("frozen tensors keep their values, all others learn", "[start_from]") {
  Double backend(1);
  auto how = runs::train_config();
  how.freeze = {"*.router.*", "*.experts.*", "embedding", "head"};
  how.optimizer.weight_decay = 0.1;
  runs::Run<Moe, Double> run(backend, models::moe_gqa(), how);
  auto const before = run.network.values.on_host();
  run.steps(3);
  std::size_t at = 0;
  walk(run.network.params, [&](Path const& path, auto const& weight) {
    auto const name = path.str();
    bool const frozen = name.find(".router.") != name.npos || name.find(".experts.") != name.npos ||
                        name == "embedding" || name == "head";
    auto const size = std::size_t(weight.size());
    bool const same =
        std::equal(before.begin() + std::ptrdiff_t(at), before.begin() + std::ptrdiff_t(at + size),
                   run.network.values.begin() + std::ptrdiff_t(at));
    CAPTURE(name);
    if (size > 0) CHECK(same == frozen);
    auto const gradient = run.network.gradients.begin() + std::ptrdiff_t(at);
    bool const no_gradient =
        std::all_of(gradient, gradient + std::ptrdiff_t(size), [](double d) { return d == 0; });
    if (size > 0) CHECK(no_gradient == frozen);  // nothing computes what nobody reads
    at += size;
  });
  how.freeze = {"*.ruter.*"};
  CHECK_THROWS_WITH((runs::Run<Moe, Double>(backend, models::moe_gqa(), how)),
                    Catch::Contains("freeze must name tensors of the model"));
}

TEST_CASE("a pattern's star stands for any letters", "[start_from]") {
  CHECK(matches("", ""));
  CHECK(matches("*", ""));
  CHECK(matches("a*c", "abbc"));
  CHECK(matches("a*b*c", "aXbYbZc"));
  CHECK(matches("*.router.*", "layers.3.ffn.router.weight"));
  CHECK_FALSE(matches("*.router.*", "layers.3.ffn.experts.weight"));
  CHECK_FALSE(matches("a", "ab"));
  CHECK_FALSE(matches("a*d", "abc"));
  CHECK(matches("**", "x"));
}

TEST_CASE("no damaged weight is begun with", "[start_from]") {
  io::test::TemporaryFolder const folder;
  Double backend(1);
  auto const file = folder.path() / "dense.safetensors";
  save_model(Network<Dense, Double>(backend, dense(), 3, 0.3), file);
  auto const good = io::test::load(file);
  Network<Moe, Double> mixture(backend, models::moe_gqa());
  std::uint64_t header = 0;
  std::memcpy(&header, good.data(), 8);
  for (std::size_t at = 8 + header; at < good.size(); at += 1 + good.size() / 9) {
    auto damaged = good;
    damaged[at] = char(damaged[at] ^ 1);
    io::test::store(file, damaged);
    CHECK_THROWS_WITH(start_from(mixture, file), Catch::Contains("the file is damaged"));
  }
}
