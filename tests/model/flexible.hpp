// SPDX-License-Identifier: Apache-2.0
#pragma once
// One type that holds 108 models, and more with its routers and experts.
#include "model/models.hpp"

namespace models {

using Positions = OneOf<position::Rope, position::Learned, position::None>;
using HeadNorms = OneOf<norm::Identity, attention::QkNorm>;
using Grouped = attention::GroupedQuery<Positions, HeadNorms>;
using Multi = attention::MultiHead<Positions, HeadNorms>;
using Sparse = Mixture<OneOf<router::TopK>, OneOf<expert::SwiGlu, expert::Ffn>, loss::LoadBalancing,
                       loss::RouterZ>;
using Flexible = LanguageModel<
    TransformerBlock<OneOf<norm::Rms, norm::Layer, norm::Identity>, OneOf<Grouped, Multi>,
                     OneOf<Sparse, expert::Ffn, expert::SwiGlu>>>;

inline Flexible::Config sizes() {
  return {.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
}
inline Sparse::Config sparse() {
  Sparse::Config c{.router = router::TopK::Config{.top_k = 2},
                   .experts = {.count = 4, .each = expert::SwiGlu::Config{.hidden = 6}}};
  get<loss::LoadBalancing>(c.loss).weight = 0.5;
  get<loss::RouterZ>(c.loss).weight = 0.1;
  return c;
}
}  // namespace models
