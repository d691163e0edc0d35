// SPDX-License-Identifier: Apache-2.0
// Layers that differ: sparse and dense ones, and numbers of experts.
#include "moenda/mixture/interleave.hpp"

#include "model/models.hpp"

namespace {

using namespace moenda;
using laws::Double;

using Sparse = Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing>;
using Layers = Interleave<Sparse, expert::SwiGlu>;
template <class FeedForward>
using ModelOf =
    LanguageModel<TransformerBlock<norm::Rms, attention::MultiHead<position::Rope>, FeedForward>>;
using Model = ModelOf<OneOf<expert::Ffn, Layers>>;

static_assert(LayerLike<Layers>);
static_assert(!looks_ahead<Layers>);
static_assert(looks_ahead<Interleave<Mixture<router::ExpertChoice, expert::Ffn>, expert::Ffn>>);

constexpr Layers::Config layers(int every, int first) {
  return {.every = every,
          .first = first,
          .sparse = {.router = {.top_k = 1}, .experts = {.count = 4, .each = {.hidden = 3}}},
          .dense = {.hidden = 5}};
}
template <class M>
constexpr typename M::Config config_of(typename M::Config const&, auto ffn, int num_layers) {
  typename M::Config c{
      .vocab_size = 31, .context_length = 8, .d_model = 8, .num_layers = num_layers};
  c.block.attention = {.num_heads = 2, .head_dim = 4};
  c.block.ffn = std::move(ffn);
  return c;
}
constexpr Model::Config config(int every, int first, int num_layers = 5) {
  return config_of<Model>({}, layers(every, first), num_layers);
}

constexpr std::ptrdiff_t d = 8, sparse_size = 4 * d + 4 * 3 * 3 * d, dense_size = 3 * 5 * d;
constexpr std::ptrdiff_t size_without_ffn = 2 * 31 * d + d + 5 * (2 * d + 4 * d * d);
#if __cpp_lib_variant >= 202106L  // a variant of vectors is constexpr
static_assert(Model::parameter_count(config(2, 1)) ==
              size_without_ffn + 2 * sparse_size + 3 * dense_size);
#endif

TEST_CASE("parameters of interleaved layers are counted layer by layer", "[interleave]") {
  // Layers 1 and 3 of 5 are sparse; each leaves 3 of its 4 experts out.
  auto const c = config(2, 1);
  CHECK(Model::parameter_count(c) == size_without_ffn + 2 * sparse_size + 3 * dense_size);
  CHECK(Model::active_parameter_count(c) == Model::parameter_count(c) - 2 * 3 * 3 * 3 * d);
  CHECK(Model::parameter_count(config(1, 1)) == size_without_ffn + 4 * sparse_size + dense_size);
  CHECK(Model::parameter_count(config(3, 0)) ==
        size_without_ffn + 2 * sparse_size + 3 * dense_size);
}

struct Seen : RoutingHook<Double> {
  std::vector<std::array<int, 2>> experts_of_layer;  // in the order of the calls
  void observe(RoutingSite at, Gates<Double> const&, DispatchPlan<Double> const& plan) override {
    experts_of_layer.push_back({at.layer, plan.num_experts});
  }
};

/// Gradients of the whole model against central differences, of a few weights of every tensor.
template <class Network>
void check_gradients(Network& network, models::TextBatch const& text) {
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets);
  auto const loss = [&] { return network.evaluate(text.batch, text.targets).mean; };
  walk(network.params, [&](Path const& path, auto const& weight) {
    for (std::ptrdiff_t i = 0; i < weight.size(); i += 1 + weight.size() / 3) {
      double& value = weight.data[i];
      double const kept = value, step = 1e-5;
      value = kept + step;
      double const above = loss();
      value = kept - step;
      double const below = loss();
      value = kept;
      INFO(path.str() << " " << i);
      double const expected = (above - below) / (2 * step);
      double const got = network.gradients[std::size_t(&value - network.values.data())];
      REQUIRE(std::abs(got - expected) <= 1e-7);
    }
  });
}

