// SPDX-License-Identifier: Apache-2.0
// What is new here: a set-up that cannot work is refused, by the same sentence twice: by the
// compiler when the type alone shows it, by check() when a OneOf decides at run time.
#include <cstdio>
#include <moenda/moenda.hpp>

using namespace moenda;

/// Says of itself that a token's route depends on later tokens, as it does when experts pick their
/// tokens (Zhou et al. 2022). Only what it says matters here: the passes are TopK's.
struct LooksAhead : router::TopK {
  static constexpr char const* name = "looks_ahead";
  static constexpr RouterTraits traits{.causal_at_evaluation = false};
};

template <class Router>
using Block = TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                               Mixture<Router, expert::SwiGlu>>;

// The fact is a constant that your own templates can ask for ...
static_assert(looks_ahead<Block<LooksAhead>>);
static_assert(!looks_ahead<Block<router::TopK>>);
// ... and a router that looks ahead is at home in a mixture; only a causal model refuses it.
static_assert(LayerLike<Block<LooksAhead>>);

#ifdef MOENDA_MUST_FAIL  // delete this line and the #endif, and the compiler says:
// says: LanguageModel: the router chooses by looking at later tokens, so a causal model would see
// says: the future; wrap it in router::AllowFutureLeak<...> to accept that
static_assert(sizeof(LanguageModel<Block<LooksAhead>>) > 0);
#endif

// A OneOf keeps the choice from the compiler: both models are in this type.
using Routers = OneOf<router::TopK, LooksAhead>;
using Model = LanguageModel<Block<Routers>>;

template <class Router>
void try_router() {
  Model::Config const config{
      .vocab_size = 256,
      .context_length = 64,
      .d_model = 32,
      .num_layers = 2,
      .block = {.attention = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 8},
                .ffn = {.router = Routers::choose<Router>(),
                        .experts = {.count = 4, .each = {.hidden = 64}}}}};
  auto const problems = Model::check(config);
  std::printf("%-12s %s\n", Router::name, problems.empty() ? "is fine" : problems.str().c_str());
}

int main() {
  std::printf("compile time, with -DMOENDA_MUST_FAIL:\n%s\n\nrun time, with the key:\n",
              MOENDA_RULE_CAUSAL);
  try_router<router::TopK>();
  try_router<LooksAhead>();
}
