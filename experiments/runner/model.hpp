// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/moenda.hpp"

namespace moenda::runner {

// Every model that TOML can pick without recompiling: 2 norms, 2 attentions with 3 positions and 2
// head norms, 3 feed-forwards with 1 router and 2 experts. Your own module joins by one more name
// here.
using AnyNorm = OneOf<norm::Rms, norm::Layer>;
using AnyPosition = OneOf<position::Rope, position::Learned, position::None>;
using AnyHeadNorm = OneOf<norm::Identity, attention::QkNorm>;
using AnyAttention = OneOf<attention::GroupedQuery<AnyPosition, AnyHeadNorm>,
                           attention::MultiHead<AnyPosition, AnyHeadNorm>>;
using AnyRouter = OneOf<router::TopK>;
using AnyExpert = OneOf<expert::SwiGlu, expert::Ffn>;
using AnyFeedForward = OneOf<Mixture<AnyRouter, AnyExpert, loss::LoadBalancing, loss::RouterZ>,
                             expert::SwiGlu, expert::Ffn>;
using AnyModel = LanguageModel<TransformerBlock<AnyNorm, AnyAttention, AnyFeedForward>>;

}  // namespace moenda::runner
