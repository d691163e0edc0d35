// SPDX-License-Identifier: Apache-2.0
// Auxiliary losses, drops and padding in a mixture.
#include "laws/layer_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/loss/entropy.hpp"
#include "moenda/loss/importance.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/loss/penalty.hpp"
#include "moenda/loss/router_z.hpp"
#include "moenda/loss/smooth_load.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/router/noisy_top_k.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using Everything = Mixture<router::NoisyTopK, expert::Ffn, loss::LoadBalancing, loss::RouterZ,
                           loss::Importance, loss::SmoothLoad, loss::Penalty, loss::Entropy>;

/// Every loss at once.
template <loss::Over Scope>
struct Full {
  using Module = Everything;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
  static Module::Config config() {
    Module::Config c{.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 3}}};
    get<loss::LoadBalancing>(c.loss) = {.weight = 0.5, .over = Scope};
    get<loss::RouterZ>(c.loss).weight = 0.3;
    get<loss::Importance>(c.loss).weight = 0.4;
    get<loss::SmoothLoad>(c.loss).weight = 0.6;
    get<loss::Penalty>(c.loss).weight = 0.7;
    get<loss::Entropy>(c.loss) = {.token_weight = 0.2, .marginal_weight = 0.8};
    return c;
  }
};
/// Full experts; who goes is up to D. Draws and gates of other rows decide, so all are reached.
template <Drop D>
struct Dropping {
  using Module = Mixture<router::TopK, expert::Ffn>;
  static constexpr int width = 6;
  static Module::Config config() {
    return {.router = {.top_k = 2},
            .experts = {.count = 4, .each = {.hidden = 3}},
            .capacity_factor = 0.5,
            .drop = D};
  }
};

using Layers = std::tuple<Full<loss::Over::sequence>, Full<loss::Over::global_batch>>;
TEMPLATE_LIST_TEST_CASE("mixtures with every loss obey the layer laws", "[laws]", Layers) {
  laws::check_layer<TestType>();
}

using Droppers = std::tuple<Dropping<Drop::probability>, Dropping<Drop::random>>;
TEMPLATE_LIST_TEST_CASE("mixtures with drop policies obey the layer laws", "[laws]", Droppers) {
  constexpr Batch small{nullptr, 2, 5}, large{nullptr, 2, 65};
  laws::gradients_are_right<TestType>(small);
  laws::gradients_accumulate<TestType>(small);
  laws::steps_repeat<TestType>(large);
  laws::threads_change_nothing<TestType>(large);
  laws::nothing_is_a_batch<TestType>();
  laws::poison_changes_nothing<TestType>(large);
  laws::steady_steps_allocate_nothing<TestType>(large);
}

/// What a mixture says of x in a context of one's own.
template <class Case>
struct Layer {
  using B = laws::Double;
  using M = typename Case::Module;
  explicit Layer(typename M::Config c) : subject(), config(std::move(c)) {}
  template <class F>
  void run(Batch batch, std::vector<double> const& x, bool training, F f) {
    arena.rewind();
    Context<B> ctx{subject.backend, arena, batch};
    ctx.training = training;
    auto input = ctx.tensor(batch.rows(), Case::width);
    std::copy(x.begin(), x.end(), input.data);
    typename M::template Cache<B> cache{};
    auto const y = M::forward(ctx, config, subject.params, cache, input);
    f(ctx, cache, y);
  }
  laws::Subject<Case, double> subject;
  typename M::Config config;
  StepMemory<laws::Double> arena;
};

TEST_CASE("losses belong to training alone, and so do drops", "[laws]") {
  auto const x = laws::numbers<double>(40 * 6, 1);
  Layer<Full<loss::Over::micro_batch>> full(Full<loss::Over::micro_batch>::config());
  double training = 0;
  full.run({nullptr, 1, 40}, x, true,
           [&](auto& ctx, auto&, auto) { training = ctx.auxiliary_loss(); });
  CHECK(training != 0);
  full.run({nullptr, 1, 40}, x, false,
           [&](auto& ctx, auto&, auto) { CHECK(ctx.auxiliary_loss() == 0); });
  Layer<Dropping<Drop::random>> dropping(Dropping<Drop::random>::config());
  dropping.run({nullptr, 1, 40}, x, true,
               [&](auto&, auto& cache, auto) { CHECK(cache.plan.num_dropped > 0); });
  dropping.run({nullptr, 1, 40}, x, false,
               [&](auto&, auto& cache, auto) { CHECK(cache.plan.num_dropped == 0); });
}

TEST_CASE("who is surest of an expert stays", "[laws]") {
  auto const x = laws::numbers<double>(50 * 6, 1);
  Layer<Dropping<Drop::probability>> layer(Dropping<Drop::probability>::config());
  layer.run({nullptr, 1, 50}, x, true, [&](auto&, auto& cache, auto) {
    auto const& plan = cache.plan;
    for (int e = 0; e < 4; ++e) {
      double least = 2, most = -1;  // of those who stay, and of those who go
      for (int i = 0; i < 50; ++i) {
        if (cache.gates.selected.data[i * 4 + e] == 0) continue;
        auto const begin = plan.item_of_slot.begin() + plan.bins[std::size_t(e)],
                   end = plan.item_of_slot.begin() + plan.bins[std::size_t(e) + 1];
        double const p = cache.gates.probs.data[i * 4 + e];
        if (std::find(begin, end, i) != end) {
          least = std::min(least, p);
        } else {
          most = std::max(most, p);
        }
      }
      CHECK(least > most);
    }
  });
}

TEST_CASE("padding is sent to no expert and moves nothing", "[laws]") {
  using Case = Full<loss::Over::sequence>;
  auto const config = [] {
    auto c = Case::config();
    get<loss::LoadBalancing>(c.loss).over = loss::Over::micro_batch;
    return c;
  }();
  std::vector<int> const lengths{3, 5};
  auto x = laws::numbers<double>(10 * 6, 1);
  double value = 0;
  std::vector<double> y;
  for (double const garbage : {0.5, -7.0}) {
    for (int row : {3, 4}) std::fill_n(x.begin() + row * 6, 6, garbage);
    Layer<Case> layer(config);
    layer.run({nullptr, 2, 5, 0, lengths.data()}, x, true, [&](auto& ctx, auto& cache, auto out) {
      for (int const item : cache.plan.item_of_slot) CHECK((item != 3 && item != 4));
      CHECK(cache.plan.num_slots == 16);
      std::vector<double> const got(out.data, out.data + out.size());
      CHECK(std::all_of(got.begin() + 18, got.begin() + 30, [](double v) { return v == 0; }));
      if (y.empty()) value = ctx.auxiliary_loss(), y = got;
      CHECK(ctx.auxiliary_loss() == value);
      CHECK(laws::same_bits(got, y));
    });
  }
}

TEST_CASE("what is wrong with a loss is said with its key", "[laws]") {
  auto config = Full<loss::Over::sequence>::config();
  get<loss::RouterZ>(config.loss).weight = -1;
  get<loss::Penalty>(config.loss).temperature = 0;
  Problems problems;
  check<Everything>(config, {}, problems);
  REQUIRE(problems.found().size() == 2);
  CHECK(problems.found()[0].where == "loss.router_z.weight");
  CHECK(problems.found()[1].where == "loss.penalty.temperature");
}

}  // namespace
