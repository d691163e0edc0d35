// SPDX-License-Identifier: Apache-2.0
// Single pieces with their gradients.
#include "golden/golden.hpp"
#include "moenda/attention/grouped_query.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/norm/layer.hpp"
#include "moenda/norm/rms.hpp"
#include "moenda/ops/ops.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using laws::Tolerance;
using router::Weighting;

/// What one piece needs to run on B, with its tensors from the file.
template <class B>
class Piece {
 public:
  using Scalar = typename B::Scalar;

  Piece(std::string name, Batch batch = {}) : ctx{backend, arena, batch}, name_(std::move(name)) {
    arena.poison(true);
  }
  /// The tensor `what` of this piece as [rows, cols].
  Tensor<B> read(std::string const& what, int rows, int cols) {
    auto const values = file_.values<Scalar>(name_ + "." + what);
    REQUIRE(std::ptrdiff_t(values.size()) == std::ptrdiff_t(rows) * cols);
    auto t = ctx.tensor(rows, cols);
    std::copy(values.begin(), values.end(), t.data);
    return t;
  }
  Weight<B> weight(std::string const& what, int rows, int cols) {
    return {rows, cols, WeightKind::matrix, read(what, rows, cols).data};
  }
  Weight<B> gradient(int rows, int cols) {
    return {rows, cols, WeightKind::matrix, ops::zeros(ctx, rows, cols).data};
  }
  void require(std::string const& what, Tensor<B> got) {
    CAPTURE(name_, what);
    golden::require_near(std::vector<Scalar>(got.data, got.data + got.size()),
                         file_.doubles(name_ + "." + what), Tolerance<B>::value);
  }
  void require(std::string const& what, Weight<B> const& got) {
    require(what, Tensor<B>{got.data, got.rows, got.cols});
  }
  [[nodiscard]] std::vector<int> ids(std::string const& what) const {
    return file_.ids(name_ + "." + what);
  }

  B backend{2};
  StepMemory<B> arena;
  Context<B> ctx;

 private:
  golden::File file_{"pieces"};
  std::string name_;
};

TEMPLATE_TEST_CASE("norms are PyTorch's", "[golden]", laws::Double, laws::Float) {
  Piece<TestType> rms("rms_norm");
  norm::Rms::Params<TestType> p{rms.weight("gain", 1, 8)}, d{rms.gradient(1, 8)};
  norm::Rms::Cache<TestType> cache;
  rms.require("y", norm::Rms::forward(rms.ctx, {.epsilon = 1e-6}, p, cache, rms.read("x", 6, 8)));
  rms.require("dx", norm::Rms::backward(rms.ctx, {}, p, d, cache, rms.read("dy", 6, 8)));
  rms.require("dgain", d.gain);

  Piece<TestType> layer("layer_norm");
  norm::Layer::Params<TestType> q{layer.weight("gain", 1, 8), layer.weight("bias", 1, 8)},
      dq{layer.gradient(1, 8), layer.gradient(1, 8)};
  norm::Layer::Cache<TestType> kept;
  layer.require("y",
                norm::Layer::forward(layer.ctx, {.epsilon = 1e-5}, q, kept, layer.read("x", 6, 8)));
  layer.require("dx", norm::Layer::backward(layer.ctx, {}, q, dq, kept, layer.read("dy", 6, 8)));
  layer.require("dgain", dq.gain);
  layer.require("dbias", dq.bias);
}

TEMPLATE_TEST_CASE("activations are PyTorch's", "[golden]", laws::Double, laws::Float) {
  Piece<TestType> gelu("gelu_tanh");
  auto const x = gelu.read("x", 1, 24);
  gelu.require("y", ops::gelu(gelu.ctx, x));
  gelu.require("dx", ops::gelu_backward(gelu.ctx, gelu.read("dy", 1, 24), x));
  Piece<TestType> silu("silu");
  auto const z = silu.read("x", 1, 24);
  silu.require("y", ops::silu(silu.ctx, z));
  silu.require("dx", ops::silu_backward(silu.ctx, silu.read("dy", 1, 24), z));
}

TEMPLATE_TEST_CASE("SwiGLU is PyTorch's", "[golden]", laws::Double, laws::Float) {
  Piece<TestType> f("swiglu");
  expert::SwiGlu::Params<TestType> p{
      f.weight("gate", 12, 8), f.weight("up", 12, 8), f.weight("down", 8, 12), {}, {}, {}},
      d{f.gradient(12, 8), f.gradient(12, 8), f.gradient(8, 12), {}, {}, {}};
  expert::SwiGlu::Cache<TestType> cache;
  f.require("y", expert::SwiGlu::forward(f.ctx, {.hidden = 12}, p, cache, f.read("x", 5, 8)));
  f.require("dx", expert::SwiGlu::backward(f.ctx, {.hidden = 12}, p, d, cache, f.read("dy", 5, 8)));
  f.require("dgate", d.gate);
  f.require("dup", d.up);
  f.require("ddown", d.down);
}

