// SPDX-License-Identifier: Apache-2.0
// Whole models: logits, loss, every gradient by name, every layer, ten optimizer steps.
#include "golden/golden.hpp"
#include "model/models.hpp"
#include "moenda/train/adamw.hpp"

namespace {

using namespace moenda;
using golden::File;
using golden::require_near;
using laws::Tolerance;

using DenseBlock =
    TransformerBlock<norm::Layer, attention::MultiHead<position::Learned>, expert::Ffn>;
using SparseBlock =
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<router::TopK, expert::SwiGlu>>;

template <class M>
typename M::Config sizes_of(File const& file) {
  return {.vocab_size = file.integer("vocab_size"),
          .context_length = file.integer("context_length"),
          .d_model = file.integer("d_model"),
          .num_layers = file.integer("num_layers")};
}
struct DenseCase {
  using Block = DenseBlock;
  using Model = LanguageModel<Block>;
  static constexpr char const* name = "gpt2";
  static Model::Config config(File const& file) {
    auto c = sizes_of<Model>(file);
    c.block.norm.epsilon = file.number("layer_norm_eps");
    c.block.attention = {.num_heads = file.integer("num_heads"),
                         .head_dim = file.integer("head_dim")};
    c.block.ffn.hidden = file.integer("hidden");
    return c;
  }
};
struct SparseCase {
  using Block = SparseBlock;
  using Model = LanguageModel<Block>;
  static constexpr char const* name = "moe_gqa";
  static Model::Config config(File const& file) {
    auto c = sizes_of<Model>(file);
    c.block.norm.epsilon = file.number("rms_norm_eps");
    c.block.attention = {.num_heads = file.integer("num_heads"),
                         .num_kv_heads = file.integer("num_kv_heads"),
                         .head_dim = file.integer("head_dim"),
                         .position = {.base = file.number("rope_base")},
                         .head_norm = {.epsilon = file.number("rms_norm_eps")}};
    c.block.ffn.router.top_k = file.integer("top_k");
    c.block.ffn.experts = {.count = file.integer("num_experts"),
                           .each = {.hidden = file.integer("expert_hidden")}};
    return c;
  }
};
template <class C, class Backend>
struct On {
  using Case = C;
  using B = Backend;
};
using Cases = std::tuple<On<DenseCase, laws::Double>, On<DenseCase, laws::Float>,
                         On<SparseCase, laws::Double>, On<SparseCase, laws::Float>>;

template <class Run>
struct Loaded {
  using B = typename Run::B;
  using Model = typename Run::Case::Model;
  using Scalar = typename B::Scalar;

  Loaded() : file(Run::Case::name), backend(2), network(backend, Run::Case::config(file)) {
    int tensors = 0;
    walk(network.params, [&](Path const& path, auto& weight) {
      if (weight.size() == 0) return;
      auto const values = file.template values<Scalar>("param." + path.str());
      REQUIRE(std::ptrdiff_t(values.size()) == weight.size());
      std::copy(values.begin(), values.end(), weight.data);
      ++tensors;
    });
    REQUIRE(tensors == file.count("param."));
    network.arena.poison(true);
  }
  /// Compares each weight's part of `flat` with "<prefix><name>".
  void require_each(std::string const& prefix, std::vector<Scalar> const& flat, double bound) {
    std::size_t begin = 0;
    walk(network.params, [&](Path const& path, auto const& weight) {
      auto const size = std::size_t(weight.size());
      if (size == 0) return;
      auto const expected = file.doubles(prefix + path.str());
      CAPTURE(prefix, path.str());
      REQUIRE(laws::distance(std::span(flat).subspan(begin, size), std::span(expected)) <= bound);
      begin += size;
    });
    REQUIRE(begin == flat.size());
  }

