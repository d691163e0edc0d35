// SPDX-License-Identifier: Apache-2.0
// What a router that looks ahead does to a causal model, shown by changing one token.
#include "model/models.hpp"
#include "moenda/router/expert_choice.hpp"

namespace {

using namespace models;
using laws::Double;
using router::AllowFutureLeak, router::ExpertChoice, router::ExpertChoiceAtPosition,
    router::ExpertChoiceInSequence;

template <class Router>
using Causal = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                              Mixture<Router, expert::Ffn>>>;

template <class Router>
typename Causal<Router>::Config config_of_router(typename Router::Config const& router = {}) {
  return {.vocab_size = 31,
          .context_length = 16,
          .d_model = 8,
          .num_layers = 2,
          .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                    .ffn = {.router = router, .experts = {.count = 4, .each = {.hidden = 6}}}}};
}

struct Change {
  double earlier = 0, same_place = 0, other_sequences = 0;
};
/// How much the logits of a text change, at the most, when token `at` of its second sequence does.
template <class Router>
Change change_of(int at) {
  constexpr int batch_size = 3, length = 12;
  Double backend(1);
  Network<Causal<Router>, Double> network(backend, config_of_router<Router>(), 3, 0.3);
  TextBatch text(batch_size, length, 31);
  auto const before = models::copy_of(network.logits(text.batch));
  auto& token = text.tokens[std::size_t(length + at)];
  token = (token + 7) % 31;
  auto const after = models::copy_of(network.logits(text.batch));
  Change change;
  for (std::size_t i = 0; i < before.size(); ++i) {
    auto const row = int(i / 31);
    double const by = std::abs(after[i] - before[i]);
    if (row % length < at) change.earlier = std::max(change.earlier, by);
    if (row / length != 1) change.other_sequences = std::max(change.other_sequences, by);
    if (row == length + at) change.same_place = std::max(change.same_place, by);
  }
  return change;
}
/// The largest change over all places of the changed token.
template <class Router>
Change largest_change() {
  Change largest;
  for (int at = 1; at < 12; ++at) {
    auto const change = change_of<Router>(at);
    CHECK(change.same_place > 1e-3);
    largest.earlier = std::max(largest.earlier, change.earlier);
    largest.other_sequences = std::max(largest.other_sequences, change.other_sequences);
  }
  return largest;
}

TEST_CASE("with expert choice, earlier outputs see later tokens", "[model]") {
  CHECK(largest_change<router::TopK>().earlier == 0);
  CHECK(largest_change<router::TopK>().other_sequences == 0);
  auto const among_all = largest_change<AllowFutureLeak<ExpertChoice>>();
  CHECK(among_all.earlier > 1e-3);
  CHECK(among_all.other_sequences > 1e-3);
  auto const in_sequence = largest_change<AllowFutureLeak<ExpertChoiceInSequence>>();
  CHECK(in_sequence.earlier > 1e-3);
  CHECK(in_sequence.other_sequences == 0);
}

TEST_CASE("experts that choose at one position see the batch, but no later token", "[model]") {
  auto const at_position = largest_change<ExpertChoiceAtPosition>();
  CHECK(at_position.earlier == 0);
  CHECK(at_position.other_sequences > 1e-3);
}

TEST_CASE("a causal model refuses experts that choose, unless the leak is accepted", "[model]") {
  using Chosen = OneOf<router::TopK, ExpertChoice, ExpertChoiceInSequence, ExpertChoiceAtPosition>;
  auto const problems_of = [](Chosen::Config const& router) {
    return Causal<Chosen>::check(config_of_router<Chosen>(router)).str();
  };
  CHECK(problems_of(router::TopK::Config{}).empty());
  CHECK(problems_of(ExpertChoiceAtPosition::Config{}).empty());
  CHECK(problems_of(ExpertChoice::Config{}) == "block.ffn.router: " MOENDA_RULE_CAUSAL);
  CHECK(problems_of(ExpertChoiceInSequence::Config{}) == "block.ffn.router: " MOENDA_RULE_CAUSAL);
  using Allowed = OneOf<router::TopK, AllowFutureLeak<ExpertChoice>>;
  auto const allowed = config_of_router<Allowed>(ExpertChoice::Config{});
  CHECK(Causal<Allowed>::check(allowed).empty());
}

TEST_CASE("an allowed leak is no secret", "[model]") {
  using Hidden = OneOf<router::TopK, router::MaskOutputs<AllowFutureLeak<ExpertChoice>>>;
  constexpr auto traits = static_traits<AllowFutureLeak<ExpertChoice>>();
  static_assert(!traits.causal_at_evaluation && traits.future_leak_allowed);
  static_assert(!looks_ahead<Causal<AllowFutureLeak<ExpertChoice>>>);
  static_assert(looks_ahead<Mixture<router::MaskOutputs<ExpertChoice>, expert::Ffn>>);
  auto const sees = [](Hidden::Config const& router) {
    return sees_later_tokens<Causal<Hidden>>(config_of_router<Hidden>(router));
  };
  CHECK(!sees(router::TopK::Config{}));
  CHECK(sees(router::MaskOutputs<AllowFutureLeak<ExpertChoice>>::Config{}));
  CHECK(!sees_later_tokens<Causal<ExpertChoiceAtPosition>>(
      config_of_router<ExpertChoiceAtPosition>()));
}

TEST_CASE("an allowed leak trains", "[model]") {
  using Leaking = Causal<AllowFutureLeak<ExpertChoice>>;
  Double backend(2);
  Training<Leaking, Double> network(backend, config_of_router<AllowFutureLeak<ExpertChoice>>());
  TextBatch text(2, 12, 31);
  double last = INFINITY;
  for (int step = 0; step < 5; ++step) {
    network.zero_gradients();
    network.accumulate_gradients(text.batch, text.targets);
    auto const loss = network.losses().back().mean;
    CHECK(loss < last);
    last = loss;
    for (std::size_t i = 0; i < network.values.size(); ++i) {
      network.values[i] -= 0.5 * network.gradients[i];
    }
  }
}

TEST_CASE("padding is chosen by no expert", "[model]") {
  Double backend(1);
  StepMemory<Double> arena;
  std::vector<int> const lengths{3, 6};
  Context<Double> ctx{backend, arena, {nullptr, 2, 6, 0, lengths.data()}};
  auto params = ExpertChoice::params<Double>({}, 4, 4);
  auto weight = laws::numbers<double>(16, 5), x = laws::numbers<double>(48, 6);
  bind(params, weight.data());
  ExpertChoice::Cache<Double> cache{};
  auto const gates = ExpertChoice::forward(ctx, {.experts_per_token = 4}, params, cache,
                                           Tensor<Double>{x.data(), 12, 4}, 4);
  for (int row = 0; row < 12; ++row) {
    bool const padding = row >= 3 && row < 6;
    for (int e = 0; e < 4; ++e) CHECK(gates.selected.data[row * 4 + e] == (padding ? 0 : 1));
  }
}

}  // namespace
