// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <moenda/moenda.hpp>

namespace compile_fail {

using namespace moenda;

template <class Router, class Expert, class... Losses>
using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<Router, Expert, Losses...>>>;

/// top_k, but it says it chooses by looking at later tokens.
struct LookingAhead : router::TopK {
  static constexpr RouterTraits traits{.causal_at_evaluation = false};
};
/// top_k, but it says it routes whole sequences.
struct WholeSequences : router::TopK {
  static constexpr RouterTraits traits{.granularity = Granularity::sequence};
};
/// top_k, but it says every expert gets the same number of items.
struct Balanced : router::TopK {
  static constexpr RouterTraits traits{.balanced_by_construction = true};
};
/// A router without anything to train.
struct Fixed : router::TopK {
  static constexpr RouterTraits traits{.has_parameters = false};
};

}  // namespace compile_fail