  File file;
  B backend;
  Training<Model, B> network;
};

TEMPLATE_LIST_TEST_CASE("logits, loss and every gradient are PyTorch's", "[golden]", Cases) {
  Loaded<TestType> m;
  double const bound = Tolerance<typename TestType::B>::model;
  auto const tokens = m.file.ids("input_ids"), targets = m.file.ids("target_ids");
  Batch const batch{tokens.data(), m.file.integer("batch_size"), m.file.integer("seq_len")};
  require_near(models::copy_of(m.network.logits(batch)), m.file.doubles("logits"), bound);
  auto const expected = m.file.doubles("loss");
  CHECK(m.network.evaluate(batch, targets).mean == Approx(expected[0]).epsilon(bound));
  m.network.zero_gradients();
  m.network.accumulate_gradients(batch, targets);
  auto const loss = m.network.losses().back();
  CHECK(loss.mean == Approx(expected[0]).epsilon(bound));
  CHECK(loss.tokens == 33);
  m.require_each("grad.", m.network.gradients.on_host(), bound);
}

template <class B>
struct RoutingCopy : RoutingHook<B> {
  std::vector<std::vector<typename B::Scalar>> logits, selected;
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const&) override {
    REQUIRE(at.layer == int(logits.size()));
    REQUIRE(at.mixture == at.layer);
    logits.push_back(models::copy_of(gates.logits));
    selected.push_back(models::copy_of(gates.selected));
  }
};

TEMPLATE_LIST_TEST_CASE("every layer is PyTorch's", "[golden]", Cases) {
  Loaded<TestType> m;
  using B = typename TestType::B;
  using M = typename TestType::Case::Model;
  using Block = typename TestType::Case::Block;
  double const bound = Tolerance<B>::model;
  auto const tokens = m.file.ids("input_ids");
  StepMemory<B> arena;
  Context<B> ctx{m.backend, arena, {tokens.data(), 3, 11}};
  RoutingCopy<B> probe;
  ctx.hook = &probe;
  auto const& c = m.network.config;
  auto const& p = m.network.params;
  typename M::template Cache<B> cache{};
  auto x = ops::embedding(ctx, tokens.data(), 33, p.embedding);
  using Blocks = typename M::Blocks;
  x = Blocks::Position::forward(ctx, Blocks::PositionOf::config(c.block.attention), p.position,
                                cache.position, x);
  int layer = 0;
  for (auto const& weights : p.layers) {
    ctx.layer = layer;
    typename Block::template Cache<B> block{};
    x = Block::forward(ctx, c.block, weights, block, x);
    auto const name = std::to_string(layer++);
    require_near(models::copy_of(x), m.file.doubles("layer_output." + name), bound);
  }
  REQUIRE(int(probe.logits.size()) == m.file.count("router_logits."));
  for (std::size_t l = 0; l < probe.logits.size(); ++l) {
    auto const name = std::to_string(l);
    require_near(probe.logits[l], m.file.doubles("router_logits." + name), bound);
    auto const indices = m.file.ids("expert_indices." + name);
    auto const experts = probe.selected[l].size() / 33;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      REQUIRE(probe.selected[l][i / 2 * experts + std::size_t(indices[i])] == 1);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("ten optimizer steps are PyTorch's", "[golden]", Cases) {
  Loaded<TestType> m;
  double const bound = Tolerance<typename TestType::B>::optimizer;
  auto const tokens = m.file.ids("adamw_input_ids"), targets = m.file.ids("adamw_target_ids");
  auto const losses = m.file.doubles("adamw_losses"), norms = m.file.doubles("adamw_grad_norms");
  optimizer::AdamW::Config const config{.beta1 = m.file.number("beta1"),
                                        .beta2 = m.file.number("beta2"),
                                        .epsilon = m.file.number("epsilon"),
                                        .weight_decay = m.file.number("weight_decay")};
  auto state = optimizer::AdamW::start(m.network);
  for (int step = 0; step < 10; ++step) {
    CAPTURE(step);
    m.network.zero_gradients();
    Batch const batch{tokens.data() + step * 33, 3, 11};
    m.network.accumulate_gradients(batch, std::span(targets).subspan(std::size_t(step) * 33, 33));
    auto const loss = m.network.losses().back();
    CHECK(loss.mean == Approx(losses[std::size_t(step)]).epsilon(bound));
    double sum = 0;
    for (auto const g : m.network.gradients) sum += double(g) * double(g);
    double const norm = std::sqrt(sum);
    CHECK(norm == Approx(norms[std::size_t(step)]).epsilon(bound));
    double const clip = std::min(1.0, m.file.number("clip_norm") / (norm + 1e-6));
    optimizer::AdamW::step(config, m.network, state, m.file.number("learning_rate"), clip);
  }
  m.require_each("step10.", m.network.values.on_host(), bound);
}

}  // namespace