TEMPLATE_TEST_CASE("rotary positions are PyTorch's", "[golden]", laws::Double, laws::Float) {
  for (int const first : {0, 7}) {
    Piece<TestType> rope(first == 0 ? "rope" : "rope_from_7", {nullptr, 2, 5, first});
    auto x = rope.read("x", 10, 18), dy = rope.read("dy", 10, 18);
    ops::rope(rope.ctx, x, 6, 10000, +1);
    rope.require("y", x);
    ops::rope(rope.ctx, dy, 6, 10000, -1);
    rope.require("dx", dy);
  }
}

TEMPLATE_TEST_CASE("grouped attention is PyTorch's", "[golden]", laws::Double, laws::Float) {
  Piece<TestType> a("grouped_attention", {nullptr, 2, 5});
  ops::Heads const heads{4, 2, 6};
  ops::AttentionCache<TestType> cache;
  a.require("y", ops::attention(a.ctx, a.read("query", 10, 24), a.read("key", 10, 12),
                                a.read("value", 10, 12), heads, cache));
  auto const d = ops::attention_backward(a.ctx, a.read("dy", 10, 24), cache, heads);
  a.require("dquery", d.dq);
  a.require("dkey", d.dk);
  a.require("dvalue", d.dv);
}

TEMPLATE_TEST_CASE("the attention layer is PyTorch's", "[golden]", laws::Double, laws::Float) {
  using Attention = attention::GroupedQuery<position::Rope, attention::QkNorm>;
  Piece<TestType> a("attention_layer", {nullptr, 2, 5});
  Attention::Config const c{.num_heads = 4, .num_kv_heads = 2, .head_dim = 4};
  Attention::Params<TestType> p{a.weight("query", 16, 10),
                                a.weight("key", 8, 10),
                                a.weight("value", 8, 10),
                                a.weight("output", 10, 16),
                                {a.weight("query_norm.gain", 1, 4)},
                                {a.weight("key_norm.gain", 1, 4)},
                                {},
                                {},
                                {},
                                {}};
  Attention::Params<TestType> d{a.gradient(16, 10),
                                a.gradient(8, 10),
                                a.gradient(8, 10),
                                a.gradient(10, 16),
                                {a.gradient(1, 4)},
                                {a.gradient(1, 4)},
                                {},
                                {},
                                {},
                                {}};
  Attention::Cache<TestType> cache;
  a.require("y", Attention::forward(a.ctx, c, p, cache, a.read("x", 10, 10)));
  a.require("dx", Attention::backward(a.ctx, c, p, d, cache, a.read("dy", 10, 10)));
  a.require("dquery", d.query);
  a.require("dkey", d.key);
  a.require("dvalue", d.value);
  a.require("doutput", d.output);
  a.require("dquery_norm.gain", d.query_norm.gain);
  a.require("dkey_norm.gain", d.key_norm.gain);
}

/// The router on given logits: its weight is the identity, so that x are the logits.
template <class B>
void check_weighting(std::string const& name, Weighting weighting) {
  Piece<B> r("router." + name);
  router::TopK::Config const c{.top_k = 2, .weighting = weighting};
  router::TopK::Params<B> p{r.gradient(5, 5)}, d{r.gradient(5, 5)};
  for (int e = 0; e < 5; ++e) p.weight.data[e * 5 + e] = 1;
  router::TopK::Cache<B> cache;
  auto const gates = router::TopK::forward(r.ctx, c, p, cache, r.read("logits", 7, 5), 5);
  auto const indices = r.ids("expert_indices");
  auto weights = ops::zeros(r.ctx, 7, 5), dweights = ops::zeros(r.ctx, 7, 5);
  auto const dy = r.read("dy", 7, 5);
  for (int i = 0; i < 35; ++i) {
    bool const chosen =
        indices[std::size_t(i / 5 * 2)] == i % 5 || indices[std::size_t(i / 5 * 2 + 1)] == i % 5;
    REQUIRE(gates.selected.data[i] == (chosen ? 1 : 0));
    if (chosen) weights.data[i] = gates.weights.data[i], dweights.data[i] = dy.data[i];
  }
  r.require("y", weights);
  GatesGrad<B> const dgates{dweights, ops::zeros(r.ctx, 7, 5), ops::zeros(r.ctx, 7, 5)};
  r.require("dlogits", router::TopK::backward(r.ctx, c, p, d, cache, dgates));
}

TEMPLATE_TEST_CASE("routers are PyTorch's", "[golden]", laws::Double, laws::Float) {
  check_weighting<TestType>("softmax_over_selected", Weighting::select_then_score);
  check_weighting<TestType>("softmax_first_renormalised", Weighting::score_then_renormalise);
  check_weighting<TestType>("softmax_first", Weighting::score_then_select);
}

}  // namespace
