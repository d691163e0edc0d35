// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a config.json says, as the config of our model. Defaults are those of transformers 5.
#include <cmath>
#include <string>
#include <vector>

#include "moenda/import/hugging_face/families.hpp"
#include "moenda/import/hugging_face/json_object.hpp"
#include "moenda/import/hugging_face/model.hpp"
#include "moenda/import/hugging_face/rope.hpp"

namespace moenda::hugging_face {

struct Description {
  Family family = Family::llama;
  Model::Config model;
  int num_experts = 0;  ///< of each sparse layer
};

namespace detail {

inline constexpr int most_layers = 1 << 14, most_width = 1 << 20, most_hidden = 1 << 24;

/// Throws DataError unless text under `key` is one of those.
inline void require_text(JsonObject const& j, std::string const& key, std::string const& otherwise,
                         std::vector<std::string> const& allowed) {
  auto const got = j.text(key, otherwise);
  for (auto const& known : allowed) {
    if (got == known) return;
  }
  throw DataError(j.where() + ": '" + key + "'" + must_be_one_of(allowed, got));
}
inline void require_boolean(JsonObject const& j, std::string const& key, bool value) {
  if (j.boolean(key, value) != value) j.refuse(key, value ? "true" : "false");
}
[[nodiscard]] inline int width_of(JsonObject const& j, std::string const& key) {
  return j.integer(key, 1, most_hidden);
}
[[nodiscard]] inline double epsilon_of(JsonObject const& j, Family family) {
  bool const larger = family == Family::mixtral || family == Family::olmoe;
  return j.positive("rms_norm_eps", larger ? 1e-5 : 1e-6);
}
[[nodiscard]] inline bool is_sparse(Family family) {
  return family == Family::mixtral || family == Family::qwen2_moe || family == Family::qwen3_moe ||
         family == Family::olmoe;
}

[[nodiscard]] inline Model::Config read_gpt2(JsonObject const& j) {
  require_boolean(j, "scale_attn_weights", true);
  require_boolean(j, "scale_attn_by_inverse_layer_idx", false);
  require_boolean(j, "add_cross_attention", false);
  Model::Config c;
  c.vocab_size = j.integer("vocab_size", 1, 1 << 28);
  c.context_length = j.integer("n_positions", 1, 1 << 28);
  c.d_model = j.integer("n_embd", 1, most_width);
  c.num_layers = j.integer("n_layer", 0, most_layers);
  c.tied_head = j.boolean("tie_word_embeddings", true);
  c.block.norm = norm::Layer::Config{.epsilon = j.positive("layer_norm_epsilon", 1e-5)};
  int const heads = j.integer("n_head", 1, most_width);
  if (c.d_model % heads != 0) j.refuse("n_head", "a divisor of n_embd");
  c.block.attention.num_heads = c.block.attention.num_kv_heads = heads;
  c.block.attention.head_dim = c.d_model / heads;
  c.block.attention.position = position::Learned::Config{};
  c.block.attention.bias = attention::Bias::all;
  require_text(j, "activation_function", "gelu_new", {"gelu_new", "gelu_pytorch_tanh", "gelu"});
  bool const exact = j.text("activation_function", "gelu_new") == "gelu";
  c.block.ffn = expert::Ffn::Config{
      .hidden = j.integer("n_inner", 1, most_hidden, 4 * c.d_model),
      .activation = exact ? expert::Activation::gelu_erf : expert::Activation::gelu,
      .bias = true};
  return c;
}

/// A width for the layers from `first` on, or for those that are named; empty where no layer has
/// one. Qwen's own keys.
inline void read_windows_of_qwen(JsonObject const& j, Family family, Model::Config& c) {
  if (!j.boolean("use_sliding_window", false)) return;
  int const window = j.integer("sliding_window", 1, 1 << 28, 4096);
  if (j.names("sliding_window") && !j.has("sliding_window")) return;
  auto& attention = c.block.attention;
  if (family == Family::qwen3_moe) {
    attention.window = window;
    return;
  }
  int const bound = j.integer("max_window_layers", 0, most_layers, 28);
  auto const types = j.texts("layer_types");
  if (!types.empty() && int(types.size()) != c.num_layers) {
    j.refuse("layer_types", "as long as there are layers (" + std::to_string(c.num_layers) + ")");
  }
  for (int layer = 0; layer < c.num_layers; ++layer) {
    bool slides = family == Family::qwen2_moe ? layer % 2 == 0 && layer < bound : layer >= bound;
    if (!types.empty()) {
      auto const& type = types[std::size_t(layer)];
      slides = type == "sliding_attention";
      if (!slides && type != "full_attention") {
        throw DataError(j.where() + ": 'layer_types'" +
                        must_be_one_of({"full_attention", "sliding_attention"}, type));
      }
    }
    attention.window_per_layer.push_back(slides ? window : 0);
  }
}

inline void read_attention(JsonObject const& j, Family family, Model::Config& c) {
  auto& a = c.block.attention;
  a.num_heads = j.integer("num_attention_heads", 1, Attention::max_heads);
  bool const shares = family == Family::mistral || family == Family::mixtral;
  bool const null = j.names("num_key_value_heads") && !j.has("num_key_value_heads");
  a.num_kv_heads =
      j.integer("num_key_value_heads", 1, Attention::max_heads, shares && !null ? 8 : a.num_heads);
  bool const has_head_dim = j.has("head_dim") || family == Family::qwen3 || family == Family::gemma;
  if (!has_head_dim && c.d_model % a.num_heads != 0) {
    j.refuse("num_attention_heads", "a divisor of hidden_size where there is no head_dim");
  }
  a.head_dim = has_head_dim ? j.integer("head_dim", 1, Attention::max_heads,
                                        family == Family::qwen3 ? 128 : 256)
                            : c.d_model / a.num_heads;
  auto const theta = family == Family::mixtral ? 1e6 : 1e4;
  a.position = read_rope(j, theta, c.context_length);
  if (family == Family::qwen3 || family == Family::qwen3_moe || family == Family::olmoe) {
    a.head_norm = attention::QkNorm::Config{.epsilon = epsilon_of(j, family)};
  }
  switch (family) {
    case Family::qwen2:
      a.bias = attention::Bias::qkv;
      break;
    case Family::qwen2_moe:
      a.bias = j.boolean("qkv_bias", true) ? attention::Bias::qkv : attention::Bias::none;
      break;
    case Family::mistral:
    case Family::mixtral:
      break;
    default:
      if (j.boolean("attention_bias", false)) a.bias = attention::Bias::all;
  }
  if (family == Family::mistral || family == Family::mixtral) {
    int const absent = family == Family::mistral ? 4096 : 0;  // null means none
    a.window = j.names("sliding_window") ? j.integer("sliding_window", 1, 1 << 28, 0) : absent;
  }
  if (family == Family::qwen2 || family == Family::qwen3 || family == Family::qwen2_moe ||
      family == Family::qwen3_moe) {
    read_windows_of_qwen(j, family, c);
  }
  if (family == Family::olmoe) {
    a.head_norm_over = attention::NormOver::all_heads;
    a.clip = j.positive("clip_qkv", 0);
  }
}

[[nodiscard]] inline Experts::Config read_experts(JsonObject const& j, Family family) {
  Experts::Config c;
  bool const mixtral = family == Family::mixtral;
  bool const local = j.has("num_local_experts");  // either name, in all families
  c.experts.count = j.integer(local ? "num_local_experts" : "num_experts", 1, Experts::max_experts);
  bool const own_key = family == Family::qwen2_moe || family == Family::qwen3_moe;
  c.experts.each.hidden = width_of(j, own_key ? "moe_intermediate_size" : "intermediate_size");
  c.router.top_k = j.integer("num_experts_per_tok", 1, c.experts.count);
  bool const sums_to_one = mixtral || j.boolean("norm_topk_prob", false);
  c.router.weighting = sums_to_one ? router::Weighting::score_then_renormalise
                                   : router::Weighting::score_then_select;
  return c;
}

[[nodiscard]] inline FeedForward::Config read_sparse(JsonObject const& j, Family family,
                                                     int num_layers) {
  SparseOrDense::Config c;
  int const every = j.integer("decoder_sparse_step", 1, most_layers, 1);
  c.every = every, c.first = every - 1;
  if (c.first >= num_layers && num_layers > 0) {
    j.refuse("decoder_sparse_step", "at most num_hidden_layers");
  }
  c.dense_layers = j.integers("mlp_only_layers");
  if (int(c.dense_layers.size()) > num_layers) {
    j.refuse("mlp_only_layers", "at most as long as there are layers");
  }
  auto const experts = read_experts(j, family);
  if (family == Family::qwen2_moe) {
    SharedAndExperts::Config both;
    get<Experts>(both) = experts;
    get<SharedExpert>(both).hidden = width_of(j, "shared_expert_intermediate_size");
    c.sparse = both;
  } else {
    c.sparse = experts;
  }
  c.dense.hidden = width_of(j, "intermediate_size");
  return c;
}

[[nodiscard]] inline Model::Config read_llama_like(JsonObject const& j, Family family) {
  Model::Config c;
  c.vocab_size = j.integer("vocab_size", 1, 1 << 28);
  c.context_length = j.integer("max_position_embeddings", 1, 1 << 28);
  c.d_model = j.integer("hidden_size", 1, most_width);
  c.num_layers = j.integer("num_hidden_layers", 0, most_layers);
  bool const gemma = family == Family::gemma;
  c.tied_head = j.boolean("tie_word_embeddings", gemma);
  c.block.norm = norm::Rms::Config{.epsilon = epsilon_of(j, family)};
  read_attention(j, family, c);
  if (is_sparse(family)) {
    require_text(j, "hidden_act", "silu", {"silu"});
    c.block.ffn = read_sparse(j, family, c.num_layers);
  } else if (gemma) {
    require_boolean(j, "use_bidirectional_attention", false);
    // The first files say gelu and mean its tanh form.
    require_text(j, "hidden_act", "gelu_pytorch_tanh", {"gelu_pytorch_tanh", "gelu"});
    c.embedding_scale = std::sqrt(double(c.d_model));
    c.block.ffn = expert::GeGlu::Config{.hidden = width_of(j, "intermediate_size")};
  } else {
    require_text(j, "hidden_act", "silu", {"silu"});
    bool const bias = family == Family::llama && j.boolean("mlp_bias", false);
    c.block.ffn = expert::SwiGlu::Config{.hidden = width_of(j, "intermediate_size"), .bias = bias};
  }
  return c;
}

/// Plain ones, or NF4 of bitsandbytes.
inline void require_readable_weights(JsonObject const& j) {
  if (!j.has("quantization_config")) return;
  auto const how = j.object("quantization_config");
  auto const method = how.text("quant_method", "unknown");
  if (method != "bitsandbytes") {
    throw DataError(j.where() + ": the weights are quantised by " + io::quote(method) +
                    ", but only F32, F16, BF16 and bitsandbytes' nf4 are read");
  }
  if (!how.boolean("load_in_4bit", false)) how.refuse("load_in_4bit", "true");
  if (how.text("bnb_4bit_quant_type", "fp4") != "nf4") {
    how.refuse("bnb_4bit_quant_type", "\"nf4\"");
  }
}

}  // namespace detail

/// Throws DataError with file, key, the value found and those allowed for what cannot be read:
/// another family, activation or kind of rotation, or quantised weights.
[[nodiscard]] inline Description read_config(JsonObject const& j) {
  detail::require_readable_weights(j);
  if (!j.has("model_type")) j.refuse("model_type", "the name of a family");
  Description d{family_of(j.text("model_type", ""), j.where()), {}};
  if (detail::is_sparse(d.family)) {
    d.num_experts = detail::read_experts(j, d.family).experts.count;
  }
  d.model = d.family == Family::gpt2 ? detail::read_gpt2(j) : detail::read_llama_like(j, d.family);
  if (auto const problems = Model::check(d.model); !problems.empty()) {
    throw DataError(j.where() + ": " + problems.str());
  }
  std::int64_t const most = std::int64_t{1} << 22;  // no file justifies more memory for shapes
  if (d.model.num_layers * (1 + std::int64_t(d.num_experts)) > most) {
    throw DataError(j.where() + ": asks for " + std::to_string(d.model.num_layers) + " layers of " +
                    std::to_string(d.num_experts) +
                    " experts, but layers times experts must be at most " + std::to_string(most));
  }
  return d;
}

}  // namespace moenda::hugging_face
