// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include "moenda/import/hugging_face/families.hpp"
#include "moenda/import/hugging_face/json_object.hpp"
#include "moenda/position/rope.hpp"

namespace moenda::hugging_face {

namespace detail {

/// Under `rope_type`, formerly `type`.
[[nodiscard]] inline position::ScalingKind scaling_kind(JsonObject const& rope) {
  auto const key = rope.has("rope_type") ? "rope_type" : "type";
  auto const type = rope.text(key, "default");
  if (type == "default") return position::ScalingKind::none;
  if (type == "linear") return position::ScalingKind::linear;
  if (type == "llama3") return position::ScalingKind::llama3;
  if (type == "yarn") return position::ScalingKind::yarn;
  throw DataError(rope.where() + ": the rope_type" +
                  must_be_one_of({"default", "linear", "llama3", "yarn"}, type));
}
/// 0.1 mscale ln(factor) + 1: Peng et al. 2023, section 3.4.
[[nodiscard]] inline double yarn_scale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}
[[nodiscard]] inline double yarn_amplitude(JsonObject const& rope, double factor) {
  if (rope.has("attention_factor")) return rope.positive("attention_factor", 1);
  if (!rope.has("mscale") || !rope.has("mscale_all_dim")) return 0;  // by the formula
  return yarn_scale(factor, rope.positive("mscale", 1)) /
         yarn_scale(factor, rope.positive("mscale_all_dim", 1));
}

}  // namespace detail

/// Rotary positions from `rope_parameters`, or from `rope_theta` and `rope_scaling` as files had
/// them before transformers 5. Throws DataError for another rope_type, and for heads that turn in
/// part.
[[nodiscard]] inline position::Rope::Config read_rope(JsonObject const& config, double theta,
                                                      int context_length) {
  auto const rope =
      config.object(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  position::Rope::Config c;
  c.base = rope.positive("rope_theta", config.positive("rope_theta", theta));
  for (auto const* holder : {&config, &rope}) {
    if (holder->positive("partial_rotary_factor", 1) != 1) {
      holder->refuse("partial_rotary_factor", "1 (all of a head turns)");
    }
  }
  auto& scaling = c.scaling;
  scaling.kind = detail::scaling_kind(rope);
  if (scaling.kind == position::ScalingKind::none) return c;
  if (!rope.has("factor")) rope.refuse("factor", "a number above 0");
  scaling.factor = rope.positive("factor", 1);
  if (scaling.kind == position::ScalingKind::linear) return c;
  auto const original = "original_max_position_embeddings";
  scaling.original_context_length =
      config.integer(original, 1, 1 << 28, rope.integer(original, 1, 1 << 28, context_length));
  if (scaling.kind == position::ScalingKind::llama3) {
    scaling.low_factor = rope.positive("low_freq_factor", 1);
    scaling.high_factor = rope.positive("high_freq_factor", 4);
    return c;
  }
  scaling.beta_fast = rope.positive("beta_fast", 32);
  scaling.beta_slow = rope.positive("beta_slow", 1);
  scaling.amplitude = detail::yarn_amplitude(rope, scaling.factor);
  scaling.whole_pairs = rope.boolean("truncate", true);
  return c;
}

}  // namespace moenda::hugging_face
