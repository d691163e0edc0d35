// SPDX-License-Identifier: Apache-2.0
#include "model/network_gradients.hpp"

namespace {

using namespace models;
using laws::Double;
using laws::Float;

// The numbers of document 1.
using PaperMoe = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<router::TopK, expert::SwiGlu>>>;
constexpr PaperMoe::Config paper_moe{
    .vocab_size = 50257,
    .context_length = 256,
    .d_model = 512,
    .num_layers = 8,
    .block = {.attention = {.num_heads = 8, .num_kv_heads = 4, .head_dim = 64},
              .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 1024}}}}};
constexpr Gpt2::Config paper_gpt2{
    .vocab_size = 50257,
    .context_length = 256,
    .d_model = 512,
    .num_layers = 8,
    .block = {.attention = {.num_heads = 8, .head_dim = 64}, .ffn = {.hidden = 2048}}};
constexpr Gpt2::Config tied(Gpt2::Config c) {
  c.tied_head = true;
  return c;
}
static_assert(PaperMoe::parameter_count(paper_moe) == 108'112'384);
static_assert(PaperMoe::active_parameter_count(paper_moe) == 82'946'560);
static_assert(Gpt2::parameter_count(paper_gpt2) == 76'777'472);
static_assert(Gpt2::active_parameter_count(paper_gpt2) == 76'777'472);
static_assert(Gpt2::parameter_count(tied(paper_gpt2)) == 51'045'888);
static_assert(lists_all_fields<PaperMoe::Config> && lists_all_fields<Gpt2::Config>);

TEMPLATE_TEST_CASE("a model's gradients are right", "[model]", Gpt2, MoeGqa) {
  auto config = config_of<TestType>();
  check_network_gradients<TestType>(config, 12);
  config.tied_head = true;
  check_network_gradients<TestType>(config, 6);
}

// Another token may give an expert more than the few rows that products sum in an order of their
// own, so what does not change is the value, up to rounding.
TEST_CASE("what blocks read may be a multiple of the embedding", "[model]") {
  auto config = gpt2();
  config.tied_head = true;
  config.embedding_scale = 1.7;
  check_network_gradients<Gpt2>(config, 7);
  config.embedding_scale = 0;
  CHECK(Gpt2::check(config).str() == "embedding_scale: embedding_scale must be above 0, got 0");
}

TEMPLATE_TEST_CASE("a model sees no later token", "[model]", Gpt2, MoeGqa) {
  auto const config = config_of<TestType>();
  Float backend(1);
  Network<TestType, Float> network(backend, config, 3, 0.3);
  TextBatch text(2, 9, config.vocab_size);
  auto const logits = copy_of(network.logits(text.batch));
  for (int changed = 0; changed < 18; ++changed) {
    auto& token = text.tokens[std::size_t(changed)];
    auto const kept = std::exchange(token, (token + 5) % config.vocab_size);
    auto const other = copy_of(network.logits(text.batch));
    token = kept;
    bool reached = false;
    for (int row = 0; row < 18; ++row) {
      auto const begin = logits.begin() + row * config.vocab_size;
      bool const equal =
          std::equal(begin, begin + config.vocab_size, other.begin() + row * config.vocab_size,
                     [](float a, float b) { return std::abs(a - b) < 1e-5F; });
      CAPTURE(changed, row);
      if (row / 9 != changed / 9 || row < changed) REQUIRE(equal);
      if (!equal) reached = true;
    }
    CHECK(reached);
  }
}

TEMPLATE_TEST_CASE("threads and poison change no bit of a training pass", "[model]", Gpt2, MoeGqa) {
  auto config = config_of<TestType>();
  config.context_length = 70;
  TextBatch text(3, 65, config.vocab_size);
  auto const pass = [&](int threads, bool poison) {
    Float backend(threads);
    Training<TestType, Float> network(backend, config, 3, 0.3);
    network.arena.poison(poison);
    network.accumulate_gradients(text.batch, text.targets);
    auto const loss = network.losses().back();
    auto all = network.gradients.on_host();
    all.push_back(float(loss.mean));
    all.push_back(float(loss.auxiliary));
    return all;
  };
  auto const expected = pass(1, false);
  CHECK(laws::all_finite(expected));
  for (int const threads : {1, 2, 3, 8}) CHECK(laws::same_bits(pass(threads, true), expected));
}

TEMPLATE_TEST_CASE("ignored targets count nothing", "[model]", Gpt2, MoeGqa) {
  auto const config = config_of<TestType>();
  Double backend(1);
  Training<TestType, Double> network(backend, config, 3, 0.3);
  TextBatch text(2, 8, config.vocab_size);
  std::vector<double> losses(16);
  auto const all = network.evaluate(text.batch, text.targets, losses);
  CHECK(all.tokens == 16);
  auto targets = text.targets;
  double sum = 0;
  for (std::size_t t = 0; t < 16; ++t) {
    if (t % 3 == 0)
      targets[t] = -1;
    else
      sum += losses[t];
  }
  auto const some = network.evaluate(text.batch, targets);
  CHECK(some.tokens == 10);
  CHECK(some.mean == Approx(sum / 10).epsilon(1e-12));
  // None at all: a loss of 0, and only the auxiliary losses move the weights.
  std::fill(targets.begin(), targets.end(), -1);
  network.zero_gradients();
  network.accumulate_gradients(text.batch, targets);
  auto const none = network.losses().back();
  CHECK(none.mean == 0);
  CHECK(none.tokens == 0);
  CHECK(laws::all_finite(network.gradients));
  double head = 0;
  auto const& weight = TestType::head(config, network.grads);
  for (std::ptrdiff_t i = 0; i < weight.size(); ++i) head += std::abs(weight.data[i]);
  CHECK(head == 0);
}

