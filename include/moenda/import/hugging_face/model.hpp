// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/attention/grouped_query.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/gated.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/mixture/interleave.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/mixture/sum.hpp"
#include "moenda/model/language_model.hpp"
#include "moenda/norm/identity.hpp"
#include "moenda/norm/layer.hpp"
#include "moenda/norm/rms.hpp"
#include "moenda/position/learned.hpp"
#include "moenda/position/rope.hpp"
#include "moenda/router/top_k.hpp"

/// Models that others trained, as folders that transformers saves.
namespace moenda::hugging_face {

// One composition for all families: what differs is chosen by the config.
using AnyNorm = OneOf<norm::Rms, norm::Layer>;
using AnyPosition = OneOf<position::Rope, position::Learned>;
using AnyHeadNorm = OneOf<norm::Identity, attention::QkNorm>;
using Attention = attention::GroupedQuery<AnyPosition, AnyHeadNorm>;
using Experts = Mixture<router::TopK, expert::SwiGlu>;
using SharedExpert = expert::Gated<expert::SwiGlu>;
using SharedAndExperts = Sum<Experts, SharedExpert>;
using SparseOrDense = Interleave<OneOf<Experts, SharedAndExperts>, expert::SwiGlu>;
using FeedForward = OneOf<expert::Ffn, expert::SwiGlu, expert::GeGlu, SparseOrDense>;
using Model = LanguageModel<TransformerBlock<AnyNorm, Attention, FeedForward>>;

}  // namespace moenda::hugging_face