TEST_CASE("sparse and dense layers take turns", "[interleave]") {
  Double backend(1);
  Training<Model, Double> network(backend, config(2, 1), 3, 0.3);
  std::vector<std::string> names;
  walk(network.params, [&](Path const& path, auto const&) { names.push_back(path.str()); });
  for (std::string const name : {"layers.0.ffn.up", "layers.1.ffn.router.weight",
                                 "layers.3.ffn.experts.3.up", "layers.4.ffn.down"}) {
    CAPTURE(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  CHECK(std::count(names.begin(), names.end(), "layers.2.ffn.router.weight") == 0);
  models::TextBatch const text(2, 8, 31);
  Seen seen;
  network.evaluate(text.batch, text.targets, {}, &seen);
  CHECK(seen.experts_of_layer == std::vector<std::array<int, 2>>{{1, 4}, {3, 4}});
  check_gradients(network, text);
}

TEST_CASE("all layers sparse, or all dense, is the plain model", "[interleave]") {
  Double backend(1);
  models::TextBatch const text(2, 8, 31);
  auto const loss = [&](auto& network) {
    network.accumulate_gradients(text.batch, text.targets);
    return network.losses().back().mean;
  };
  Training<Model, Double> all_sparse(backend, config(1, 0), 3, 0.3);
  using Plain = ModelOf<Sparse>;
  Training<Plain, Double> plain(backend, config_of<Plain>({}, layers(1, 0).sparse, 5), 3, 0.3);
  CHECK(loss(all_sparse) == loss(plain));
  CHECK(all_sparse.gradients.on_host() == plain.gradients.on_host());

  Training<Model, Double> one_sparse(backend, config(9, 4), 3, 0.3);
  using Dense = ModelOf<expert::SwiGlu>;
  Training<Dense, Double> dense(backend, config_of<Dense>({}, layers(1, 0).dense, 4), 3, 0.3);
  CHECK(count(one_sparse.params.layers[3].ffn) == count(dense.params.layers[3].ffn));
}

TEST_CASE("layers may be dense all the same", "[interleave]") {
  auto ffn = layers(2, 0);  // 0, 2 and 4 of 5
  ffn.dense_layers = {2, 3};
  auto const c = config_of<Model>({}, ffn, 5);
  CHECK(Model::parameter_count(c) == size_without_ffn + 2 * sparse_size + 3 * dense_size);
  CHECK(!ffn.is_sparse({2}));
  CHECK(ffn.is_sparse({4}));
  ffn.dense_layers = {5};
  CHECK(Model::check(config_of<Model>({}, ffn, 5)).str() ==
        "block.ffn.dense_layers: dense_layers must be layers of the model, counted from 0, got 5");
}

TEST_CASE("interleaving is checked", "[interleave]") {
  auto const problems = [](Model::Config const& c) { return Model::check(c).str(); };
  CHECK(problems(config(2, 4)).empty());
  CHECK(problems(config(0, 1)) == "block.ffn.every: every must be at least 1, got 0");
  CHECK(problems(config(2, -1)) == "block.ffn.first: first must be at least 0, got -1");
  CHECK(problems(config(2, 5)) ==
        "block.ffn.first: first must be below num_layers, or no layer is sparse, got 5");
  auto c = layers(2, 1);
  c.dense.hidden = 0;
  c.sparse.experts.count = 0;
  auto const both = problems(config_of<Model>({}, c, 5));
  CHECK_THAT(both, Catch::Contains("block.ffn.dense.hidden") &&
                       Catch::Contains("block.ffn.sparse.experts.count"));
}

Sparse::Config counts(std::vector<int> per_layer) {
  Sparse::Config c{.router = {.top_k = 2}, .experts = {.each = {.hidden = 3}}};
  c.experts.count_per_layer = std::move(per_layer);
  return c;
}
using Varied = ModelOf<Sparse>;
Varied::Config varied(std::vector<int> per_layer) {
  return config_of<Varied>({}, counts(std::move(per_layer)), 3);
}

TEST_CASE("every layer may have a number of experts of its own", "[interleave]") {
  Double backend(1);
  Training<Varied, Double> network(backend, varied({2, 5, 3}), 3, 0.3);
  models::TextBatch const text(2, 8, 31);
  Seen seen;
  network.evaluate(text.batch, text.targets, {}, &seen);
  CHECK(seen.experts_of_layer == std::vector<std::array<int, 2>>{{0, 2}, {1, 5}, {2, 3}});
  CHECK(Varied::parameter_count(network.config) - Varied::active_parameter_count(network.config) ==
        (0 + 3 + 1) * 3 * 3 * d);
  CHECK(count(network.params.layers[1].ffn.router) == 5 * d);
  check_gradients(network, text);

  auto equal = varied({4, 4, 4}), plain = varied({});
  plain.block.ffn.experts.count = 4;
  Training<Varied, Double> first(backend, equal, 3, 0.3), second(backend, plain, 3, 0.3);
  first.accumulate_gradients(text.batch, text.targets);
  second.accumulate_gradients(text.batch, text.targets);
  CHECK(first.gradients.on_host() == second.gradients.on_host());
}

TEST_CASE("numbers of experts are checked layer by layer", "[interleave]") {
  CHECK(Varied::check(varied({2, 5, 3})).empty());
  CHECK(Varied::check(varied({2, 5})).str() ==
        "block.ffn.experts.count_per_layer: count_per_layer must be empty or as long as the model "
        "has layers, got 2");
  CHECK_THAT(Varied::check(varied({2, 5, 1})).str(), Catch::Contains("block.ffn.router.top_k"));
  CHECK_THAT(Varied::check(varied({2, 5, 0})).str(),
             Catch::Contains("block.ffn.experts.count_per_layer"));
  CHECK_THAT(Varied::check(varied({2, -5, 3})).str(),
             Catch::Contains("count_per_layer must be counts of at least 0, got -5"));
}

}  // namespace