TEMPLATE_TEST_CASE("an empty batch is a batch", "[model]", Gpt2, MoeGqa) {
  Float backend(1);
  Training<TestType, Float> network(backend, config_of<TestType>());
  network.zero_gradients();
  for (Batch const batch : {Batch{nullptr, 0, 5}, Batch{nullptr, 2, 0}}) {
    network.accumulate_gradients(batch, {});
    auto const loss = network.losses().back();
    CHECK(loss.mean == 0);
    CHECK(loss.auxiliary == 0);
    for (float const g : network.gradients) REQUIRE(g == 0);
    CHECK(network.logits(batch).rows == 0);
  }
}

TEMPLATE_TEST_CASE("bad input is refused with the numbers", "[model]", Gpt2, MoeGqa) {
  auto const config = config_of<TestType>();
  Float backend(1);
  Training<TestType, Float> network(backend, config);
  TextBatch text(2, 6, config.vocab_size);
  for (int const bad : {-1, 31, 1 << 30, -(1 << 30)}) {
    text.tokens[7] = bad;
    CHECK_THROWS_WITH(
        network.evaluate(text.batch, text.targets),
        "Batch: token 7 has id " + std::to_string(bad) + ", but ids must lie in 0..30");
    CHECK_THROWS_AS(network.logits(text.batch), DataError);
    CHECK_THROWS_AS(network.accumulate_gradients(text.batch, text.targets), DataError);
  }
  text.tokens[7] = 0;
  for (int const bad : {-2, 31, 1 << 30}) {
    text.targets[7] = bad;
    auto const said = "Batch: target 7 is " + std::to_string(bad) +
                      ", but targets must be -1 (ignored) or lie in 0..30";
    CHECK_THROWS_WITH(network.evaluate(text.batch, text.targets), said);
    CHECK_THROWS_WITH(network.accumulate_gradients(text.batch, text.targets), said);
  }
  text.targets[7] = 0;
  CHECK_THROWS_WITH(network.evaluate({text.tokens.data(), 1, 12, 1}, {}),
                    Catch::Contains("position + seq_len must fit context_length (13 vs 12)"));
  CHECK_THROWS_AS(network.logits({text.tokens.data(), 1, 6, 1 << 30}), ConfigError);
  CHECK_THROWS_AS(network.logits({text.tokens.data(), -1, 6}), ConfigError);
  CHECK_THROWS_AS(network.logits({text.tokens.data(), 1, 6, -1}), ConfigError);
  CHECK_THROWS_AS(network.evaluate(text.batch, std::span(text.targets).first(5)), ConfigError);
  std::vector<float> losses(3);
  CHECK_THROWS_AS(network.evaluate(text.batch, text.targets, losses), ConfigError);
  CHECK_NOTHROW(network.evaluate(text.batch, text.targets));  // and it still works
}

TEST_CASE("a wrong configuration is refused with every key", "[model]") {
  auto config = moe_gqa();
  config.vocab_size = 0;
  config.block.attention.num_kv_heads = 3;
  config.block.ffn.router.top_k = 9;
  get<loss::RouterZ>(config.block.ffn.loss).weight = -1;
  auto const text = MoeGqa::check(config).str();
  CHECK_THAT(text, Catch::Contains("vocab_size: vocab_size must be in 1..268435456, got 0"));
  CHECK_THAT(text, Catch::Contains("block.attention.num_kv_heads: num_kv_heads must divide "
                                   "num_heads, got 3 and 4"));
  CHECK_THAT(text, Catch::Contains("block.ffn.router.top_k: top_k must be in 1..4"));
  CHECK_THAT(text, Catch::Contains("block.ffn.loss"));
  CHECK(MoeGqa::check(config).found().size() == 4);
  Float backend(1);
  CHECK_THROWS_AS((Network<MoeGqa, Float>(backend, config)), ConfigError);
}

TEST_CASE("initial weights depend on seed and name alone", "[model]") {
  Float backend(2);
  Network<MoeGqa, Float> a(backend, moe_gqa(), 5), b(backend, moe_gqa(), 5),
      c(backend, moe_gqa(), 6);
  CHECK(a.values.on_host() == b.values.on_host());
  CHECK(a.values.on_host() != c.values.on_host());
  auto deeper = moe_gqa();
  deeper.num_layers = 3;
  Network<MoeGqa, Float> d(backend, deeper, 5);
  auto const& first = a.params.layers[1].attention.query;
  CHECK(std::equal(first.data, first.data + first.size(), d.params.layers[1].attention.query.data));
  // 0.02 for most, 0.02 / sqrt(2 layers) for what writes to the residual stream, 1 for gains.
  auto large = gpt2();
  large.vocab_size = 3000;
  large.block.ffn.hidden = 2000;
  Network<Gpt2, Float> e(backend, large, 5);
  auto const deviation = [](auto const& w) {
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < w.size(); ++i) sum += double(w.data[i]) * double(w.data[i]);
    return std::sqrt(sum / double(w.size()));
  };
  CHECK(deviation(e.params.embedding) == Approx(0.02).epsilon(0.03));
  CHECK(deviation(e.params.layers[0].ffn.up) == Approx(0.02).epsilon(0.03));
  CHECK(deviation(e.params.layers[0].ffn.down) == Approx(0.01).epsilon(0.03));
  CHECK(deviation(e.params.final_norm.gain) == 1);
  CHECK(deviation(e.params.final_norm.bias) == 0);
}

}  // namespace
