// SPDX-License-Identifier: Apache-2.0
#pragma once
// One table of names per family, read in both directions. Numbers of layers and experts stand as *.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/import/hugging_face/families.hpp"

namespace moenda::hugging_face {

/// How one of our weights [rows, cols] lies in their tensor.
enum class Form {
  plain,         ///< [rows, cols], or [cols] of a gain or a bias
  minus_one,     ///< the same, less 1: their gain is 1 + w
  transposed,    ///< [cols, rows]
  first_third,   ///< the first, second or last third of the rows of a transposed [cols, 3 rows], or
  second_third,  ///< of the columns of a [3 cols]
  last_third,
  of_experts,  ///< [experts, rows, cols], of which it is the one with its number
  upper_half,  ///< [experts, 2 rows, cols], the first or last rows of the one with its number
  lower_half
};

struct Name {
  char const* ours;
  char const* theirs;
  Form form = Form::plain;
};

namespace detail {

inline constexpr Name names_of_gpt2[] = {
    {"embedding", "transformer.wte.weight"},
    {"position.table", "transformer.wpe.weight"},
    {"layers.*.attention_norm.gain", "transformer.h.*.ln_1.weight"},
    {"layers.*.attention_norm.bias", "transformer.h.*.ln_1.bias"},
    {"layers.*.attention.query", "transformer.h.*.attn.c_attn.weight", Form::first_third},
    {"layers.*.attention.key", "transformer.h.*.attn.c_attn.weight", Form::second_third},
    {"layers.*.attention.value", "transformer.h.*.attn.c_attn.weight", Form::last_third},
    {"layers.*.attention.query_bias", "transformer.h.*.attn.c_attn.bias", Form::first_third},
    {"layers.*.attention.key_bias", "transformer.h.*.attn.c_attn.bias", Form::second_third},
    {"layers.*.attention.value_bias", "transformer.h.*.attn.c_attn.bias", Form::last_third},
    {"layers.*.attention.output", "transformer.h.*.attn.c_proj.weight", Form::transposed},
    {"layers.*.attention.output_bias", "transformer.h.*.attn.c_proj.bias"},
    {"layers.*.ffn_norm.gain", "transformer.h.*.ln_2.weight"},
    {"layers.*.ffn_norm.bias", "transformer.h.*.ln_2.bias"},
    {"layers.*.ffn.up", "transformer.h.*.mlp.c_fc.weight", Form::transposed},
    {"layers.*.ffn.up_bias", "transformer.h.*.mlp.c_fc.bias"},
    {"layers.*.ffn.down", "transformer.h.*.mlp.c_proj.weight", Form::transposed},
    {"layers.*.ffn.down_bias", "transformer.h.*.mlp.c_proj.bias"},
    {"final_norm.gain", "transformer.ln_f.weight"},
    {"final_norm.bias", "transformer.ln_f.bias"},
    {"head", "lm_head.weight"},
};
inline constexpr Name names_of_gains[] = {
    {"layers.*.attention_norm.gain", "model.layers.*.input_layernorm.weight"},
    {"layers.*.ffn_norm.gain", "model.layers.*.post_attention_layernorm.weight"},
    {"final_norm.gain", "model.norm.weight"},
};
/// Of Llama, and of all that followed it.
inline constexpr Name names_of_llama[] = {
    {"embedding", "model.embed_tokens.weight"},
    {"layers.*.attention.query", "model.layers.*.self_attn.q_proj.weight"},
    {"layers.*.attention.key", "model.layers.*.self_attn.k_proj.weight"},
    {"layers.*.attention.value", "model.layers.*.self_attn.v_proj.weight"},
    {"layers.*.attention.output", "model.layers.*.self_attn.o_proj.weight"},
    {"layers.*.attention.query_bias", "model.layers.*.self_attn.q_proj.bias"},
    {"layers.*.attention.key_bias", "model.layers.*.self_attn.k_proj.bias"},
    {"layers.*.attention.value_bias", "model.layers.*.self_attn.v_proj.bias"},
    {"layers.*.attention.output_bias", "model.layers.*.self_attn.o_proj.bias"},
    {"layers.*.attention.query_norm.gain", "model.layers.*.self_attn.q_norm.weight"},
    {"layers.*.attention.key_norm.gain", "model.layers.*.self_attn.k_norm.weight"},
    {"layers.*.ffn.gate", "model.layers.*.mlp.gate_proj.weight"},
    {"layers.*.ffn.up", "model.layers.*.mlp.up_proj.weight"},
    {"layers.*.ffn.down", "model.layers.*.mlp.down_proj.weight"},
    {"layers.*.ffn.gate_bias", "model.layers.*.mlp.gate_proj.bias"},
    {"layers.*.ffn.up_bias", "model.layers.*.mlp.up_proj.bias"},
    {"layers.*.ffn.down_bias", "model.layers.*.mlp.down_proj.bias"},
    {"head", "lm_head.weight"},
};
/// Of the experts of Mixtral: the first are tried first.
inline constexpr Name names_of_mixtral[] = {
    {"layers.*.ffn.router.weight", "model.layers.*.block_sparse_moe.gate.weight"},
    {"layers.*.ffn.experts.*.gate", "model.layers.*.block_sparse_moe.experts.*.w1.weight"},
    {"layers.*.ffn.experts.*.down", "model.layers.*.block_sparse_moe.experts.*.w2.weight"},
    {"layers.*.ffn.experts.*.up", "model.layers.*.block_sparse_moe.experts.*.w3.weight"},
};
/// Of the experts of Qwen and OLMoE, and of Mixtral's as transformers 5 holds them.
inline constexpr Name names_of_experts[] = {
    {"layers.*.ffn.router.weight", "model.layers.*.mlp.gate.weight"},
    {"layers.*.ffn.experts.*.gate", "model.layers.*.mlp.experts.*.gate_proj.weight"},
    {"layers.*.ffn.experts.*.up", "model.layers.*.mlp.experts.*.up_proj.weight"},
    {"layers.*.ffn.experts.*.down", "model.layers.*.mlp.experts.*.down_proj.weight"},
    {"layers.*.ffn.experts.*.gate", "model.layers.*.mlp.experts.gate_up_proj", Form::upper_half},
    {"layers.*.ffn.experts.*.up", "model.layers.*.mlp.experts.gate_up_proj", Form::lower_half},
    {"layers.*.ffn.experts.*.down", "model.layers.*.mlp.experts.down_proj", Form::of_experts},
};
/// Of the expert that all tokens visit, beside the others.
inline constexpr Name names_of_shared_expert[] = {
    {"layers.*.ffn.gated.expert.gate", "model.layers.*.mlp.shared_expert.gate_proj.weight"},
    {"layers.*.ffn.gated.expert.up", "model.layers.*.mlp.shared_expert.up_proj.weight"},
    {"layers.*.ffn.gated.expert.down", "model.layers.*.mlp.shared_expert.down_proj.weight"},
    {"layers.*.ffn.gated.gate", "model.layers.*.mlp.shared_expert_gate.weight"},
};

}  // namespace detail

/// The names of a family. Where one of ours has several, a file has one of them, and the first is
/// that which is written.
[[nodiscard]] inline std::vector<Name> names_of(Family family) {
  std::vector<Name> all;
  auto const add = [&](std::span<Name const> names) {
    all.insert(all.end(), names.begin(), names.end());
  };
  if (family == Family::gpt2) {
    add(detail::names_of_gpt2);
    return all;
  }
  add(detail::names_of_gains);
  if (family == Family::gemma) {
    for (auto& name : all) name.form = Form::minus_one;
  }
  add(detail::names_of_llama);
  if (family == Family::mixtral) add(detail::names_of_mixtral);
  add(detail::names_of_experts);
  if (family == Family::qwen2_moe) add(detail::names_of_shared_expert);
  return all;
}

/// Tensors that files have beside weights: masks and frequencies, which are computed here, and the
/// head where it is the embedding.
[[nodiscard]] inline std::vector<std::string> names_of_no_weights(Family family, bool tied_head) {
  std::vector<std::string> names;
  if (tied_head) names.push_back("lm_head.weight");
  if (family == Family::gpt2) {
    names.insert(names.end(), {"transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"});
  } else {
    names.push_back("model.layers.*.self_attn.rotary_emb.inv_freq");
  }
  return names;
}

/// A name whose numbers were taken out: "layers.3.ffn.experts.1.up" is
/// {"layers.*.ffn.experts.*.up", {3, 1}}.
struct Numbered {
  std::string pattern;
  std::vector<std::string> numbers;
};
[[nodiscard]] inline Numbered without_numbers(std::string_view name) {
  Numbered taken;
  for (std::size_t begin = 0; begin <= name.size();) {
    auto const end = std::min(name.find('.', begin), name.size());
    auto const word = name.substr(begin, end - begin);
    bool const is_number =
        !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_number) taken.numbers.emplace_back(word);
    taken.pattern += begin == 0 ? "" : ".";
    taken.pattern += is_number ? "*" : word;
    begin = end + 1;
  }
  // Mixtures beside a shared expert have the names of those that stand alone.
  if (auto const at = taken.pattern.find(".ffn.mixture."); at != std::string::npos) {
    taken.pattern.erase(at + 4, 8);
  }
  return taken;
}
/// The pattern with its stars replaced, in order, by as many of the numbers as it has.
[[nodiscard]] inline std::string with_numbers(std::string_view pattern,
                                              std::vector<std::string> const& numbers) {
  std::string name;
  std::size_t next = 0;
  for (char const c : pattern) {
    if (c == '*') {
      name += next < numbers.size() ? numbers[next++] : "*";
    } else {
      name += c;
    }
  }
  return name;
}

}  // namespace moenda::hugging_face
