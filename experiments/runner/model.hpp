// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/moenda.hpp"

namespace moenda::runner {

// Every model that TOML can pick without recompiling. Your own module joins by one more name here.
using AnyNorm = OneOf<norm::Rms, norm::Layer>;
using AnyPosition = OneOf<position::Rope, position::Learned, position::None>;
using AnyHeadNorm = OneOf<norm::Identity, attention::QkNorm>;
using AnyAttention = OneOf<attention::GroupedQuery<AnyPosition, AnyHeadNorm>,
                           attention::MultiHead<AnyPosition, AnyHeadNorm>>;
using AnyRouter =
    OneOf<router::TopK, router::Switch, router::GShard, router::NoisyTopK,
          router::BiasBalanced<router::TopK>, router::BiasBalanced<router::NoisyTopK>,
          router::BiasBalanced<router::Switch>, router::BiasBalanced<router::GShard>,
          router::MaskOutputs<router::TopK>, router::TopAny, router::Sinkhorn, router::Base,
          router::AllowFutureLeak<router::ExpertChoice>,
          router::AllowFutureLeak<router::ExpertChoiceInSequence>, router::ExpertChoiceAtPosition,
          router::Hash, router::Dense, router::Random, router::Uniform>;
using AnyExpert = OneOf<expert::SwiGlu, expert::Ffn>;
template <Gradient gradient>
using AnyCondMlp =
    CondMlp<gradient, loss::LoadBalancing, loss::RouterZ, loss::Importance, loss::Penalty>;
using AnyMixture = Mixture<AnyRouter, AnyExpert, loss::LoadBalancing, loss::RouterZ,
                           loss::Importance, loss::SmoothLoad, loss::Penalty, loss::Entropy>;
using AnyFeedForward = OneOf<AnyMixture, expert::SwiGlu, expert::Ffn, AnyCondMlp<Gradient::none>,
                             AnyCondMlp<Gradient::scaled>, AnyCondMlp<Gradient::straight_through>,
                             Sum<AnyMixture, expert::SwiGlu>, Interleave<AnyMixture, AnyExpert>>;
using AnyModel = LanguageModel<TransformerBlock<AnyNorm, AnyAttention, AnyFeedForward>>;

}  // namespace moenda::runner
