// SPDX-License-Identifier: Apache-2.0
#include "moenda/train/future_leak.hpp"

#include "moenda/router/expert_choice.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Double;

template <class Router>
using With = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<Router, expert::SwiGlu>>>;

template <class Router>
FutureLeak leak_of() {
  Double backend(1);
  typename With<Router>::Config c{
      .vocab_size = 31,
      .context_length = 12,
      .d_model = 8,
      .num_layers = 2,
      .block = {.attention = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4},
                .ffn = {.experts = {.count = 4, .each = {.hidden = 6}}}}};
  Network<With<Router>, Double> network(backend, c, 1, 0.5);
  return future_leak(network, windows(), 3);
}

TEST_CASE("a causal model leaks nothing", "[train]") {
  auto const leak = leak_of<router::TopK>();
  CHECK(leak.tokens == 36);
  CHECK(leak.loss_of_windows > 1);
  CHECK(std::abs(leak.nats()) < 1e-12);
}

TEST_CASE("expert choice predicts otherwise when it cannot see the future", "[train]") {
  auto const leak = leak_of<router::AllowFutureLeak<router::ExpertChoice>>();
  CHECK(std::abs(leak.nats()) > 1e-4);
}

}  // namespace
