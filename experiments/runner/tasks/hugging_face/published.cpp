// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/hugging_face/published.hpp"

#include <string>
#include <type_traits>

namespace moenda::runner {

namespace {

namespace hf = hugging_face;

[[noreturn]] void refuse(std::string const& key, std::string const& rule) {
  throw ConfigError("export: " + key + " must be " + rule);
}
void expect(bool holds, char const* key, char const* rule) {
  if (!holds) refuse(key, rule);
}

hf::AnyPosition::Config position_of(AnyPosition::Config const& position) {
  if (auto const* rope = std::get_if<position::Rope::Config>(&position.choice)) return *rope;
  expect(std::holds_alternative<position::Learned::Config>(position.choice),
         "model.block.attention.position", "rope or learned");
  return position::Learned::Config{};
}

template <class C>
hf::Attention::Config attention_of(C const& c) {
  hf::Attention::Config a;
  a.num_heads = c.num_heads;
  if constexpr (requires { c.num_kv_heads; }) {
    a.num_kv_heads = c.num_kv_heads;
  } else {
    a.num_kv_heads = c.num_heads;
  }
  a.head_dim = c.head_dim;
  a.position = position_of(c.position);
  if (auto const* norm = std::get_if<attention::QkNorm::Config>(&c.head_norm.choice)) {
    a.head_norm = *norm;
  }
  a.bias = c.bias;
  a.window = c.window;
  expect(c.window_per_layer.empty(), "model.block.attention.window_per_layer", "empty");
  expect(c.head_norm_over == attention::NormOver::head, "model.block.attention.head_norm_over",
         "head");
  expect(c.clip == 0, "model.block.attention.clip", "0");
  return a;
}

hf::Experts::Config experts_of(AnyMixture::Config const& c) {
  hf::Experts::Config e;
  expect(c.experts.count_per_layer.empty(), "model.block.ffn.experts.count_per_layer", "empty");
  auto const* each = std::get_if<expert::SwiGlu::Config>(&c.experts.each.choice);
  expect(each != nullptr, "model.block.ffn.experts.each", "swiglu");
  e.experts.count = c.experts.count;
  e.experts.each = *each;
  AnyRouter::visit(c.router, [&](auto at, auto const& router) {
    if constexpr (std::is_same_v<typename decltype(at)::Module, router::TopK>) {
      e.router = router;
    } else {
      refuse("model.block.ffn.router", "top_k");
    }
  });
  auto const& r = e.router;
  expect(r.scores == router::Scores::softmax && r.gradient == Gradient::scaled &&
             r.temperature == 1 && r.scaling_factor == 1 && r.top_groups == r.num_groups,
         "model.block.ffn.router",
         "a softmax, weighed, with temperature 1, scaling_factor 1 and one group");
  return e;
}

hf::FeedForward::Config feed_forward_of(AnyFeedForward::Config const& c) {
  if (auto const* ffn = std::get_if<expert::Ffn::Config>(&c.choice)) return *ffn;
  if (auto const* glu = std::get_if<expert::SwiGlu::Config>(&c.choice)) return *glu;
  hf::SparseOrDense::Config layers{.every = 1, .first = 0};
  if (auto const* mixture = std::get_if<AnyMixture::Config>(&c.choice)) {
    layers.sparse = experts_of(*mixture);
    layers.dense.hidden = experts_of(*mixture).experts.each.hidden;  // no layer has one
    return layers;
  }
  using Layers = Interleave<AnyMixture, AnyExpert>;
  auto const* some = std::get_if<Layers::Config>(&c.choice);
  expect(some != nullptr, "model.block.ffn", "mixture, interleave, swiglu or ffn");
  layers.every = some->every, layers.first = some->first, layers.dense_layers = some->dense_layers;
  layers.sparse = experts_of(some->sparse);
  auto const* dense = std::get_if<expert::SwiGlu::Config>(&some->dense.choice);
  expect(dense != nullptr, "model.block.ffn.dense", "swiglu");
  layers.dense = *dense;
  return layers;
}

/// Layer norms and learned positions: GPT-2, whose biases are 0 where the model has none.
void as_gpt2(hf::Model::Config& c) {
  auto& a = c.block.attention;
  auto* ffn = std::get_if<expert::Ffn::Config>(&c.block.ffn.choice);
  expect(ffn != nullptr, "model.block.ffn", "ffn where the norm is layer");
  expect(ffn->activation != expert::Activation::silu, "model.block.ffn.activation",
         "gelu or gelu_erf");
  expect(std::holds_alternative<position::Learned::Config>(a.position.choice),
         "model.block.attention.position", "learned where the norm is layer");
  expect(std::holds_alternative<norm::Identity::Config>(a.head_norm.choice),
         "model.block.attention.head_norm", "none where the norm is layer");
  expect(a.num_kv_heads == a.num_heads && a.num_heads * a.head_dim == c.d_model,
         "model.block.attention", "as wide as d_model where the norm is layer");
  expect(a.window == 0, "model.block.attention.window", "0 where the norm is layer");
  a.bias = attention::Bias::all;
  ffn->bias = true;
}

hf::Family rms_family(hf::Model::Config const& c) {
  auto const& a = c.block.attention;
  bool const sparse = std::holds_alternative<hf::SparseOrDense::Config>(c.block.ffn.choice);
  expect(std::holds_alternative<position::Rope::Config>(a.position.choice),
         "model.block.attention.position", "rope where the norm is rms");
  expect(!std::holds_alternative<expert::Ffn::Config>(c.block.ffn.choice), "model.block.ffn",
         "mixture, interleave or swiglu where the norm is rms");
  expect(a.bias != attention::Bias::qkv, "model.block.attention.bias", "none or all");
  if (auto const* norm = std::get_if<attention::QkNorm::Config>(&a.head_norm.choice)) {
    expect(norm->epsilon == std::get<norm::Rms::Config>(c.block.norm.choice).epsilon,
           "model.block.attention.head_norm.epsilon", "that of model.block.norm");
    expect(a.window == 0, "model.block.attention.window", "0 where heads are normed");
    return sparse ? hf::Family::qwen3_moe : hf::Family::qwen3;
  }
  if (sparse) {
    auto const& layers = std::get<hf::SparseOrDense::Config>(c.block.ffn.choice);
    auto const& experts = std::get<hf::Experts::Config>(layers.sparse.choice);
    expect(experts.router.weighting != router::Weighting::score_then_select,
           "model.block.ffn.router.weighting",
           "select_then_score or score_then_renormalise where heads are not normed");
    for (int layer = 0; layer < c.num_layers; ++layer) {
      expect(layers.is_sparse({layer}), "model.block.ffn", "sparse in all layers");
    }
    expect(a.bias == attention::Bias::none, "model.block.attention.bias", "none");
    return hf::Family::mixtral;
  }
  if (a.window == 0) {
    expect(c.d_model % a.num_heads == 0, "model.d_model",
           "a multiple of num_heads for a llama: transformers asks for that");
    return hf::Family::llama;
  }
  expect(
      a.bias == attention::Bias::none && !std::get<expert::SwiGlu::Config>(c.block.ffn.choice).bias,
      "model.block", "without biases where attention has a window");
  return hf::Family::mistral;
}

}  // namespace

hf::Description published(AnyModel::Config const& model) {
  hf::Model::Config c{.vocab_size = model.vocab_size,
                      .context_length = model.context_length,
                      .d_model = model.d_model,
                      .num_layers = model.num_layers,
                      .tied_head = model.tied_head};
  expect(model.embedding_scale == 1, "model.embedding_scale", "1");
  std::visit([&](auto const& norm) { c.block.norm = norm; }, model.block.norm.choice);
  std::visit([&](auto const& a) { c.block.attention = attention_of(a); },
             model.block.attention.choice);
  c.block.ffn = feed_forward_of(model.block.ffn);
  if (std::holds_alternative<norm::Layer::Config>(c.block.norm.choice)) {
    as_gpt2(c);
    return {hf::Family::gpt2, c};
  }
  return {rms_family(c), c};
}

}  // namespace moenda::runner
