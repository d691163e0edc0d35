// SPDX-License-Identifier: Apache-2.0
#include "moenda/mixture/sum.hpp"

#include "mixture/layer.hpp"
#include "model/models.hpp"

namespace {

using namespace moenda;
using laws::Double;

using Sparse = Mixture<router::TopK, expert::SwiGlu, loss::RouterZ>;
using Shared = Sum<Sparse, expert::SwiGlu>;
using Model =
    LanguageModel<TransformerBlock<norm::Rms, attention::MultiHead<position::Rope>, Shared>>;

constexpr int width = 6;

static_assert(LayerLike<Shared>);
// Several parts need several units perhaps: a sum is no expert unless it says which.
static_assert(!ExpertLike<Sum<expert::SwiGlu, expert::Ffn>>);
static_assert(ExpertLike<OneOf<expert::SwiGlu, expert::Ffn>>);
static_assert(!looks_ahead<Shared>);
static_assert(looks_ahead<Sum<expert::Ffn, Mixture<router::ExpertChoice, expert::Ffn>>>);

constexpr Shared::Config config() {
  Shared::Config c;
  get<Sparse>(c) = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 3}}};
  get<expert::SwiGlu>(c).hidden = 5;
  return c;
}

// router, 4 experts of width 3, one shared of width 5; an item leaves 2 of the experts out
static_assert(parameter_count(Shared::params<Shapes>(config(), width)) ==
              4 * width + 4 * 3 * 3 * width + 3 * 5 * width);
static_assert(idle_parameters<Shared>(config(), {.d_model = width}) == 2 * 3 * 3 * width);

/// The values of `from` in the place of those of `to`.
template <class P>
void copy_weights(P const& from, P const& to) {
  std::vector<double> values;
  walk(from,
       [&](Path const&, auto const& w) { values.insert(values.end(), w.data, w.data + w.size()); });
  std::size_t at = 0;
  walk(to, [&](Path const&, auto const& w) {
    std::copy_n(values.begin() + std::ptrdiff_t(at), w.size(), w.data);
    at += std::size_t(w.size());
  });
}

TEST_CASE("a sum is its parts computed apart", "[sum]") {
  auto c = config();
  get<loss::RouterZ>(get<Sparse>(c).loss).weight = 0.3;
  models::Layer<Shared, Double> sum(c, width);
  models::Layer<Sparse, Double> routed(get<Sparse>(c), width);
  models::Layer<expert::SwiGlu, Double> shared(get<expert::SwiGlu>(c), width);
  copy_weights(sum.params.groups[hana::size_c<0>], routed.params);
  copy_weights(sum.params.groups[hana::size_c<1>], shared.params);
  Batch const batch{nullptr, 2, 9};
  auto const x = laws::numbers<double>(batch.rows() * width, 1);
  auto const dy = laws::numbers<double>(batch.rows() * width, 2);
  auto const whole = sum.run(batch, x, dy), first = routed.run(batch, x, dy),
             second = shared.run(batch, x, dy);
  for (std::size_t i = 0; i < x.size(); ++i) {
    REQUIRE(whole.y[i] == first.y[i] + second.y[i]);
    REQUIRE(whole.dx[i] == first.dx[i] + second.dx[i]);
  }
  auto gradients = routed.gradients;
  gradients.insert(gradients.end(), shared.gradients.begin(), shared.gradients.end());
  CHECK(sum.gradients == gradients);
}

TEST_CASE("the parts of a sum are named, checked and told of the end of a step", "[sum]") {
  Model::Config c{.vocab_size = 31, .context_length = 8, .d_model = 8, .num_layers = 2};
  c.block.attention = {.num_heads = 2, .head_dim = 4};
  c.block.ffn = config();
  Double backend(1);
  Network<Model, Double> network(backend, c);
  std::vector<std::string> names;
  walk(network.params, [&](Path const& path, auto const&) { names.push_back(path.str()); });
  for (std::string const name : {"layers.1.ffn.mixture.router.weight",
                                 "layers.1.ffn.mixture.experts.3.up", "layers.1.ffn.swiglu.down"}) {
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  get<expert::SwiGlu>(c.block.ffn).hidden = 0;
  get<Sparse>(c.block.ffn).router.top_k = 5;
  CHECK_THROWS_WITH((Network<Model, Double>(backend, c)),
                    Catch::Contains("block.ffn.mixture.router.top_k") &&
                        Catch::Contains("block.ffn.swiglu.hidden"));
}

TEST_CASE("a sum passes on fit and after_step", "[sum]") {
  using Balanced = Mixture<router::BiasBalanced<router::TopK>, expert::Ffn>;
  using Both = Sum<expert::Ffn, Balanced>;
  Both::Config c;
  get<expert::Ffn>(c).hidden = 3;
  get<Balanced>(c).experts = {.count = 3, .each = {.hidden = 2}};
  models::Layer<Both, Double> layer(c, width);
  Batch const batch{nullptr, 1, 20};
  auto const x = laws::numbers<double>(batch.rows() * width, 1);
  layer.run(batch, x, x);
  auto const& bias = layer.params.groups[hana::size_c<1>].router.bias;
  std::vector<double> const before(bias.data, bias.data + bias.size());
  StepEnd<Double> end{layer.backend, 1, 0, 100};
  after_step<Both>(end, c, layer.params, layer.grads);
  CHECK(before != std::vector<double>(bias.data, bias.data + bias.size()));
}

}  // namespace
