// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models of labelled sequences and table rows that TOML can pick without recompiling.
#include "moenda/expert/gru.hpp"
#include "moenda/expert/pooled.hpp"
#include "moenda/model/sequence_model.hpp"
#include "moenda/router/gumbel.hpp"
#include "runner/model.hpp"

namespace moenda::runner {

using AnyInput = OneOf<input::Tokens, input::Features>;
/// Routers of rows (a table row is a sequence of one) and of whole sequences.
using AnyLabelledRouter =
    OneOf<router::TopK, router::NoisyTopK, router::BiasBalanced<router::TopK>, router::Gumbel,
          router::Dense, router::Random, router::PerSequence<router::TopK>,
          router::PerSequence<router::NoisyTopK>, router::PerSequence<router::Dense>,
          router::PerSequence<router::Random>>;
using LabelledMixture =
    Mixture<AnyLabelledRouter,
            Experts<expert::Ffn, expert::SwiGlu, expert::Identity, expert::Pooled<expert::Ffn>,
                    expert::Gru>,
            loss::LoadBalancing, loss::RouterZ, loss::Importance, loss::Entropy>;
using AnyLabelledFeedForward =
    OneOf<LabelledMixture, expert::Ffn, expert::SwiGlu, expert::Pooled<expert::Ffn>, expert::Gru>;
using LabelledBlock = TransformerBlock<AnyNorm, AnyAttention, AnyExpert>;
template <class Output>
using LabelledModel = SequenceModel<AnyInput, LabelledBlock, AnyLabelledFeedForward, Output>;

}  // namespace moenda::runner
