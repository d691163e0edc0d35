// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/moenda.hpp"

namespace moenda::runner {

// Every model that TOML can pick without recompiling: 3 x 3 position and head-norm choices, 2
// attentions, 2 norms, 3 feed-forwards, 2 experts. Your own module joins by one more name here.
using AnyPosition = OneOf<position::Rope, position::Learned, position::None>;
using AnyHeadNorm = OneOf<norm::Identity, attention::QkNorm>;
using AnyMixture = Mixture<OneOf<router::TopK>, OneOf<expert::SwiGlu, expert::Ffn>,
                           loss::LoadBalancing, loss::RouterZ>;
using AnyModel =
    LanguageModel<TransformerBlock<OneOf<norm::Rms, norm::Layer>,
                                   OneOf<attention::GroupedQuery<AnyPosition, AnyHeadNorm>,
                                         attention::MultiHead<AnyPosition, AnyHeadNorm>>,
                                   OneOf<AnyMixture, expert::SwiGlu, expert::Ffn>>>;

}  // namespace moenda::runner
