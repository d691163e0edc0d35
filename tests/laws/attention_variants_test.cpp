// SPDX-License-Identifier: Apache-2.0
// What published models ask of attention beside heads and positions.
#include "laws/sequence_laws.hpp"
#include "moenda/attention/grouped_query.hpp"
#include "moenda/attention/multi_head.hpp"
#include "moenda/module/check.hpp"

namespace {

using namespace moenda;
using attention::Bias;
using attention::GroupedQuery;
using attention::NormOver;
using attention::QkNorm;
using position::ScalingKind;

struct Base {
  using Module = GroupedQuery<position::Rope, QkNorm>;
  static constexpr int width = 10;
  static constexpr laws::Reach reach = laws::Reach::sequence;
  static Module::Config plain() {
    return {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4, .bias = Bias::qkv};
  }
};
/// OLMoE: one norm over all heads, limits behind it.
struct Clipped : Base {
  static Module::Config config() {
    auto c = plain();
    c.head_norm_over = NormOver::all_heads;
    c.clip = 0.7;
    return c;
  }
};
/// Mistral: the layer of the laws is 0.
struct WindowOfLayer : Base {
  static Module::Config config() {
    auto c = plain();
    c.window_per_layer = {2, 0};
    return c;
  }
};
struct Yarn : Base {
  static Module::Config config() {
    auto c = plain();
    c.position.scaling = {.kind = ScalingKind::yarn, .factor = 4, .original_context_length = 8};
    return c;
  }
};
struct HeadsOfLlama3 {
  using Module = attention::MultiHead<position::Rope>;
  static constexpr int width = 10;
  static constexpr laws::Reach reach = laws::Reach::sequence;
  static Module::Config config() {
    Module::Config c{.num_heads = 2, .head_dim = 6, .clip = 0.5};
    c.position.scaling = {.kind = ScalingKind::llama3, .factor = 8, .original_context_length = 16};
    return c;
  }
};
using Variants = std::tuple<Clipped, WindowOfLayer, Yarn, HeadsOfLlama3>;

TEMPLATE_LIST_TEST_CASE("variants of attention obey the layer laws", "[laws]", Variants) {
  laws::check_layer<TestType>();
}

template <class Case>
std::vector<float> outputs(typename Case::Module::Config const& config, int layer = 0) {
  laws::Subject<Case, float> subject;
  subject.config = config;
  subject.arena.rewind();
  Context<laws::Float> ctx{subject.backend, subject.arena, Batch{nullptr, 1, 9}};
  ctx.layer = layer;
  auto x = ctx.tensor(9, Case::width);  // [tokens, width]
  auto const numbers = laws::numbers<float>(9 * Case::width, 1);
  std::copy(numbers.begin(), numbers.end(), x.data);
  typename Case::Module::template Cache<laws::Float> cache{};
  auto const y = Case::Module::forward(ctx, config, subject.params, cache, x);
  return {y.data, y.data + y.size()};
}

TEST_CASE("every layer has its own window", "[laws]") {
  auto const per_layer = WindowOfLayer::config();
  auto one = Base::plain();
  one.window = 2;
  CHECK(laws::same_bits(outputs<WindowOfLayer>(per_layer, 0), outputs<WindowOfLayer>(one)));
  CHECK(
      laws::same_bits(outputs<WindowOfLayer>(per_layer, 1), outputs<WindowOfLayer>(Base::plain())));
  CHECK_FALSE(laws::same_bits(outputs<WindowOfLayer>(one), outputs<WindowOfLayer>(Base::plain())));
}

TEST_CASE("limits change what lies beyond them, and wide ones nothing", "[laws]") {
  auto config = Clipped::config();
  auto const clipped = outputs<Clipped>(config);
  config.clip = 0;
  auto const free = outputs<Clipped>(config);
  config.clip = 100;
  CHECK(laws::same_bits(outputs<Clipped>(config), free));
  CHECK(laws::distance(clipped, free) > 1e-3);
}

TEST_CASE("a scaling by 1 is none, and linear scaling divides positions", "[laws]") {
  std::vector<double> frequencies(3);
  position::RopeScaling scaling{.kind = ScalingKind::linear, .factor = 4};
  scaling.fill(frequencies, 10000);
  for (int i = 0; i < 3; ++i) {
    CHECK(frequencies[std::size_t(i)] == Approx(std::pow(10000, -i / 3.0) / 4).epsilon(1e-14));
  }
  for (auto const kind : {ScalingKind::linear, ScalingKind::llama3, ScalingKind::yarn}) {
    scaling = {.kind = kind, .factor = 1, .original_context_length = 8};
    scaling.fill(frequencies, 10000);
    CHECK(frequencies[1] == Approx(std::pow(10000, -1 / 3.0)).epsilon(1e-14));
    CHECK(scaling.length_factor() == 1);
    auto config = Base::plain();
    config.position.scaling = scaling;
    auto const plain = outputs<Yarn>(Base::plain());
    CHECK(laws::distance(outputs<Yarn>(config), plain) < 1e-6);
    config.position.scaling.factor = 4;
    CHECK(laws::distance(outputs<Yarn>(config), plain) > 1e-4);
  }
}

TEST_CASE("variants of attention say what they cannot do", "[laws]") {
  auto const problems = [](Base::Module::Config const& c) {
    Problems found;
    check<Base::Module>(c, {.causal = true, .num_layers = 3}, found);
    return found.str();
  };
  CHECK(problems(Yarn::config()) == "");
  CHECK(problems(WindowOfLayer::config()) ==
        "window_per_layer: window_per_layer must be empty or as long as the model has layers, got "
        "2");
  auto c = Base::plain();
  c.clip = -1;
  CHECK(problems(c) == "clip: clip must be 0 (none) or above, got -1");
  c.clip = 0;
  c.window_per_layer = {1, 0, -2};
  CHECK(problems(c) ==
        "window_per_layer: window_per_layer must be windows of 0 (sees all) or above, got -2");
  c = Base::plain();
  c.position.scaling = {.kind = ScalingKind::llama3, .factor = 0.5};
  CHECK(problems(c) ==
        "position.scaling.factor: factor must be at least 1, got 0.5\n"
        "position.scaling.original_context_length: original_context_length must be at least 1 "
        "where kind is llama3 or yarn, got 0");
}

}  // namespace
