// SPDX-License-Identifier: Apache-2.0
// Every router that a file can name, inside a mixture and through a training.
#include <string_view>

#include "files/temporary_folder.hpp"
#include "laws/sequence_laws.hpp"
#include "runner/model.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Float;
using runner::AnyRouter;

using Moe = Mixture<AnyRouter, expert::SwiGlu>;
using Model =
    LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>, Moe>>;

/// As a file has it that says no more than the type; what is off by default is on.
std::vector<AnyRouter::Config> routers() {
  std::vector<AnyRouter::Config> all;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (all.push_back({std::in_place_index<I>, typename AnyRouter::Nth<I>::Config{}}), ...);
  }
  (std::make_index_sequence<AnyRouter::names.size()>{});
  for (auto& router : all) {
    if (auto* any = std::get_if<router::TopAny::Config>(&router.choice)) {
      any->initial_experts = 2;
      any->adapt_every = 3;
    }
    using Masked = router::MaskOutputs<router::TopK>::Config;
    if (auto* masked = std::get_if<Masked>(&router.choice)) masked->probability = 0.3;
  }
  return all;
}
std::string_view name_of(AnyRouter::Config const& router) {
  return AnyRouter::names[router.choice.index()];
}
/// What a token gets depends on the others by design: padding counts in how many an expert takes.
bool experts_choose(AnyRouter::Config const& router) {
  return name_of(router).find("expert_choice") != std::string_view::npos;
}

TEST_CASE("a training with any router resumes to the bit", "[train]") {
  for (auto const& router : routers()) {
    CAPTURE(name_of(router));
    Model::Config const config{
        .vocab_size = 31,
        .context_length = 12,
        .d_model = 8,
        .num_layers = 2,
        .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                  .ffn = {.router = router, .experts = {.count = 4, .each = {.hidden = 6}}}}};
    io::test::TemporaryFolder folder;
    Float backend(2), other(1);
    Run<Model, Float> straight(backend, config, train_config());
    straight.steps(12);
    Run<Model, Float> first(other, config, train_config());
    first.steps(5);
    save_checkpoint(folder.path(), first.network, first.trainer, {});
    Run<Model, Float> resumed(backend, config, train_config());
    load_checkpoint(newest_checkpoint(folder.path()).value(), resumed.network, resumed.trainer);
    resumed.steps(7);
    require_same_state(straight, resumed);
    CHECK(straight.losses.back() < straight.losses.front());
  }
}

/// A mixture of whichever router was chosen last.
struct Chosen {
  using Module = Moe;
  static constexpr int width = 6;
  static inline AnyRouter::Config router;
  static Moe::Config config() {
    return {.router = router, .experts = {.count = 4, .each = {.hidden = 5}}};
  }
};
/// Sequences whose tokens depend on their length and place alone, however they are padded.
struct Text : laws::PaddedBatch<float, Chosen::width> {
  Text(std::vector<int> counts, int seq_len, double filling)
      : PaddedBatch(std::move(counts), seq_len, filling), tokens(std::size_t(batch.rows())) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      int const row = int(i), length = lengths[i / std::size_t(seq_len)];
      tokens[i] = (7 * length + 3 * (row % seq_len)) % 31;
    }
    batch.tokens = tokens.data();
  }
  std::vector<int> tokens;
};

/// What a router decided: selected, then weights.
struct GatesProbe : RoutingHook<Float> {
  std::vector<float> gates;
  void observe(RoutingSite, Gates<Float> const& seen, DispatchPlan<Float> const&) override {
    for (auto const& table : {seen.selected, seen.weights}) {
      gates.insert(gates.end(), table.data, table.data + table.size());
    }
  }
};

struct Layer : laws::Subject<Chosen, float> {
  std::vector<float> answer(Text const& text, bool training, std::uint64_t step = 0,
                            RoutingHook<Float>* probe = nullptr) {
    arena.rewind();
    Context<Float> ctx{backend, arena, text.batch};
    ctx.training = training;
    ctx.step = step;
    ctx.hook = probe;
    auto x = ctx.tensor(text.batch.rows(), Chosen::width);  // [tokens, width]
    std::copy(text.x.begin(), text.x.end(), x.data);
    Moe::Cache<Float> cache{};
    return copy_of(Moe::forward(ctx, config, params, cache, x));
  }
};
/// The same sequences, padded a little and padded more with other numbers.
void require_same_sequences(Layer& layer, bool training) {
  std::vector<int> const lengths{17, 3, 12, 1, 16};
  Text const tight(lengths, 17, 0), loose(lengths, 24, -4.5);
  auto const expected = layer.answer(tight, training), got = layer.answer(loose, training);
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    REQUIRE(laws::same_bits(loose.rows_of(got, b), tight.rows_of(expected, b)));
  }
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE((!loose.is_padding(i) || got[i] == 0));
}

TEST_CASE("padding changes nothing, whatever the router", "[laws]") {
  for (auto const& router : routers()) {
    CAPTURE(name_of(router));
    Chosen::router = router;
    Layer layer;
    Text const text({5, 2, 4, 1}, 5, 0.3);
    auto const dx = layer.run(text.batch, text.x, text.dy).dx;
    for (std::size_t i = 0; i < dx.size(); ++i) REQUIRE((!text.is_padding(i) || dx[i] == 0));
    if (experts_choose(router)) continue;
    require_same_sequences(layer, false);
    // In training some draw by the place in the batch, and some plan for the whole batch.
    Text const long_text({200, 150}, 200, 0);
    bool const draws =
        !laws::same_bits(layer.answer(long_text, true, 1), layer.answer(long_text, true, 2));
    bool const plans = traits_of<AnyRouter>(router).couples_batch_in_training;
    if (!draws && !plans) require_same_sequences(layer, true);
  }
}

TEST_CASE("at evaluation a sequence is answered alike alone and in company", "[laws]") {
  for (auto const& router : routers()) {
    if (experts_choose(router)) continue;
    CAPTURE(name_of(router));
    Chosen::router = router;
    Layer layer;
    std::vector<int> const lengths{16, 9, 13};
    Text const all(lengths, 16, 0);
    auto const together = layer.answer(all, false);
    for (std::size_t b = 0; b < lengths.size(); ++b) {
      Text const alone({lengths[b]}, lengths[b], 0);
      auto const expected = all.rows_of(together, b);
      CHECK(laws::distance(layer.answer(alone, false), expected) <= laws::Tolerance<Float>::value);
    }
  }
}

TEST_CASE("routers decide in fp32 where experts compute in bf16", "[laws]") {
  for (auto const& router : routers()) {
    CAPTURE(name_of(router));
    Chosen::router = router;
    Layer layer;
    Text const text({40, 40}, 40, 0);
    GatesProbe exact, rounded;
    auto const y = layer.answer(text, true, 1, &exact);
    layer.backend.precision = Precision::bf16;
    auto const other = layer.answer(text, true, 1, &rounded);
    CHECK(laws::same_bits(rounded.gates, exact.gates));
    CHECK_FALSE(laws::same_bits(other, y));
  }
}

}  // namespace
