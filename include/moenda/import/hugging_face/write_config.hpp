// SPDX-License-Identifier: Apache-2.0
#pragma once
// The config.json of a model of ours, for transformers.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "moenda/import/hugging_face/config.hpp"

namespace moenda::hugging_face {

namespace detail {

[[nodiscard]] inline nlohmann::ordered_json rope_json(position::Rope::Config const& rope) {
  auto const& scaling = rope.scaling;
  nlohmann::ordered_json j{{"rope_theta", rope.base}, {"rope_type", "default"}};
  if (scaling.kind == position::ScalingKind::none) return j;
  j["rope_type"] = enum_names(scaling.kind)[std::size_t(scaling.kind)];
  j["factor"] = scaling.factor;
  if (scaling.kind == position::ScalingKind::linear) return j;
  j["original_max_position_embeddings"] = scaling.original_context_length;
  if (scaling.kind == position::ScalingKind::llama3) {
    j["low_freq_factor"] = scaling.low_factor;
    j["high_freq_factor"] = scaling.high_factor;
    return j;
  }
  j["beta_fast"] = scaling.beta_fast;
  j["beta_slow"] = scaling.beta_slow;
  j["attention_factor"] = scaling.length_factor();
  j["truncate"] = scaling.whole_pairs;
  return j;
}

[[nodiscard]] inline nlohmann::ordered_json gpt2_json(Model::Config const& c) {
  auto const& ffn = std::get<expert::Ffn::Config>(c.block.ffn.choice);
  return {
      {"n_positions", c.context_length},
      {"n_embd", c.d_model},
      {"n_layer", c.num_layers},
      {"n_head", c.block.attention.num_heads},
      {"n_inner", ffn.hidden},
      {"activation_function", ffn.activation == expert::Activation::gelu_erf ? "gelu" : "gelu_new"},
      {"layer_norm_epsilon", std::get<norm::Layer::Config>(c.block.norm.choice).epsilon},
      {"attn_pdrop", 0.0},
      {"embd_pdrop", 0.0},
      {"resid_pdrop", 0.0}};
}

inline void add_sparse(nlohmann::ordered_json& j, Family family, Model::Config const& c) {
  auto const& layers = std::get<SparseOrDense::Config>(c.block.ffn.choice);
  auto const& experts = std::get<Experts::Config>(layers.sparse.choice);
  bool const mixtral = family == Family::mixtral;
  j[mixtral ? "num_local_experts" : "num_experts"] = experts.experts.count;
  j["num_experts_per_tok"] = experts.router.top_k;
  j["intermediate_size"] = mixtral ? experts.experts.each.hidden : layers.dense.hidden;
  if (mixtral) return;
  j["moe_intermediate_size"] = experts.experts.each.hidden;
  j["norm_topk_prob"] = experts.router.weighting != router::Weighting::score_then_select;
  j["decoder_sparse_step"] = 1;
  auto dense = nlohmann::ordered_json::array();
  for (int layer = 0; layer < c.num_layers; ++layer) {
    if (!layers.is_sparse({layer})) dense.push_back(layer);
  }
  j["mlp_only_layers"] = dense;
}

[[nodiscard]] inline nlohmann::ordered_json llama_like_json(Family family, Model::Config const& c) {
  auto const& a = c.block.attention;
  nlohmann::ordered_json j{
      {"max_position_embeddings", c.context_length},
      {"hidden_size", c.d_model},
      {"num_hidden_layers", c.num_layers},
      {"num_attention_heads", a.num_heads},
      {"num_key_value_heads", a.num_kv_heads},
      {"head_dim", a.head_dim},
      {"hidden_act", "silu"},
      {"rms_norm_eps", std::get<norm::Rms::Config>(c.block.norm.choice).epsilon},
      {"rope_parameters", rope_json(std::get<position::Rope::Config>(a.position.choice))}};
  bool const slides = family == Family::mistral || family == Family::mixtral;
  if (slides) {
    j["sliding_window"] = a.window > 0 ? nlohmann::ordered_json(a.window) : nullptr;
  } else {
    j["attention_bias"] = a.bias == attention::Bias::all;
  }
  if (family == Family::qwen3 || family == Family::qwen3_moe) j["use_sliding_window"] = false;
  if (auto const* dense = std::get_if<expert::SwiGlu::Config>(&c.block.ffn.choice)) {
    j["intermediate_size"] = dense->hidden;
    if (family == Family::llama) j["mlp_bias"] = dense->bias;
  } else {
    add_sparse(j, family, c);
  }
  return j;
}

}  // namespace detail

/// The families that can be written, and the class of transformers for each.
[[nodiscard]] inline char const* architecture_of(Family family) {
  switch (family) {
    case Family::gpt2:
      return "GPT2LMHeadModel";
    case Family::llama:
      return "LlamaForCausalLM";
    case Family::mistral:
      return "MistralForCausalLM";
    case Family::qwen3:
      return "Qwen3ForCausalLM";
    case Family::mixtral:
      return "MixtralForCausalLM";
    case Family::qwen3_moe:
      return "Qwen3MoeForCausalLM";
    default:
      throw ConfigError(std::string("export: the family must be one of gpt2, llama, mistral, ") +
                        "qwen3, mixtral, qwen3_moe, got " + name_of(family));
  }
}

/// What read_config() reads back as `d`. Throws ConfigError for a family that cannot be written.
[[nodiscard]] inline nlohmann::ordered_json config_json(Description const& d) {
  nlohmann::ordered_json j{{"architectures", {architecture_of(d.family)}},
                           {"model_type", name_of(d.family)},
                           {"dtype", "float32"},
                           {"vocab_size", d.model.vocab_size},
                           {"tie_word_embeddings", d.model.tied_head}};
  j.update(d.family == Family::gpt2 ? detail::gpt2_json(d.model)
                                    : detail::llama_like_json(d.family, d.model));
  return j;
}

}  // namespace moenda::hugging_face
